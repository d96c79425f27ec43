/** How many runs of one key may follow each other at once. A plan fails a key that runs more often, so its frozen clock never meets this limit. */
const BURST = 8

/**
 * Lets a key run at once while there is little to do, and only so often under a storm of events: a pass over a large pool or organization costs as much for one event as for a thousand.
 * Nothing is lost by waiting: a level-based run sees everything that came meanwhile.
 */
export class Pace {
  readonly #every: number
  readonly #keys = new Map<string, { left: number; at: number }>()

  /** @param every milliseconds in which one more run is allowed */
  constructor(every: number) {
    this.#every = every
  }

  /** Takes one run. @returns undefined: run; otherwise the time to come back at */
  take(key: string, now: number): number | undefined {
    const { left: before, at } = this.#keys.get(key) ?? { left: BURST, at: now }
    const earned = Math.floor((now - at) / this.#every)
    const left = Math.min(BURST, before + earned)
    const since = left === BURST ? now : at + earned * this.#every
    if (left === 0) return since + this.#every
    this.#keys.set(key, { left: left - 1, at: since })
    return undefined
  }

  /** The key is gone. */
  forget(key: string): void {
    this.#keys.delete(key)
  }
}
