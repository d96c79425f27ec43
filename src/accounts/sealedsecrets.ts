import { setTimeout as pause } from 'node:timers/promises'
import { isConflict } from '../api/errors.ts'
import type { SecretData, SecretObjects } from '../ports/secretobjects.ts'
import type { Sealing } from './sealing.ts'

/** Entries of one Secret as they are stored: sealed texts. */
export type Entries = Readonly<Record<string, string>>

/** Several replicas may want the same Secret at the same moment. */
const TRIES = 40

/**
 * Secrets whose entries are sealed, each for its place: the namespace, the Secret and the entry. Changes are compare-and-swap;
 * those of this process to one Secret stand in line, so that a burst does not fight itself.
 */
export class SealedSecrets {
  readonly objects: SecretObjects
  readonly #sealing: Sealing
  readonly #random: () => number
  readonly #lines = new Map<string, Promise<unknown>>()

  constructor(options: { objects: SecretObjects; sealing: Sealing; random?: () => number }) {
    this.objects = options.objects
    this.#sealing = options.sealing
    this.#random = options.random ?? Math.random
  }

  seal(secret: string, entry: string, text: string): string {
    return this.#sealing.seal(text, this.#place(secret, entry))
  }

  /** @returns undefined for what was not sealed by us for this place */
  open(secret: string, entry: string, sealed: string): string | undefined {
    return this.#sealing.open(sealed, this.#place(secret, entry))
  }

  /** The entries of a Secret; none where there is no such Secret. */
  async read(secret: string): Promise<Entries> {
    const found = await this.objects.get(secret)
    return found ? textsOf(found.data) : {}
  }

  /**
   * Changes the entries of a Secret, and makes it where there is none. `decide` may be asked again, with what others wrote meanwhile; what it throws ends it.
   * @param decide gives the entries to be, or nothing where they may stay, with what to return
   */
  change<T>(secret: string, decide: (before: Entries) => { after?: Entries; result: T }): Promise<T> {
    const act = async (): Promise<T> => {
      for (let tries = 1; ; tries++) {
        const found = await this.objects.get(secret)
        const { after, result } = decide(found ? textsOf(found.data) : {})
        if (!after) return result
        try {
          if (found) await this.objects.replace(secret, after, { ifVersion: found.version })
          else await this.objects.create(secret, after)
          return result
        } catch (error) {
          if (!isConflict(error) || tries === TRIES) throw error
        }
        await pause(this.#random() * Math.min(200, 5 * tries))
      }
    }
    const before = this.#lines.get(secret) ?? Promise.resolve()
    const done = before.then(act, act)
    this.#lines.set(secret, done)
    const clear = (): void => {
      if (this.#lines.get(secret) === done) this.#lines.delete(secret)
    }
    done.then(clear, clear)
    return done
  }

  #place(secret: string, entry: string): string[] {
    return [this.objects.namespace, secret, entry]
  }
}

const textsOf = (data: SecretData): Record<string, string> =>
  Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('utf8')]))
