import { RosterError } from '../api/errors.ts'
import type { LicensePool } from '../api/licensepool.ts'
import type { Membership } from '../api/membership.ts'
import type { Reason } from '../api/names.ts'
import type { SeatLedger } from '../api/seatledger.ts'
import { claimKeys, type KeyBatch, type KeyClaims, type KeyedPage, keyBatches } from '../decide/license-keys.ts'
import { accountName } from '../decide/record-names.ts'
import { settingsFor, type World } from './context.ts'
import { mailBasics, type OnceResult, recipientOf, sendOnce } from './mails.ts'
import type { PoolMembers } from './poolmembers.ts'

/** Mails of one pass that are on their way at the same time, and how many one pass sends at most. */
const AT_ONCE = 8
const MOST = 200
/** A secret is not watched: whoever waits for keys looks again so often. Milliseconds. */
const LOOK_AGAIN = 60_000

const MISSING: ReadonlySet<Reason> = new Set(['SecretNotFound', 'SecretAudience'])

/** The keys of a pool as the secret gives them now. */
export interface KeyRing {
  /** Fingerprint → key, in the order of the lines. Never logged, never stored. */
  keys: Map<string, string>
}

/** Why keys cannot be handed out; seats are given all the same. */
export interface KeyTrouble {
  reason: Reason
  message: string
}

/**
 * Reads the keys of a pool: one a line, empty lines and repetitions do not count.
 * @throws what the reader throws for another cause than a missing or foreign secret
 */
export const keyRing = async (world: World, pool: LicensePool): Promise<KeyRing | KeyTrouble | undefined> => {
  const { keysSecretRef } = pool.spec
  if (!keysSecretRef) return undefined
  try {
    const { value } = await world.secrets.read(keysSecretRef, `licensepool/${pool.metadata.name}`)
    const lines = value.split('\n').flatMap(line => line.trim() || [])
    return { keys: new Map(lines.map(line => [world.fingerprint(line), line])) }
  } catch (error) {
    if (!(error instanceof RosterError) || !MISSING.has(error.reason)) throw error
    return { reason: error.reason, message: error.message }
  }
}

/** Claims keys for everybody who has a used seat and none yet. Nothing is written here. */
export const claimsOf = (
  world: World,
  pool: LicensePool,
  of: { pages: readonly KeyedPage[]; members: PoolMembers; ring: KeyRing },
): KeyClaims => {
  const elsewhere = new Set<string>()
  for (const ledger of world.cache.list('SeatLedger'))
    if (ledger.spec.pool !== pool.metadata.name) for (const key of ledger.spec.keys) elsewhere.add(key.fingerprint)
  return claimKeys({
    pages: of.pages,
    mailed: of.members.mailed,
    available: [...of.ring.keys.keys()],
    elsewhere,
    now: world.clock.now(),
  })
}

/** What became of the mails that are due. */
export interface KeyMails {
  sent: number
  /** When to look again; milliseconds. */
  again: number | undefined
  /** People whose address is not proven yet: their keys wait for that. */
  unproven: number
  trouble: KeyTrouble | undefined
}

/**
 * Mails every claimed key that was not mailed yet: once, only to a proven address, or to the declared one of somebody who joins without a portal.
 * The claim in the ledger comes first; so a crash leaves a key that is still to be mailed, never one that is mailed twice to different people.
 */
export const mailKeys = async (
  world: World,
  pool: LicensePool,
  of: { ledgers: readonly SeatLedger[]; members: PoolMembers; ring: KeyRing },
): Promise<KeyMails> => {
  const result: KeyMails = { sent: 0, again: undefined, unproven: 0, trouble: undefined }
  const later = (time: number) => {
    result.again = Math.min(result.again ?? time, time)
  }
  const byAddress = Map.groupBy([...of.members.memberships.values()].flat(), record => record.spec.address)
  const due: { batch: KeyBatch; record: Membership; keys: string[] }[] = []
  for (const batch of keyBatches(of.ledgers.map(ledger => ledger.spec))) {
    const records = [
      ...new Set([...(byAddress.get(batch.address ?? '') ?? []), ...(of.members.memberships.get(batch.holder) ?? [])]),
    ].map(record => world.cache.get('Membership', record.metadata.name) ?? record)
    const key = mailKey(pool, batch)
    if (records.length === 0 || records.some(record => isOver(record, key, batch.time))) continue
    const record = records.find(one => one.spec.mails.some(mail => mail.key === key)) ?? records.find(isMailable(world))
    if (!record) {
      result.unproven++
      continue
    }
    const keys = batch.fingerprints.map(fingerprint => of.ring.keys.get(fingerprint))
    if (!keys.every(one => one !== undefined)) {
      const message = `a key that was claimed for ${record.spec.address} is no longer in ${pool.spec.keysSecretRef?.name}; put it back, so that it can be mailed`
      result.trouble = { reason: 'KeysExhausted', message }
      later(world.clock.now() + LOOK_AGAIN)
      continue
    }
    due.push({ batch, record, keys })
  }

  if (due.length > MOST) later(world.clock.now())
  const line = due.slice(0, MOST).values()
  const send = async () => {
    for (const { batch, record, keys } of line) {
      const mailed = await mailBatch(world, pool, batch, record, keys)
      if (!mailed) continue
      if (mailed.again !== undefined) later(mailed.again)
      if (mailed.record.spec.mails.some(mail => mail.key === mailKey(pool, batch) && mail.outcome === 'Sent'))
        result.sent++
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, send))
  return result
}

const mailBatch = async (
  world: World,
  pool: LicensePool,
  batch: KeyBatch,
  record: Membership,
  keys: string[],
): Promise<OnceResult | undefined> => {
  const settings = settingsFor(world, record.spec.organization)?.settings
  if (!settings) return undefined
  const user = record.spec.user && world.cache.get('User', record.spec.user.name)
  const key = mailKey(pool, batch)
  const paragraph = settings.mail.templates.licenseKeys
  return sendOnce(world, record, {
    key,
    organization: record.spec.organization,
    because: `LicensePool/${pool.metadata.name}`,
    to: record.spec.address,
    template: 'licenseKeys',
    compose: mail =>
      world.composer.licenseKeys({
        ...mailBasics(world, {
          settings,
          membership: record.metadata.name,
          purpose: key,
          date: mail.claimedTime,
          to: recipientOf(record.spec.address, user),
        }),
        ...(paragraph !== undefined && { paragraph }),
        product: pool.spec.product,
        keys,
      }),
  })
}

const mailKey = (pool: LicensePool, batch: KeyBatch): string => `keys/${pool.metadata.name}/${batch.fingerprints[0]}`

/** A mail of this key was sent, refused or given up; or so many have followed it that the record no longer shows it. */
const isOver = ({ spec }: Membership, key: string, claimed: string): boolean => {
  const mail = spec.mails.find(one => one.key === key)
  if (mail) return mail.outcome === 'Sent' || mail.outcome === 'Refused'
  return spec.mails.length >= 200 && spec.mails.every(one => one.claimedTime > claimed)
}

const isMailable =
  (world: Pick<World, 'cache'>) =>
  ({ spec }: Membership): boolean => {
    if (spec.declared?.present && spec.declared.join === 'None') return true
    const account = world.cache.get('Account', accountName(spec.address))
    return account?.spec.proven !== undefined && account.spec.closed === undefined
  }
