import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import type { Key } from './keyring.ts'

const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Seals texts so that who can read or swap what is stored learns nothing and gains nothing. */
export interface Sealing {
  /** @param place what the text belongs to: opened under another place it is refused */
  seal(text: string, place: readonly string[]): string
  /** @returns undefined for what was not sealed with one of our keys for this place */
  open(sealed: string, place: readonly string[]): string | undefined
}

/**
 * AES-256-GCM (NIST SP 800-38D) with a random nonce of 96 bits, and a key for each place drawn from the realm's key by HKDF-SHA256 (RFC 5869), so that no key meets as many nonces as could collide.
 * `<kid>.<nonce>.<ciphertext and tag>`, in base64url. The newest key seals, all open.
 */
export const sealingWith = (keys: readonly Key[], random: (size: number) => Buffer = randomBytes): Sealing => {
  const newest = keys.at(-1)
  if (!newest) throw new TypeError('sealing needs a key')
  const derived = (key: Key, info: string): Buffer =>
    Buffer.from(hkdfSync('sha256', key.secret, '', `roster credentials ${info}`, 32))
  return {
    seal: (text, place) => {
      const info = JSON.stringify(place)
      const nonce = random(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', derived(newest, info), nonce)
      cipher.setAAD(Buffer.from(info))
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
      return [newest.kid, nonce.toString('base64url'), body.toString('base64url')].join('.')
    },
    open: (sealed, place) => {
      const [kid, nonce = '', text = ''] = sealed.split('.')
      const key = keys.find(one => one.kid === kid)
      const iv = Buffer.from(nonce, 'base64url')
      const body = Buffer.from(text, 'base64url')
      if (!key || iv.length !== NONCE_BYTES || body.length < TAG_BYTES) return undefined
      const info = JSON.stringify(place)
      const decipher = createDecipheriv('aes-256-gcm', derived(key, info), iv, { authTagLength: TAG_BYTES })
      decipher.setAAD(Buffer.from(info))
      decipher.setAuthTag(body.subarray(-TAG_BYTES))
      try {
        return Buffer.concat([decipher.update(body.subarray(0, -TAG_BYTES)), decipher.final()]).toString('utf8')
      } catch {
        return undefined
      }
    },
  }
}
