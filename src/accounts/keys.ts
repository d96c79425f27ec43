import { createHmac, randomBytes } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { type Retry, RosterError } from '../api/errors.ts'
import type { Reason } from '../api/names.ts'

/**
 * What a key is for. A key of one purpose is never used for another.
 * `link`: links of mails. `form`: tokens of forms and cookies. `fingerprint`: how a licence key is remembered without being kept.
 */
export const KEY_PURPOSES = ['link', 'form', 'fingerprint'] as const
export type KeyPurpose = (typeof KEY_PURPOSES)[number]

const KEY_BYTES = 32
/** The newest signs; it and the one before it verify. */
const VERIFYING = 2

/** One secret with the id under which a signature names it. */
export interface Key {
  kid: string
  secret: Buffer
}

/** The keys of one installation. They live in files beside the store, never in it and never in a backup. */
export interface Keys {
  /** The newest key of a purpose. */
  signing(purpose: KeyPurpose): Key
  /** One of the two newest, by its id. */
  verifying(purpose: KeyPurpose, kid: string): Key | undefined
  /** HMAC-SHA256 of a licence key, base64url: equal for equal keys, of no use without the key file. */
  fingerprint(licenseKey: string): string
}

/** A key file cannot be used. */
export class KeyFileError extends RosterError {
  readonly retry: Retry = 'never'
  readonly reason: Reason = 'NotAllowed'
}

/**
 * Reads `<folder>/<purpose>.<kid>` (kid: a number that grows), and makes the first key of each purpose where there is none; the folder gets mode 0700, files 0600.
 * Safe beside other processes that do the same: all end up with the same key.
 *
 * @throws KeyFileError for a file that others may read, or that holds no key
 */
export const openKeys = (folder: string, random: (size: number) => Buffer = randomBytes): Keys => {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chmodSync(folder, 0o700)
  const rings = new Map(KEY_PURPOSES.map(purpose => [purpose, readRing(folder, purpose, random)]))
  const ring = (purpose: KeyPurpose): Key[] => rings.get(purpose) ?? []
  // Fingerprints are compared with those of years ago, so they stay with the first key.
  const oldest = ring('fingerprint').at(0) as Key
  return {
    signing: purpose => ring(purpose).at(-1) as Key,
    verifying: (purpose, kid) =>
      ring(purpose)
        .slice(-VERIFYING)
        .find(key => key.kid === kid),
    fingerprint: licenseKey => createHmac('sha256', oldest.secret).update(licenseKey).digest('base64url'),
  }
}

/** The fingerprint of {@link Keys}, where there is a key for it; makes no file and changes none: for who only looks. @throws KeyFileError */
export const storedFingerprint = (folder: string): Keys['fingerprint'] | undefined => {
  const [oldest] = existsSync(folder) ? kids(folder, 'fingerprint') : []
  if (oldest === undefined) return undefined
  const secret = readKey(join(folder, `fingerprint.${oldest}`))
  return licenseKey => createHmac('sha256', secret).update(licenseKey).digest('base64url')
}

/**
 * Adds a newer key, which signs from the next {@link openKeys} on. Do it twice, and everything signed with the key before is void.
 * @returns the id of the new key
 */
export const rotateKey = (
  folder: string,
  purpose: Exclude<KeyPurpose, 'fingerprint'>,
  random: (size: number) => Buffer = randomBytes,
): string => {
  const newest = kids(folder, purpose).at(-1) ?? 0
  writeKey(folder, purpose, newest + 1, random)
  return String(newest + 1)
}

/** Oldest first, never empty. */
const readRing = (folder: string, purpose: KeyPurpose, random: (size: number) => Buffer): Key[] => {
  if (kids(folder, purpose).length === 0) writeKey(folder, purpose, 1, random)
  return kids(folder, purpose).map(kid => ({ kid: String(kid), secret: readKey(join(folder, `${purpose}.${kid}`)) }))
}

const kids = (folder: string, purpose: KeyPurpose): number[] =>
  readdirSync(folder)
    .flatMap(name => {
      const [of, kid = '', ...rest] = name.split('.')
      return of === purpose && rest.length === 0 && /^[1-9][0-9]{0,3}$/.test(kid) ? [Number(kid)] : []
    })
    .sort((a, b) => a - b)

const readKey = (path: string): Buffer => {
  const { mode } = statSync(path)
  if (process.platform !== 'win32' && (mode & 0o077) !== 0)
    throw new KeyFileError(
      `the key file ${path} may be read by others; chmod 600 it, or remove it: then every open link is void and a new key is made`,
    )
  const secret = Buffer.from(readFileSync(path, 'utf8').trim(), 'base64url')
  if (secret.length !== KEY_BYTES)
    throw new KeyFileError(
      `the key file ${path} holds no key; remove it: then every open link is void and a new key is made`,
    )
  return secret
}

/** Whole or not at all: written under another name first, then linked, which fails when somebody was faster. */
const writeKey = (folder: string, purpose: KeyPurpose, kid: number, random: (size: number) => Buffer): void => {
  const draft = join(folder, `.${purpose}.${kid}.${random(8).toString('hex')}`)
  const file = openSync(draft, 'wx', 0o600)
  try {
    writeSync(file, `${random(KEY_BYTES).toString('base64url')}\n`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  try {
    linkSync(draft, join(folder, `${purpose}.${kid}`))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    unlinkSync(draft)
  }
}
