import { randomBytes } from 'node:crypto'
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
import { checksOf, type KeySource } from './keycheck.ts'
import { fingerprinting, KEY_BYTES, type Key, type KeyPurpose, type Keys, keyOf, keysOf } from './keyring.ts'

export type { Key, KeyPurpose, Keys } from './keyring.ts'

/** What the files of an installation are for; credentials lie in a file of their own there, and are not sealed. */
const FILE_PURPOSES = ['link', 'form', 'fingerprint'] as const satisfies readonly KeyPurpose[]

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
  return keysOf(new Map(FILE_PURPOSES.map(purpose => [purpose, readRing(folder, purpose, random)])))
}

/**
 * Reads the keys that somebody else provides in a folder: a Secret that is mounted, say, whose files are links and may be read by the group. Makes and changes nothing.
 *
 * @throws KeyFileError when one is missing, may be read by everybody, or holds no key
 */
export const openMountedKeys = (folder: string): Keys => {
  const rings = storedRings(folder, readMountedKey)
  const missing = FILE_PURPOSES.find(purpose => rings.get(purpose)?.length === 0)
  if (missing)
    throw new KeyFileError(
      `${folder} holds no key ${missing}.1; put 32 random bytes there, as base64url (\`openssl rand 32 | basenc --base64url\`)`,
    )
  return keysOf(rings)
}

/** Keys in a folder of Roster's own. */
export const ownKeyFolder = (folder: string): KeySource => ({
  place: folder,
  checks: async () => checksOf(storedRings(folder, readKey)),
  open: async () => openKeys(folder),
})

/** Keys in a folder that somebody else fills. */
export const mountedKeyFolder = (folder: string): KeySource => ({
  place: folder,
  checks: async () => checksOf(storedRings(folder, readMountedKey)),
  open: async () => openMountedKeys(folder),
})

/** The keys that a folder holds; none where there is no folder. */
const storedRings = (folder: string, read: (path: string) => Buffer): Map<KeyPurpose, Key[]> => {
  const ring = (purpose: KeyPurpose): Key[] =>
    kids(folder, purpose).map(kid => ({ kid: String(kid), secret: read(join(folder, `${purpose}.${kid}`)) }))
  const purposes = [...FILE_PURPOSES, 'credentials'] as const
  return new Map(purposes.map(purpose => [purpose, existsSync(folder) ? ring(purpose) : []]))
}

/** The fingerprint of {@link Keys}, where there is a key for it; makes no file and changes none: for who only looks. @throws KeyFileError */
export const storedFingerprint = (folder: string): Keys['fingerprint'] | undefined => {
  const [oldest] = existsSync(folder) ? kids(folder, 'fingerprint') : []
  if (oldest === undefined) return undefined
  return fingerprinting(readMountedKey(join(folder, `fingerprint.${oldest}`)))
}

/**
 * Adds a newer key, which signs from the next {@link openKeys} on. Do it twice, and everything signed with the key before is void.
 * @returns the id of the new key
 */
export const rotateKey = (
  folder: string,
  purpose: 'link' | 'form',
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

/** One that somebody else put there: group may read it, and nothing makes another. */
const readMountedKey = (path: string): Buffer => {
  if (isOpenTo(0o007, path))
    throw new KeyFileError(
      `the key file ${path} may be read by everybody; chmod 440 it, or mount the Secret with defaultMode: 0440`,
    )
  const secret = keyOf(readFileSync(path, 'utf8'))
  if (!secret) throw new KeyFileError(`the key file ${path} holds no key; put the right one back`)
  return secret
}

const readKey = (path: string): Buffer => {
  const remedy =
    'put the right one back. To go on without it: remove it, and `roster accept-loss keys` says what dies with it'
  if (isOpenTo(0o077, path))
    throw new KeyFileError(`the key file ${path} may be read by others; chmod 600 it, or ${remedy}`)
  const secret = keyOf(readFileSync(path, 'utf8'))
  if (!secret) throw new KeyFileError(`the key file ${path} holds no key; ${remedy}`)
  return secret
}

/** @param others bits of its mode */
const isOpenTo = (others: number, path: string): boolean =>
  process.platform !== 'win32' && (statSync(path).mode & others) !== 0

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
