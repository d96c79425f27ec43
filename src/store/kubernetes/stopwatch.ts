/**
 * Milliseconds since a moment, by the larger of two clocks: the steady one stands still while a machine sleeps, and the wall clock can be set back.
 * Real time, which no Clock drives: a lease is about this process and this network.
 */
export class Stopwatch {
  readonly #steady = performance.now()
  readonly #wall = Date.now()

  static start(): Stopwatch {
    return new Stopwatch()
  }

  elapsed(): number {
    return Math.max(performance.now() - this.#steady, Date.now() - this.#wall)
  }
}
