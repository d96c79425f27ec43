import { RosterError } from '../api/errors.ts'
import type { LicensePool } from '../api/licensepool.ts'
import type { Membership } from '../api/membership.ts'
import type { Reason } from '../api/names.ts'
import type { SeatKey, SeatLedger } from '../api/seatledger.ts'
import { normalizeAddress } from '../decide/address.ts'
import { holdersOf } from '../decide/held-seats.ts'
import { claimKeys, type KeyBatch, type KeyClaims, type KeyedPage, keyBatches } from '../decide/license-keys.ts'
import { isJoined } from '../decide/membership.ts'
import { accountName } from '../decide/record-names.ts'
import type { Cache } from '../runtime/reconciler.ts'
import { settingsFor, type World } from './context.ts'
import { mailBasics, type OnceResult, recipientOf, sendOnce } from './mails.ts'
import { type PoolMembers, poolsFor } from './poolmembers.ts'

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
  const claimed = of.pages.flatMap(page => page.keys)
  return claimKeys({
    pages: of.pages,
    mailed: of.members.mailed,
    available: isForeign(claimed, of.ring) ? [] : [...of.ring.keys.keys()],
    elsewhere,
    now: world.clock.now(),
  })
}

/**
 * None of the keys that were handed out is in the secret: then nobody can tell which of these were, and none is given.
 * So it is after a restore without the folder of keys, in which every fingerprint is another one.
 */
const isForeign = (claimed: readonly SeatKey[], { keys }: KeyRing): boolean =>
  claimed.length > 0 && !claimed.some(({ fingerprint }) => keys.has(fingerprint))

/** A mail with keys that were claimed and not mailed yet. */
export interface DueMail {
  batch: KeyBatch
  /** Name of the mail in the Membership, once ever. */
  key: string
  /** Where it goes; undefined: no address of the person is proven yet. */
  record: Membership | undefined
}

/**
 * Mails that are still due for the claims of some pages: to a proven address, or to the declared one of somebody who joins without a portal.
 * Nothing is due for somebody who has no used seat any more: their keys stay theirs and are mailed when they come back.
 */
export const dueMails = (
  { cache }: Pick<World, 'cache'>,
  pool: LicensePool,
  ledgers: readonly SeatLedger[],
): DueMail[] => {
  const users = new Set(
    cache
      .by('SeatLedger', 'pool', pool.metadata.name)
      .flatMap(ledger => ledger.spec.slots.flatMap(slot => (slot.state === 'Used' ? holdersOf(slot) : []))),
  )
  return keyBatches(ledgers.map(ledger => ledger.spec)).flatMap(batch => {
    if (!holdersOf(batch).some(holder => users.has(holder))) return []
    const key = `keys/${pool.metadata.name}/${batch.fingerprints[0]}`
    const records = recordsOf(cache, pool, batch)
    if (records.length === 0 || records.some(record => isOver(record, key, batch.time))) return []
    const begun = records.find(record => record.spec.mails.some(mail => mail.key === key))
    return [{ batch, key, record: begun ?? records.find(record => mailAddress(cache, record) !== undefined) }]
  })
}

