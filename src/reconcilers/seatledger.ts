import { people } from '../api/counted.ts'
import type { Membership } from '../api/membership.ts'
import type { SeatLedger } from '../api/seatledger.ts'
import type { ReconcileResult, Reconciler } from '../runtime/reconciler.ts'
import { isPaused, organizationsConcerned, recordEvent, settingsFor, type World, watch } from './context.ts'
import { stopFor } from './frozen.ts'
import { dueMails, keyRing, mailKeys } from './licensekeys.ts'
import { isDeleting } from './people.ts'
import { poolsFor } from './poolmembers.ts'

/** Mails of one page that are on their way at the same time, and how many one run sends before others get a turn. */
const AT_ONCE = 8
const MOST = 80
/** A secret is not watched: where it cannot be read, it is looked at again then; milliseconds. */
const LOOK_AGAIN = 60_000

/**
 * Mails the keys that a page of a ledger claims, each batch once. The claim comes first, with the seat, from the LicensePool reconciler:
 * so a crash leaves a key that is still to be mailed, never one that two people get.
 */
export const seatLedgerReconciler = (world: World): Reconciler<'SeatLedger'> => ({
  kind: 'SeatLedger',
  concurrency: 4,
  changed: ({ spec }) => [spec.keys, spec.keys.length > 0 && spec.slots],
  watches: [
    // An address that is proven now, somebody who has joined, a mail whose outcome is known.
    watch({
      kind: 'Account',
      changed: ({ spec }) => [spec.proven, spec.closed],
      wakes: ({ spec }, cache) =>
        cache.by('SeatLedger', 'holder', `address/${spec.address}`).map(ledger => ledger.metadata.name),
    }),
    watch({
      kind: 'Membership',
      changed: ({ spec }) => [spec.joined, spec.ended, spec.left, spec.declared, spec.user],
      *wakes({ spec }, cache) {
        const holders = [`address/${spec.address}`, ...(spec.user ? [`user/${spec.user.uid}`] : [])]
        for (const holder of holders)
          for (const ledger of cache.by('SeatLedger', 'holder', holder)) yield ledger.metadata.name
      },
    }),
    watch({
      kind: 'LicensePool',
      changed: ({ metadata, spec }) => [metadata.annotations, spec.keysSecretRef],
      wakes: ({ metadata }, cache) => cache.by('SeatLedger', 'pool', metadata.name).map(ledger => ledger.metadata.name),
    }),
    watch({
      kind: 'Organization',
      changed: ({ spec }) => spec.frozen,
      *wakes({ metadata }, cache) {
        for (const organization of organizationsConcerned(cache, metadata.name))
          for (const pool of poolsFor(cache, organization))
            for (const ledger of cache.by('SeatLedger', 'pool', pool)) yield ledger.metadata.name
      },
    }),
  ],
  reconcile: async name => {
    const ledger = world.cache.get('SeatLedger', name)
    return ledger && mailPage(world, ledger)
  },
})

const isFrozen = (world: World, { spec }: Membership): boolean =>
  stopFor(world, settingsFor(world, spec.organization)?.settings.frozen) !== undefined

const mailPage = async (world: World, ledger: SeatLedger): Promise<ReconcileResult | undefined> => {
  const pool = world.cache.get('LicensePool', ledger.spec.pool)
  if (!pool || isDeleting(pool) || isPaused(pool) || ledger.spec.keys.length === 0) return undefined
  const place = settingsFor(world, pool.spec.organization)
  if (!place || place.problem) return undefined
  const due = dueMails(world, pool, [ledger]).flatMap(mail =>
    mail.record && !isFrozen(world, mail.record) ? { ...mail, record: mail.record } : [],
  )
  if (due.length === 0) return undefined
  const now = world.clock.now()
  const ring = await keyRing(world, pool)
  if (!ring || !('keys' in ring)) return { again: now + LOOK_AGAIN }

  let again = due.length > MOST ? now : Number.POSITIVE_INFINITY
  let sent = 0
  const line = due.slice(0, MOST).values()
  const send = async () => {
    for (const mail of line) {
      const result = await mailKeys(world, pool, mail, ring)
      again = Math.min(again, result ? (result.again ?? again) : now + LOOK_AGAIN)
      if (result?.record.spec.mails.some(one => one.key === mail.key && one.outcome === 'Sent')) sent++
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: AT_ONCE }, send))
  if (sent > 0) {
    const ref = { kind: 'LicensePool' as const, name: pool.metadata.name, uid: pool.metadata.uid }
    await recordEvent(world, ref, 'Normal', 'KeyMailed', `keys mailed to ${people(sent)}`)
  }
  const failed = ends.find(end => end.status === 'rejected')
  if (failed) throw failed.reason
  return again === Number.POSITIVE_INFINITY ? undefined : { again }
}
