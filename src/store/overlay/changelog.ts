import type { Kind } from '../../api/names.ts'
import { GoneError } from '../errors.ts'
import type { AnyResource, WatchEvent, WatchOptions } from '../store.ts'

/**
 * All changes of an overlay, in order. Its versions are the base's with a number after it (`417+3`), so they lie strictly after the base;
 * what happened before the overlay began is not known here.
 */
export class ChangeLog {
  readonly #base: string
  readonly #entries: { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: AnyResource }[] = []
  readonly #waiting = new Set<() => void>()
  readonly #closing = new AbortController()

  constructor(base: string) {
    this.#base = base
  }

  /** Version of the newest change. */
  get version(): string {
    return this.#text(this.#entries.length)
  }

  /** Version that the next change will have. */
  get next(): string {
    return this.#text(this.#entries.length + 1)
  }

  append(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: AnyResource): void {
    this.#entries.push({ type, object })
    for (const wake of [...this.#waiting]) wake()
  }

  async *watch({ since, kinds, signal }: WatchOptions): AsyncGenerator<WatchEvent, void, undefined> {
    const ended = AbortSignal.any([signal, this.#closing.signal])
    const wanted = kinds && new Set<Kind>(kinds)
    let seen = this.#number(since)
    let marked = -1
    while (!ended.aborted) {
      for (let entry = this.#entries[seen]; entry; entry = this.#entries[seen]) {
        seen += 1
        if (ended.aborted) return
        if (!wanted || wanted.has(entry.object.kind)) yield { ...entry }
      }
      if (marked !== seen) yield { type: 'BOOKMARK', resourceVersion: this.#text(seen) }
      marked = seen
      if (seen === this.#entries.length) await this.#woken(ended)
    }
  }

  close(): void {
    this.#closing.abort()
  }

  #text(count: number): string {
    return count === 0 ? this.#base : `${this.#base}+${count}`
  }

  #number(version: string): number {
    const count =
      version === this.#base
        ? 0
        : version.startsWith(`${this.#base}+`)
          ? Number(version.slice(this.#base.length + 1))
          : Number.NaN
    if (Number.isInteger(count) && count >= 0 && count <= this.#entries.length) return count
    throw new GoneError(`changes after version ${JSON.stringify(version)} are not known here: list again`)
  }

  #woken(ended: AbortSignal): Promise<void> {
    if (ended.aborted) return Promise.resolve()
    return new Promise(resolve => {
      const done = () => {
        this.#waiting.delete(done)
        ended.removeEventListener('abort', done)
        resolve()
      }
      this.#waiting.add(done)
      ended.addEventListener('abort', done, { once: true })
    })
  }
}