/** What is to be said of the keys of a pool. */
export const keyTrouble = (
  world: World,
  pool: LicensePool,
  of: { ring: KeyRing | KeyTrouble | undefined; ledgers: readonly SeatLedger[]; members: PoolMembers; short: number },
): { unproven: number; trouble: KeyTrouble | undefined } => {
  const { ring, short } = of
  if (!ring) {
    const message = 'sendToEmail is set, but there are no keys to mail: name them in keysSecretRef'
    return { unproven: 0, trouble: of.members.mailed.size > 0 ? { reason: 'InvalidSpec', message } : undefined }
  }
  if (!('keys' in ring)) return { unproven: 0, trouble: ring }
  const secret = pool.spec.keysSecretRef?.name
  const handedOut = of.ledgers.flatMap(ledger => ledger.spec.keys)
  const due = dueMails(world, pool, of.ledgers)
  const lost = due.find(({ batch }) => !batch.fingerprints.every(fingerprint => ring.keys.has(fingerprint)))
  const trouble: KeyTrouble | undefined = lost
    ? {
        reason: 'KeysExhausted',
        message: `a key that was claimed for ${lost.batch.address ?? lost.batch.holder} is no longer in ${secret}; put it back, so that it can be mailed`,
      }
    : short > 0 && isForeign(handedOut, ring)
      ? {
          reason: 'KeysExhausted',
          message: `none of the ${handedOut.length} keys handed out so far is recognised in ${secret}, so none is given: leave handed-out keys in it, put back the keys of this installation after a restore, or begin a new pool with new keys`,
        }
      : short > 0
        ? {
            reason: 'KeysExhausted',
            message: `${short === 1 ? '1 person with a seat waits' : `${short} people with a seat wait`} for a licence key; add keys to ${secret}`,
          }
        : undefined
  return { unproven: due.filter(mail => !mail.record).length, trouble }
}

/** Mails one batch of keys. @returns undefined where its keys, its organization or its address are gone */
export const mailKeys = async (
  world: World,
  pool: LicensePool,
  { batch, key, record }: DueMail & { record: Membership },
  ring: KeyRing,
): Promise<OnceResult | undefined> => {
  const keys = batch.fingerprints.flatMap(fingerprint => ring.keys.get(fingerprint) ?? [])
  const settings = settingsFor(world, record.spec.organization)?.settings
  const to = mailAddress(world.cache, record)
  if (!settings || to === undefined || keys.length < batch.fingerprints.length) return undefined
  const user = record.spec.user && world.cache.get('User', record.spec.user.name)
  const paragraph = settings.mail.templates.licenseKeys
  return sendOnce(world, record, {
    key,
    organization: record.spec.organization,
    because: `LicensePool/${pool.metadata.name}`,
    to,
    template: 'licenseKeys',
    compose: mail =>
      world.composer.licenseKeys({
        ...mailBasics(world, {
          settings,
          record: record.metadata.name,
          purpose: key,
          date: mail.claimedTime,
          to: recipientOf(to, user),
        }),
        ...(paragraph !== undefined && { paragraph }),
        product: pool.spec.product,
        keys,
      }),
  })
}

/** Memberships of the person that keys were claimed for, the one of the address of the claim first. */
const recordsOf = (cache: Cache, pool: LicensePool, { holder, address }: KeyBatch): Membership[] => {
  const uid = holder.startsWith('user/') ? holder.slice('user/'.length) : undefined
  const all = [
    ...(address === undefined ? [] : cache.by('Membership', 'address', address)),
    ...(uid === undefined ? [] : cache.by('Membership', 'userUid', uid)),
  ]
  return [...new Set(all)].filter(
    ({ spec }) =>
      spec.organization === pool.spec.organization ||
      (pool.spec.shared === true && poolsFor(cache, spec.organization).includes(pool.metadata.name)),
  )
}

/** A mail of this key was sent, refused or given up; or so many have followed it that the record no longer shows it. */
const isOver = ({ spec }: Membership, key: string, claimed: string): boolean => {
  const mail = spec.mails.find(one => one.key === key)
  if (mail) return mail.outcome === 'Sent' || mail.outcome === 'Refused'
  return spec.mails.length >= 200 && spec.mails.every(one => one.claimedTime > claimed)
}

/**
 * Where keys of a membership may go, as written: the declared address of somebody who joins without a portal, else the membership's own once it is proven.
 * Undefined: nowhere yet.
 */
const mailAddress = (cache: Cache, { spec }: Membership): string | undefined => {
  if (!isJoined(spec)) return undefined
  const email = spec.user && cache.get('User', spec.user.name)?.spec.email
  if (spec.declared?.present && spec.declared.join === 'None') return email ?? spec.address
  const account = cache.get('Account', accountName(spec.address))
  if (account?.spec.proven === undefined || account.spec.closed !== undefined) return undefined
  return email !== undefined && normalizeAddress(email) === spec.address ? email : spec.address
}
