import type { Source, SourceSpec } from '../api/source.ts'
import { lastApplied, mustFollow } from '../decide/rewriting.ts'
import { noteAuthors } from './authors.ts'
import type { Live } from './live.ts'
import { SyncMemory } from './memory.ts'
import { type Others, Readings } from './others.ts'
import type { SyncOptions } from './pass.ts'
import type { Revision, SourceReader } from './revision.ts'

/** Makes the reader of one source; the app gives it paths, secrets and the dialer. */
export type ReaderFactory = (source: { name: string; spec: SourceSpec }) => SourceReader

/** How often the history of a revision is asked for. */
const MOST_ASKED = 3

/**
 * The readers of all sources, one each, kept as long as what they read from stays the same.
 * They keep working copies and watchers; so there is one hub a process.
 */
export class SourceHub {
  readonly #open: ReaderFactory
  readonly #changed: (name: string) => void
  readonly #readings = new Readings()
  readonly #memories = new Map<string, SyncMemory>()
  readonly #readers = new Map<
    string,
    { from: string; reader: SourceReader; stopWatching: () => void; asked: Map<string, number> }
  >()

  /** @param changed called with the name of a source that may be worth reading again */
  constructor(options: { open: ReaderFactory; changed: (name: string) => void }) {
    this.#open = options.open
    this.#changed = options.changed
  }

  /** Reads a source now. @param now milliseconds since 1970 */
  async read(source: Source, { signal, now }: { signal: AbortSignal; now: number }): Promise<Revision> {
    const { name } = source.metadata
    const began = this.#readings.begin()
    const revision = await this.#read(source, signal)
    for (const waiting of this.#readings.end(name, began, revision, now)) this.wake(waiting)
    return revision
  }

  async #read(source: Source, signal: AbortSignal): Promise<Revision> {
    const { name } = source.metadata
    const from = JSON.stringify([source.spec.folder, source.spec.git])
    let entry = this.#readers.get(name)
    if (entry?.from !== from) {
      await this.#close(name)
      const reader = this.#open({ name, spec: source.spec })
      entry = { from, reader, stopWatching: reader.watch(() => this.#changed(name)), asked: new Map() }
      this.#readers.set(name, entry)
    }
    return entry.reader.read({ signal, after: mustFollow(source), applied: lastApplied(source) })
  }

  /**
   * Notes on what was just applied who had changed its files before the first commit that was read ({@link noteAuthors}).
   * What was answered once is not asked again by this process, nor what failed a few times.
   */
  async noteAuthors(options: SyncOptions & { live: Live; signal: AbortSignal }): Promise<void> {
    const entry = this.#readers.get(options.source)
    const { reader, asked } = entry ?? {}
    if (!reader?.history || !asked) return
    await noteAuthors(async of => {
      const tries = asked.get(of.revision) ?? 0
      if (tries >= MOST_ASKED) return undefined
      asked.set(of.revision, tries + 1)
      const found = await reader.history?.(of)
      asked.set(of.revision, MOST_ASKED)
      return found
    }, options)
  }

  /** What is known of all other sources. */
  others(name: string, names: readonly string[], now: number): Others {
    return this.#readings.others(name, names, now)
  }

  /** Has a source read soon. */
  wake(name: string): void {
    this.#changed(name)
  }

  /** Has these read, and then the one that waits for them. One that failed is not tried any sooner for it. */
  waitFor(name: string, others: readonly string[]): void {
    for (const other of this.#readings.wait(name, others)) this.wake(other)
  }

  /** What was applied of a source. One hub serves one store: versions of another one mean nothing here. */
  memory(name: string): SyncMemory {
    const memory = this.#memories.get(name) ?? new SyncMemory()
    this.#memories.set(name, memory)
    return memory
  }

  /** The same, where the source was applied by this process. */
  knownMemory(name: string): SyncMemory | undefined {
    return this.#memories.get(name)
  }

  /** A source is gone, or nothing is to be read of it for now. */
  async release(name: string): Promise<void> {
    for (const waiting of this.#readings.forget(name)) this.wake(waiting)
    this.#memories.delete(name)
    await this.#close(name)
  }

  async #close(name: string): Promise<void> {
    const entry = this.#readers.get(name)
    if (!entry) return
    this.#readers.delete(name)
    entry.stopWatching()
    await entry.reader.close()
  }

  async close(): Promise<void> {
    await Promise.all([...this.#readers.keys()].map(name => this.release(name)))
  }
}
