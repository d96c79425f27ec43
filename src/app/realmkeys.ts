import { type KeyChecks, type KeySource, type LostKey, lostKeys } from '../accounts/keycheck.ts'
import type { KeyPurpose, Keys } from '../accounts/keyring.ts'
import { type Retry, RosterError } from '../api/errors.ts'
import type { Reason } from '../api/names.ts'
import { ForbiddenError } from '../store/kubernetes/errors.ts'
import type { ResourceStore } from '../store/store.ts'

/** Keys that a realm used are gone. Nothing is made in their place: what depends on them would die without a word. */
export class KeysLostError extends RosterError {
  readonly retry: Retry = 'never'
  readonly reason: Reason = 'NotAllowed'
  readonly remedy =
    'Put the right ones back; no backup of Roster holds them. To start over with new ones, `roster accept-loss keys` says what dies with the old'
  readonly lost: readonly LostKey[]
  constructor(place: string, lost: readonly LostKey[]) {
    super(`keys of this realm are gone from ${place}: ${lost.map(textOf).join(', ')}`)
    this.lost = lost
  }
}

const textOf = ({ name, how }: LostKey): string => `${name} is ${how === 'missing' ? 'missing' : 'another one'}`

export interface RealmKeysOptions {
  store: Pick<ResourceStore, 'marks' | 'mark'>
  source: KeySource
  /** What keys are used for in this realm. */
  purposes: readonly KeyPurpose[]
}

/** The keys of a realm, which notes of each that it used it. */
export class RealmKeys {
  readonly #options: RealmKeysOptions
  #keys: Promise<Keys> | undefined

  constructor(options: RealmKeysOptions) {
    this.#options = options
  }

  /**
   * Makes those that are missing where none was used before. Read once: for as long as this process lives they stay the same, for its pages and its loop.
   * @throws KeysLostError
   */
  open(): Promise<Keys> {
    this.#keys ??= this.#open().catch((error: unknown) => {
      this.#keys = undefined
      throw error
    })
    return this.#keys
  }

  /** Keys that were used and are not there as they were. Makes and notes nothing. */
  async lost(): Promise<LostKey[]> {
    const { store, source } = this.#options
    return this.#missing((await store.marks()).keys, await source.checks())
  }

  /** Takes the keys that are there for those of the realm, and makes those of which there is none. */
  async accept(): Promise<Keys> {
    const { store, source } = this.#options
    const keys = await source.open()
    await store.mark(marks => ({ ...marks, keys: this.#noted(keys) }))
    return keys
  }

  async #open(): Promise<Keys> {
    const { store, source } = this.#options
    const { keys: known } = await store.marks()
    this.#refuse(known, await source.checks())
    const keys = await source.open()
    // Once more: they may have gone, and been made anew, in between.
    this.#refuse(known, keys.checks)
    try {
      await store.mark(marks => {
        this.#refuse(marks.keys, keys.checks)
        return { ...marks, keys: this.#noted(keys) }
      })
    } catch (error) {
      // Who may only look leaves it to those who run the loop.
      if (!(error instanceof ForbiddenError)) throw error
    }
    return keys
  }

  #refuse(known: KeyChecks | undefined, found: KeyChecks): void {
    const lost = this.#missing(known, found)
    if (lost.length > 0) throw new KeysLostError(this.#options.source.place, lost)
  }

  #missing(known: KeyChecks | undefined, found: KeyChecks): LostKey[] {
    return lostKeys(known ?? {}, found, this.#options.purposes)
  }

  #noted({ checks }: Keys): KeyChecks {
    const { purposes } = this.#options
    return Object.fromEntries(
      Object.entries(checks).filter(([name]) => purposes.some(purpose => name.startsWith(`${purpose}.`))),
    )
  }
}
