import { createHash } from 'node:crypto'
import type { Entries, SealedSecrets } from './sealedsecrets.ts'

/** Bytes of entries in one Secret at most; a Secret may have 1 MiB, in base64. */
const LARGEST = 600_000

/**
 * A table of values that expire, spread by their key over 256 Secrets `<prefix>-00` to `-ff`: a bounded number, found without listing. What has expired goes with the next write to its Secret;
 * a Secret that gets too large loses what expires first. A key must be letters, digits, `-` and `_`.
 */
export class Shards<T> {
  readonly #secrets: SealedSecrets
  readonly #prefix: string

  constructor(secrets: SealedSecrets, prefix: string) {
    this.#secrets = secrets
    this.#prefix = prefix
  }

  async get(key: string): Promise<{ value: T; expires: number } | undefined> {
    const secret = this.#secretOf(key)
    const stored = (await this.#secrets.read(secret))[key]
    return stored === undefined ? undefined : this.#opened(secret, key, stored)
  }

  /**
   * Changes one value; no `to` leaves it as it is.
   * @param now milliseconds; what expired by then goes
   */
  change<R>(
    key: string,
    now: number,
    decide: (before: T | undefined) => { to?: { value: T; expires: number } | 'nothing'; result: R },
  ): Promise<R> {
    const secret = this.#secretOf(key)
    return this.#secrets.change(secret, entries => {
      const stored = entries[key]
      const before = stored === undefined ? undefined : this.#opened(secret, key, stored)
      const { to, result } = decide(before && before.expires > now ? before.value : undefined)
      if (!to) return { result }
      const { [key]: _, ...others } = living(entries, now)
      if (to === 'nothing') return { after: others, result }
      const text = JSON.stringify({ value: to.value, expires: to.expires })
      const sealed = `${to.expires}.${this.#secrets.seal(secret, key, text)}`
      return { after: { ...fitting(others, LARGEST - sealed.length - key.length), [key]: sealed }, result }
    })
  }

  /** What cannot be opened counts as absent: a session, a ticket or a count of somebody who has not our key. */
  #opened(secret: string, key: string, stored: string): { value: T; expires: number } | undefined {
    const text = this.#secrets.open(secret, key, stored.slice(stored.indexOf('.') + 1))
    return text === undefined ? undefined : (JSON.parse(text) as { value: T; expires: number })
  }

  #secretOf(key: string): string {
    return `${this.#prefix}-${createHash('sha256').update(key).digest('hex').slice(0, 2)}`
  }
}

/** When an entry expires, as it says in the open: enough to clean up by, and checked again where it is opened. */
const expiryOf = (stored: string): number => Number(stored.slice(0, Math.max(0, stored.indexOf('.'))))

const living = (entries: Entries, now: number): Record<string, string> =>
  Object.fromEntries(Object.entries(entries).filter(([, stored]) => expiryOf(stored) > now))

/** Those that fit, without what expires first. */
const fitting = (entries: Record<string, string>, bytes: number): Record<string, string> => {
  const size = (entry: readonly [string, string]): number => entry[0].length + entry[1].length
  let total = Object.entries(entries).reduce((sum, entry) => sum + size(entry), 0)
  if (total <= bytes) return entries
  const byExpiry = Object.entries(entries).sort((a, b) => expiryOf(a[1]) - expiryOf(b[1]))
  while (total > bytes) {
    const [first] = byExpiry.splice(0, 1)
    if (!first) break
    total -= size(first)
  }
  return Object.fromEntries(byExpiry)
}
