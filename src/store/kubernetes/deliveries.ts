import type { WatchEvent } from '../store.ts'

/** Events that wait at most before whoever brings more has to wait too. */
const FULL = 1_000

/** Events of several kinds on their way to one consumer, in the order in which they arrive. A slow consumer slows the sources. */
export class Deliveries {
  readonly #waiting: WatchEvent[] = []
  #error: { error: unknown } | undefined
  #ended = false
  #consumer = Promise.withResolvers<void>()
  #room = Promise.withResolvers<void>()

  /** @returns when there is room for more */
  async put(event: WatchEvent): Promise<void> {
    if (this.#ended) return
    this.#waiting.push(event)
    this.#consumer.resolve()
    while (this.#waiting.length >= FULL && !this.#ended) await this.#room.promise
  }

  /** What was put is still delivered; then the consumer meets the error. */
  fail(error: unknown): void {
    this.#error ??= { error }
    this.#consumer.resolve()
  }

  /** Nothing more is delivered. */
  end(): void {
    this.#ended = true
    this.#waiting.length = 0
    this.#consumer.resolve()
    this.#room.resolve()
  }

  async *take(): AsyncGenerator<WatchEvent, void, undefined> {
    while (!this.#ended) {
      const event = this.#waiting.shift()
      if (event) {
        if (this.#waiting.length === FULL - 1) {
          this.#room.resolve()
          this.#room = Promise.withResolvers()
        }
        yield event
      } else if (this.#error) throw this.#error.error
      else {
        this.#consumer = Promise.withResolvers()
        await this.#consumer.promise
      }
    }
  }
}
