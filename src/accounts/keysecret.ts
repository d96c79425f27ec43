import { randomBytes } from 'node:crypto'
import { isConflict, type Retry, RosterError } from '../api/errors.ts'
import type { Reason } from '../api/names.ts'
import { type SecretData, SecretForbiddenError, type SecretObject, type SecretObjects } from '../ports/secretobjects.ts'
import { checksOf, type KeySource } from './keycheck.ts'
import { fingerprinting, KEY_BYTES, type Key, type KeyPurpose, type Keys, keyOf, keysOf } from './keyring.ts'

const PURPOSES: readonly KeyPurpose[] = ['link', 'form', 'fingerprint', 'credentials']
const TRIES = 10

/** The Secret with the keys of a realm cannot be used. */
export class KeySecretError extends RosterError {
  readonly retry: Retry = 'never'
  readonly reason: Reason = 'NotAllowed'
}

export interface KeySecretOptions {
  objects: SecretObjects
  name: string
  random?: (size: number) => Buffer
}

/**
 * Keys in one Secret, `<purpose>.<kid>` each, as base64url. Those that are missing are made there, by compare-and-swap: whoever made the Secret may have made it empty,
 * and replicas that start at once end with the same keys. A key that is there is never changed.
 *
 * @throws KeySecretError for one that holds no key; what SecretObjects throws
 */
export const openSecretKeys = async ({ objects, name, random = randomBytes }: KeySecretOptions): Promise<Keys> => {
  for (let tries = 1; ; tries++) {
    const found = await objects.get(name)
    const rings = ringsOf(found, objects.namespace)
    const missing = PURPOSES.filter(purpose => rings.get(purpose)?.length === 0)
    if (missing.length === 0) return keysOf(rings)
    const made: SecretData = Object.fromEntries(
      missing.map(purpose => [`${purpose}.1`, random(KEY_BYTES).toString('base64url')]),
    )
    try {
      if (found) await objects.replace(name, { ...found.data, ...made }, { ifVersion: found.version })
      else await objects.create(name, made)
    } catch (error) {
      if (!isConflict(error) || tries === TRIES) throw error
    }
  }
}

/** Keys in a Secret. */
export const keySecret = ({ objects, name }: Omit<KeySecretOptions, 'random'>): KeySource => ({
  place: `the Secret ${name} in the namespace ${objects.namespace}`,
  checks: async () => checksOf(ringsOf(await objects.get(name), objects.namespace)),
  open: () => openSecretKeys({ objects, name }),
})

/**
 * The fingerprint of {@link Keys}, where there is a key for it; makes none: for who only looks. Who may not read the Secret has none:
 * a look needs no right to the keys, and then takes every licence key for one that was never given.
 * @throws KeySecretError; what SecretObjects throws
 */
export const storedSecretFingerprint = async ({
  objects,
  name,
}: Omit<KeySecretOptions, 'random'>): Promise<Keys['fingerprint'] | undefined> => {
  const found = await objects.get(name).catch((error: unknown) => {
    if (error instanceof SecretForbiddenError) return undefined
    throw error
  })
  const [oldest] = ringsOf(found, objects.namespace).get('fingerprint') ?? []
  return oldest && fingerprinting(oldest.secret)
}

const ringsOf = (found: SecretObject | undefined, namespace: string): Map<KeyPurpose, Key[]> =>
  new Map(PURPOSES.map(purpose => [purpose, found ? ringOf(found, purpose, namespace) : []]))

/** Oldest first. */
const ringOf = ({ name, data }: SecretObject, purpose: KeyPurpose, namespace: string): Key[] =>
  Object.keys(data)
    .flatMap(entry => {
      const [of, kid = '', ...rest] = entry.split('.')
      return of === purpose && rest.length === 0 && /^[1-9][0-9]{0,3}$/.test(kid) ? [Number(kid)] : []
    })
    .sort((a, b) => a - b)
    .map(kid => {
      const secret = keyOf(Buffer.from(data[`${purpose}.${kid}`] ?? '').toString('utf8'))
      if (!secret)
        throw new KeySecretError(
          `the Secret ${name} in the namespace ${namespace} holds no key under ${purpose}.${kid}; put the right one back. To go on without it: remove the entry, and \`roster accept-loss keys\` says what dies with it`,
        )
      return { kid: String(kid), secret }
    })
