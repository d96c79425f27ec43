import { createHash } from 'node:crypto'
import { normalizeAddress } from './address.ts'

/**
 * Names of records derive from their canonical key, so making one twice is impossible: `m-` and 26 characters of base32(sha256(organization, address)).
 */
export const membershipName = (organization: string, address: string): string =>
  `m-${digest([organization, normalizeAddress(address)], 26)}`

export const accountName = (address: string): string => `a-${digest([normalizeAddress(address)], 26)}`

/** What one Directory says of one person or group, by the id it has there. */
export const directoryRecordName = (directory: string, of: 'User' | 'Group', id: string): string =>
  `d-${digest([directory, of, id], 26)}`

/** `<readable ≤ 30>-<10>`: a name that Roster gives to a resource it makes, readable and the same every time. */
export const generatedName = (readable: string, ...key: string[]): string => {
  const words = readable
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 30)
    .replace(/-+$/, '')
  return `${words || 'x'}-${digest(key, 10)}`
}

/** The Invitation that a declared membership makes. */
export const generatedInvitationName = (user: string, organization: string): string =>
  generatedName(user, 'Invitation', user, organization)

/** The User of an address that nobody declares. */
export const generatedUserName = (address: string): string =>
  generatedName(address.split('@')[0] ?? '', 'User', normalizeAddress(address))

export const seatLedgerName = (pool: string, page: number): string => `${pool}-${page}`

/** Deterministic Message-ID of a mail: the same record, purpose and number give the same id (RFC 5322 section 3.6.4). */
export const messageId = (membership: string, purpose: string, host: string): string =>
  `<${digest([membership, purpose], 26)}.${membership}@${host}>`

/** Digest of what one Membership is to lose: the same loss has the same one, whoever wants it. */
export const lossDigest = (parts: readonly string[]): string => digest(['Loss', ...parts], 16)

/** Digest of what values were made with. It is asked for each person of a directory, of the one mapping that its resource holds. */
export const mappingDigest = (mapping: Readonly<Record<string, string>>): string => {
  const known = mappingDigests.get(mapping)
  if (known !== undefined) return known
  const sorted = Object.entries(mapping).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const made = digest(['Mapping', ...sorted.flat()], 16)
  mappingDigests.set(mapping, made)
  return made
}
const mappingDigests = new WeakMap<object, string>()

/** Digest of the first mail of one series. */
export const mailDigest = (series: number): string => digest(['Mail', String(series)], 16)

/** One loss in a set of removals. */
export const removalKey = (membership: string, digest: string): string => `${membership}/${digest}`

/** The Membership in a {@link removalKey}. */
export const membershipOf = (key: string): string => key.slice(0, key.indexOf('/'))

/** A set of removals: one name for each time that something is decided. */
export const removalSetName = (organization: string, hash: string, time: string, again: number): string =>
  `${organization}.${digest([organization, hash, time, String(again)], 10)}`

/** RFC 4648 base32 in lower case over SHA-256; the parts are told apart by their length. */
const digest = (parts: readonly string[], length: number): string => {
  const bytes = createHash('sha256')
    .update(parts.map(part => `${Buffer.byteLength(part)}:${part}`).join(''))
    .digest()
  let bits = 0
  let value = 0
  let text = ''
  for (const byte of bytes) {
    value = (value << 8) | byte
    bits += 8
    while (bits >= 5) {
      text += 'abcdefghijklmnopqrstuvwxyz234567'[(value >>> (bits - 5)) & 31]
      bits -= 5
      value &= (1 << bits) - 1
    }
    if (text.length >= length) break
  }
  return text.slice(0, length)
}
