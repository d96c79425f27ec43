import { setImmediate } from 'node:timers/promises'
import type { Kind } from '../../api/names.ts'
import { GoneError } from '../errors.ts'
import type { StoredObject } from '../semantics/object.ts'
import type { AnyResource, WatchEvent, WatchOptions } from '../store.ts'
import type { Connection } from './connection.ts'
import type { ChangedObject, Objects } from './objects.ts'

/** Milliseconds between two looks for the writes of other processes. */
const POLL = 50
/** Objects that a list reads before it lets others run. */
const PAGE = 1_000
/** Changes that a watch reads at once; the consumer's pace decides when the next ones are read. */
const BATCH = 256

/**
 * Watches one file. Writes of this process wake every watcher at once; those of other processes are found by `PRAGMA data_version`, which costs two microseconds
 * and is asked only while somebody watches.
 */
export class Changes {
  readonly #connection: Connection
  readonly #objects: Objects
  readonly #waiting = new Set<() => void>()
  readonly #foreign = new Set<() => void>()
  readonly #closing = new AbortController()
  #poll: NodeJS.Timeout | undefined
  #watchers = 0
  #wakings = 0
  #dataVersion: unknown

  constructor(connection: Connection, objects: Objects) {
    this.#connection = connection
    this.#objects = objects
    connection.onCommit(() => this.#wake())
  }

  /** Calls back when another process wrote anything; noticed only while somebody watches or {@link follow}s. @returns a function that calls it off */
  follow(listener: () => void): () => void {
    this.#foreign.add(listener)
    this.#start()
    return () => {
      if (this.#foreign.delete(listener)) this.#stop()
    }
  }

  /**
   * All objects of a kind by name, true at the version that comes with them. Read page by page, others run in between; what changed meanwhile is folded in
   * at the end, in one look.
   */
  async list(kind: Kind): Promise<{ items: StoredObject[]; version: number }> {
    const items: StoredObject[] = []
    const start = await this.#connection.read(() => {
      items.push(...this.#objects.page(kind, '', PAGE))
      return this.#objects.version()
    })
    if (items.length < PAGE) return { items, version: start }
    for (;;) {
      await setImmediate()
      const last = items.at(-1)?.metadata.name ?? ''
      const end = await this.#connection.read(() => {
        const page = this.#objects.page(kind, last, PAGE)
        items.push(...page)
        if (page.length === PAGE) return undefined
        if (this.#objects.horizon() > start) throw new GoneError(`too much was deleted while ${kind} was listed`)
        return {
          version: this.#objects.version(),
          changed: this.#objects.changes(start, new Set([kind]), Number.MAX_SAFE_INTEGER),
        }
      })
      if (end) return { items: end.changed.length === 0 ? items : fold(items, end.changed), version: end.version }
    }
  }

  async *watch({ since, kinds, signal }: WatchOptions): AsyncGenerator<WatchEvent, void, undefined> {
    const wanted = kinds && new Set<Kind>(kinds)
    const ended = AbortSignal.any([signal, this.#closing.signal])
    let cursor = versionNumber(since)
    // Everything up to here was delivered. A life that began later is new to this watcher, once.
    let drained = cursor
    const added = new Set<string>()
    let marked = -1
    this.#watchers += 1
    this.#start()
    try {
      while (!ended.aborted) {
        const wakings = this.#wakings
        const { changed, newest } = await this.#connection.read(() => {
          const newest = this.#objects.version()
          if (cursor < this.#objects.horizon() || cursor > newest) {
            throw new GoneError(`changes after version ${cursor} are no longer known: list again`)
          }
          // Nothing new is what most wakings find.
          return { newest, changed: newest === cursor ? [] : this.#objects.changes(cursor, wanted, BATCH) }
        })
        for (const { born, deleted, object } of changed) {
          if (ended.aborted) return
          const isNew = born > drained && !added.has(object.metadata.uid)
          if (isNew) added.add(object.metadata.uid)
          yield { type: deleted ? 'DELETED' : isNew ? 'ADDED' : 'MODIFIED', object: resource(object) }
        }
        if (changed.length === BATCH) {
          cursor = changed.at(-1)?.version ?? newest
          await setImmediate()
          continue
        }
        cursor = newest
        drained = newest
        added.clear()
        if (ended.aborted) return
        if (marked !== newest) yield { type: 'BOOKMARK', resourceVersion: String(newest) }
        marked = newest
        await this.#woken(wakings, ended)
      }
    } finally {
      this.#watchers -= 1
      this.#stop()
    }
  }

  /** Ends all watches. */
  close(): void {
    this.#closing.abort()
    this.#foreign.clear()
    clearInterval(this.#poll)
    this.#poll = undefined
  }

  /** Resolves when there was a waking after the `seen`th, or when `ended` aborts. */
  #woken(seen: number, ended: AbortSignal): Promise<void> {
    if (this.#wakings !== seen || ended.aborted) return Promise.resolve()
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

  #wake(): void {
    this.#wakings += 1
    for (const done of [...this.#waiting]) done()
  }

  #start(): void {
    if (this.#connection.file === ':memory:' || this.#poll || this.#closing.signal.aborted) return
    this.#dataVersion = this.#readDataVersion()
    this.#poll = setInterval(() => this.#look(), POLL)
  }

  #stop(): void {
    if (this.#watchers > 0 || this.#foreign.size > 0) return
    clearInterval(this.#poll)
    this.#poll = undefined
  }

  #look(): void {
    let version: unknown
    try {
      version = this.#readDataVersion()
    } catch {
      // Whoever is woken reads for themselves, and tells their caller what is wrong with the file.
    }
    if (version !== undefined && version === this.#dataVersion) return
    this.#dataVersion = version
    for (const listener of this.#foreign) listener()
    this.#wake()
  }

  #readDataVersion(): unknown {
    return this.#connection.statement('PRAGMA data_version').get()?.data_version
  }
}

const fold = (items: readonly StoredObject[], changed: readonly ChangedObject[]): StoredObject[] => {
  const byName = new Map(items.map(item => [item.metadata.name, item]))
  for (const { deleted, object } of changed) {
    if (deleted) byName.delete(object.metadata.name)
    else byName.set(object.metadata.name, object)
  }
  return [...byName.values()].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
}

/** @throws GoneError for what is no version of this store */
const versionNumber = (version: string): number => {
  if (!/^\d{1,15}$/.test(version))
    throw new GoneError(`version ${JSON.stringify(version)} is not of this store: list again`)
  return Number(version)
}

const resource = (object: StoredObject): AnyResource => object as unknown as AnyResource
