/** Runs that are always allowed at once, whatever they cost. A plan fails a key that runs more often, so its frozen clock never meets this limit. */
const LEAST_RUNS = 8

/**
 * Bounds what one key costs in a storm of events: a pass over a large pool costs as much for one event as for a thousand.
 * Every run takes what it costs from a budget of the key that fills up again with time; small ones never notice.
 * Nothing is lost by waiting: a level-based run sees everything that came meanwhile.
 */
export class Pace {
  readonly #perSecond: number
  readonly #keys = new Map<string, { left: number; at: number }>()

  /** @param perSecond cost that a key may have in a second: for a pass over people, how many of them */
  constructor(perSecond: number) {
    this.#perSecond = perSecond
  }

  /**
   * Takes one run.
   * @param cost of this run; one that costs more than a second's budget runs so much more seldom
   * @returns undefined: run; otherwise the time to come back at (milliseconds, as `now`)
   */
  take(key: string, cost: number, now: number): number | undefined {
    const most = LEAST_RUNS * Math.max(this.#perSecond, cost)
    const { left: before, at } = this.#keys.get(key) ?? { left: most, at: now }
    const left = Math.min(most, before + ((now - at) * this.#perSecond) / 1000)
    // Fractions of a budget add up to a little less than the whole.
    if (left < cost - 1e-9) return Math.ceil(now + ((cost - left) * 1000) / this.#perSecond)
    this.#keys.set(key, { left: left - cost, at: now })
    return undefined
  }

  /** The key is gone. */
  forget(key: string): void {
    this.#keys.delete(key)
  }
}
