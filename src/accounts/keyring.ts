import { createHmac } from 'node:crypto'
import { checksOf, type KeyChecks } from './keycheck.ts'

/**
 * What a key is for. A key of one purpose is never used for another.
 * `link`: links of mails. `form`: tokens of forms and cookies. `fingerprint`: how a licence key is remembered without being kept. `credentials`: what is kept of accounts where others can read it.
 */
export type KeyPurpose = 'link' | 'form' | 'fingerprint' | 'credentials'

export const KEY_BYTES = 32
/** The newest signs; it and the one before it verify. */
const VERIFYING = 2

/** One secret with the id under which a signature names it. */
export interface Key {
  kid: string
  secret: Buffer
}

/** The keys of one realm. They live beside the store, never in it and never in a backup. */
export interface Keys {
  /** The newest key of a purpose. */
  signing(purpose: 'link' | 'form' | 'fingerprint'): Key
  /** One of the two newest, by its id. */
  verifying(purpose: 'link' | 'form' | 'fingerprint', kid: string): Key | undefined
  /** All keys that seal credentials, the newest last: what an old one sealed stays readable. Empty where credentials are not sealed. */
  readonly sealing: readonly Key[]
  /** HMAC-SHA256 of a licence key, base64url: equal for equal keys, of no use without the key. */
  fingerprint(licenseKey: string): string
  /** Tell these keys from others, and say nothing of them. */
  readonly checks: KeyChecks
}

/** @param rings of each purpose, oldest first; at least one each of `link`, `form` and `fingerprint` */
export const keysOf = (rings: ReadonlyMap<KeyPurpose, readonly Key[]>): Keys => {
  const ring = (purpose: KeyPurpose): readonly Key[] => rings.get(purpose) ?? []
  return {
    signing: purpose => ring(purpose).at(-1) as Key,
    verifying: (purpose, kid) =>
      ring(purpose)
        .slice(-VERIFYING)
        .find(key => key.kid === kid),
    sealing: ring('credentials'),
    checks: checksOf(rings),
    // Fingerprints are compared with those of years ago, so they stay with the first key.
    fingerprint: fingerprinting((ring('fingerprint').at(0) as Key).secret),
  }
}

/** How one key remembers licence keys. */
export const fingerprinting =
  (secret: Buffer): Keys['fingerprint'] =>
  licenseKey =>
    createHmac('sha256', secret).update(licenseKey).digest('base64url')

/** A key as it is written down: base64url. Undefined for a text that is none. */
export const keyOf = (text: string): Buffer | undefined => {
  const secret = Buffer.from(text.trim(), 'base64url')
  return secret.length === KEY_BYTES ? secret : undefined
}
