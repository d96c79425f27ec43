import { hkdfSync } from 'node:crypto'
import type { Key, KeyPurpose, Keys } from './keyring.ts'

/** A check value of each key, by its name (`link.1`). */
export type KeyChecks = Readonly<Record<string, string>>

/** Where the keys of a realm are kept. */
export interface KeySource {
  /** For people: `the Secret roster-keys in the namespace people`. */
  readonly place: string
  /** Of the keys that are there. Makes none. */
  checks(): Promise<KeyChecks>
  /** Reads all; makes the first of each purpose where there is none, unless somebody else provides them. */
  open(): Promise<Keys>
}

/** A key that was in use and is not there as it was. */
export interface LostKey {
  /** `link.1` */
  name: string
  purpose: KeyPurpose
  how: 'missing' | 'another'
}

const CHECK_BYTES = 16
/** Of these purposes the two newest keys are in use. */
const IN_USE = 2

/**
 * Tells a key from every other one and says nothing of it: drawn from it by HKDF-SHA256 (RFC 5869) under a label of its own, so that it is no signature, no fingerprint and no sealing key.
 */
export const checkOf = (purpose: KeyPurpose, { kid, secret }: Key): string =>
  Buffer.from(hkdfSync('sha256', secret, '', `roster key check ${purpose}.${kid}`, CHECK_BYTES)).toString('base64url')

/** The check values of whole rings. */
export const checksOf = (rings: ReadonlyMap<KeyPurpose, readonly Key[]>): KeyChecks =>
  Object.fromEntries(
    [...rings].flatMap(([purpose, keys]) => keys.map(key => [`${purpose}.${key.kid}`, checkOf(purpose, key)])),
  )

/**
 * Which keys in use are not there any more.
 *
 * - `fingerprint`: the oldest, which alone remembers licence keys, must be there, and the oldest still.
 * - `credentials`: each must be there, since what it sealed stays sealed with it.
 * - `link`, `form`: of the two newest, which verify, one must be there: taking away an old one when a newer is known is how keys are changed.
 *
 * A purpose of which none was known loses nothing.
 */
export const lostKeys = (known: KeyChecks, found: KeyChecks, purposes: readonly KeyPurpose[]): LostKey[] =>
  purposes.flatMap(purpose => {
    const names = namesOf(known, purpose)
    const gone = names.filter(name => found[name] !== known[name])
    const lost = (some: readonly string[]): LostKey[] =>
      some.map(name => ({ name, purpose, how: found[name] === undefined ? 'missing' : 'another' }))
    if (purpose === 'credentials') return lost(gone)
    if (purpose !== 'fingerprint') {
      const used = names.slice(-IN_USE)
      return used.every(name => gone.includes(name)) ? lost(used) : []
    }
    const oldest = names[0]
    if (oldest === undefined) return []
    return gone.includes(oldest) || namesOf(found, purpose)[0] !== oldest ? lost([oldest]) : []
  })

/** Names of one purpose, the oldest first. */
const namesOf = (checks: KeyChecks, purpose: KeyPurpose): string[] =>
  Object.keys(checks)
    .filter(name => name.startsWith(`${purpose}.`))
    .sort((a, b) => kidOf(a) - kidOf(b))

const kidOf = (name: string): number => Number(name.slice(name.indexOf('.') + 1))
