import { argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import PQueue from 'p-queue'
import { type Retry, RosterError } from '../api/errors.ts'
import type { Reason } from '../api/names.ts'
import { COMMON_PASSWORDS } from './common-passwords.ts'

/** Characters (NFC code points) of a password. No other rule of composition (NIST SP 800-63B section 5.1.1.2). */
export const PASSWORD_LENGTH = { least: 8, most: 256 } as const

/** Cost of one hash: memory in KiB, passes, lanes. */
export interface Argon2Cost {
  memory: number
  passes: number
  parallelism: number
}
/** OWASP Password Storage Cheat Sheet: argon2id with 19 MiB, two passes, one lane. */
export const OWASP_COST: Argon2Cost = { memory: 19_456, passes: 2, parallelism: 1 }

const TAG_BYTES = 32
const SALT_BYTES = 16

/** Too many passwords wait to be checked. Nothing was decided; try again in a moment. */
export class PasswordsBusyError extends RosterError {
  readonly retry: Retry = 'backoff'
  readonly reason: Reason = 'Retrying'
}

/** Hashes and checks passwords with argon2id, a few at a time: each one costs 19 MiB and a core for a while. */
export interface Passwords {
  /** PHC string: `$argon2id$v=19$m=…,t=…,p=…$salt$hash`. @throws PasswordsBusyError */
  hash(password: string): Promise<string>
  /**
   * @param hash undefined where there is none: takes as long, and is never right
   * @returns whether it is right, and whether the hash was made with another cost and should be made anew
   * @throws PasswordsBusyError
   */
  verify(password: string, hash: string | undefined): Promise<{ right: boolean; stale: boolean }>
}

export const createPasswords = (
  options: { cost?: Argon2Cost; concurrency?: number; mostWaiting?: number; random?: (size: number) => Buffer } = {},
): Passwords => {
  const { cost = OWASP_COST, concurrency = 2, mostWaiting = 500, random = randomBytes } = options
  const queue = new PQueue({ concurrency })
  const derive = (password: string, salt: Buffer, of: Argon2Cost): Promise<Buffer> => {
    if (queue.size >= mostWaiting)
      throw new PasswordsBusyError(`${mostWaiting} passwords are waiting to be checked; try again in a moment`)
    return queue.add(() => argon2id(password, salt, of))
  }
  return {
    hash: async password => {
      const salt = random(SALT_BYTES)
      return phc(cost, salt, await derive(password, salt, cost))
    },
    verify: async (password, hash) => {
      const parsed = hash === undefined ? undefined : parsePhc(hash)
      const of = parsed?.cost ?? cost
      const tag = await derive(password, parsed?.salt ?? Buffer.alloc(SALT_BYTES), of)
      const right = parsed !== undefined && tag.length === parsed.tag.length && timingSafeEqual(tag, parsed.tag)
      return {
        right,
        stale: right && (of.memory !== cost.memory || of.passes !== cost.passes || of.parallelism !== cost.parallelism),
      }
    },
  }
}

/**
 * Why a password cannot be taken; undefined: it can.
 * @param own words that belong to the person or the place (address, product, organization): a password that is hardly more than one of them is guessed first
 */
export const passwordProblem = (
  password: string,
  own: readonly string[],
): 'TooShort' | 'TooLong' | 'Common' | 'TooClose' | undefined => {
  const length = [...password.normalize('NFC')].length
  if (length < PASSWORD_LENGTH.least) return 'TooShort'
  if (length > PASSWORD_LENGTH.most) return 'TooLong'
  const plain = fold(password)
  if (COMMON_PASSWORDS.has(plain) || COMMON_PASSWORDS.has(plain.replace(/[^a-z]+$/, '')) || isOneRun(plain))
    return 'Common'
  const words = own
    .flatMap(word => [fold(word), ...fold(word).split('@'), ...fold(word).split(/[^\p{L}\p{N}]+/u)])
    .filter(word => word.length >= 4)
  // Four more characters than the word itself are no longer "hardly more".
  return words.some(word => plain.includes(word) && plain.length - word.length < 4) ? 'TooClose' : undefined
}

const fold = (text: string): string => text.normalize('NFKC').toLowerCase()

/** `aaaaaaaa`, `abcdefgh`, `87654321`: one character again and again, or one step on each time. */
const isOneRun = (text: string): boolean => {
  const steps = new Set(
    [...text].slice(1).map((letter, index) => (letter.codePointAt(0) ?? 0) - (text.codePointAt(index) ?? 0)),
  )
  const [step = 9] = steps
  return steps.size === 1 && Math.abs(step) <= 1
}

const argon2id = (password: string, nonce: Buffer, cost: Argon2Cost): Promise<Buffer> =>
  new Promise((resolve, reject) =>
    argon2(
      'argon2id',
      { message: Buffer.from(password.normalize('NFC')), nonce, tagLength: TAG_BYTES, ...cost },
      (error, tag) => (error ? reject(error) : resolve(tag)),
    ),
  )

/** The PHC string format, without padding. */
const phc = ({ memory, passes, parallelism }: Argon2Cost, salt: Buffer, tag: Buffer): string =>
  `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${unpadded(salt)}$${unpadded(tag)}`
const unpadded = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '')

const PHC = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,64})\$([A-Za-z0-9+/]{43})$/
const parsePhc = (text: string): { cost: Argon2Cost; salt: Buffer; tag: Buffer } | undefined => {
  const match = PHC.exec(text)
  if (!match) return undefined
  const [, memory, passes, parallelism, salt = '', tag = ''] = match
  return {
    cost: { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) },
    salt: Buffer.from(salt, 'base64'),
    tag: Buffer.from(tag, 'base64'),
  }
}
