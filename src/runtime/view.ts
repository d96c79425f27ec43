import { setImmediate } from 'node:timers/promises'
import type { AnyResource, ResourceOf } from '../api/kinds.ts'
import type { Kind } from '../api/names.ts'
import type { ObjectRef } from '../api/resource.ts'
import { compareVersions } from '../store/version.ts'
import { IndexedCache } from './cache.ts'
import { interner } from './interner.ts'
import { EndedLives } from './lives.ts'
import { type RuntimeObserver, tell } from './observer.ts'
import type { Cache, Indexes } from './reconciler.ts'

/** What became of one object. `before` is missing for a new one, `after` for one that is gone; a life that replaces another has both, with two uids. */
export interface ObjectChange {
  kind: Kind
  name: string
  before: AnyResource | undefined
  after: AnyResource | undefined
  /** It was there when the informer started: nothing has changed. */
  initial: boolean
}

/** What is kept of an object of a kind in memory. It must keep kind and metadata. Who replaces a trimmed object reads it from the store first. */
export type Trims = { [K in Kind]?: (object: ResourceOf<K>) => ResourceOf<K> }

/** One kind as a store listed it. */
export interface Listed {
  kind: Kind
  version: string
  objects: AnyResource[]
}

export interface ViewOptions {
  kinds: readonly Kind[]
  indexes?: Indexes
  trims?: Trims
  observer?: RuntimeObserver
  /** Nobody else writes, and no watch will tell of own writes again. */
  alone?: boolean
  /** See `IndexedCache`. */
  lazy?: boolean
}

/** After so many objects in one go, everybody else gets a turn. */
const TURN = 500

/**
 * What is known of a store: a cache, and who is told of each change in it. Lists, events of a watch and own writes all go in here, in whatever order they arrive:
 * an object never goes back to an older version of itself, and a life that ended never comes back.
 */
export class View {
  readonly #options: ViewOptions
  readonly #cache: IndexedCache
  readonly #handlers = new Set<(change: ObjectChange) => void>()
  readonly #intern = interner()
  readonly #ended = new EndedLives()
  /** Version at which each kind was listed: older events of it are in the list already. */
  readonly #listed = new Map<Kind, string>()

  constructor(options: ViewOptions) {
    this.#options = options
    this.#cache = new IndexedCache(options.kinds, options.indexes ?? {}, { lazy: options.lazy ?? false })
  }

  get cache(): Cache {
    return this.#cache
  }

  /** Whether it was told to hold this kind. */
  holds(kind: Kind): boolean {
    return this.#options.kinds.includes(kind)
  }

  /** Whether this life of an object is known and has not ended. */
  has({ kind, metadata }: AnyResource): boolean {
    return this.holds(kind) && this.#cache.get(kind, metadata.name)?.metadata.uid === metadata.uid
  }

  /** Tells each change, after it is in the cache and in the same turn. @returns a function that stops it */
  onChange(handler: (change: ObjectChange) => void): () => void {
    this.#handlers.add(handler)
    return () => void this.#handlers.delete(handler)
  }

  /** Applies an object that an own write returned, unless something newer is known. */
  observe(object: AnyResource): void {
    if (this.holds(object.kind)) this.#set(this.#compact(object))
  }

  /** Applies an own write that removed this life of an object. */
  forget(ref: ObjectRef & { uid: string }): void {
    if (!this.holds(ref.kind)) return
    if (!this.#options.alone) this.#ended.endedByOwnWrite(ref.uid, ref.kind)
    if (this.#cache.get(ref.kind, ref.name)?.metadata.uid === ref.uid) this.#remove(ref.kind, ref.name)
  }

  /** Applies an event of a watch. */
  apply(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: AnyResource): void {
    const { kind, metadata } = object
    if (!this.holds(kind)) return
    if (type === 'DELETED') {
      this.#ended.confirm(metadata.uid)
      if (this.#cache.get(kind, metadata.name)?.metadata.uid === metadata.uid) this.#remove(kind, metadata.name)
    } else if (compareVersions(metadata.resourceVersion, this.#listed.get(kind) ?? '0') > 0) {
      this.#set(this.#compact(object))
    }
  }

  /** Makes objects ready to be kept: trimmed, and with shared strings. */
  async prepare(items: AnyResource[]): Promise<AnyResource[]> {
    const objects: AnyResource[] = []
    for (const item of items) {
      objects.push(this.#compact(item))
      if (objects.length % TURN === 0) await setImmediate()
    }
    return objects
  }

  /** Takes in the first lists. Nobody reads yet: all kinds go in, and only then the handlers hear of them. */
  async fill(lists: readonly Listed[]): Promise<void> {
    let done = 0
    for (const { kind, version, objects } of lists) {
      this.#listed.set(kind, version)
      for (const object of objects) {
        this.#store(object)
        if (++done % TURN === 0) await setImmediate()
      }
    }
    for (const { kind, objects } of lists) {
      for (const after of objects) {
        this.#tell({ kind, name: after.metadata.name, before: undefined, after, initial: true })
        if (++done % TURN === 0) await setImmediate()
      }
    }
  }

  /** Puts a later list in the place of what is known of its kind, in one turn. */
  swap({ kind, version, objects }: Listed): void {
    this.#listed.set(kind, version)
    const names = new Set(objects.map(object => object.metadata.name))
    for (const { metadata } of [...this.#cache.list(kind)]) {
      // What is newer than the list was written since, and is not in it for that reason.
      if (!names.has(metadata.name) && compareVersions(metadata.resourceVersion, version) <= 0) {
        this.#ended.confirm(metadata.uid)
        this.#remove(kind, metadata.name)
      }
    }
    this.#ended.confirmMissing(kind, new Set(objects.map(object => object.metadata.uid)))
    for (const object of objects) this.#set(object)
  }

  #set(object: AnyResource): void {
    const { kind, metadata } = object
    if (this.#ended.has(metadata.uid)) return
    const before = this.#cache.get(kind, metadata.name)
    if (before && compareVersions(metadata.resourceVersion, before.metadata.resourceVersion) <= 0) return
    if (!this.#store(object)) return
    this.#tell({ kind, name: metadata.name, before, after: object, initial: false })
  }

  /** @returns whether it is in the cache; an object that an index cannot take is reported and left out */
  #store(object: AnyResource): boolean {
    try {
      this.#cache.set(object)
      return true
    } catch (error) {
      tell(this.#options.observer, 'handlerFailed', { kind: object.kind, name: object.metadata.name, error })
      return false
    }
  }

  #remove(kind: Kind, name: string): void {
    const before = this.#cache.get(kind, name)
    if (!before) return
    this.#cache.delete(kind, name)
    this.#tell({ kind, name, before, after: undefined, initial: false })
  }

  #tell(change: ObjectChange): void {
    for (const handler of this.#handlers) {
      try {
        handler(change)
      } catch (error) {
        // One object that a handler cannot take must not stop the others.
        tell(this.#options.observer, 'handlerFailed', { kind: change.kind, name: change.name, error })
      }
    }
  }

  #compact(object: AnyResource): AnyResource {
    const compact = this.#trim(object)
    this.#intern(compact)
    return compact
  }

  /** An object that cannot be trimmed is kept whole: it costs memory, and holds up nobody. */
  #trim(object: AnyResource): AnyResource {
    const { kind, metadata } = object
    const trim = this.#options.trims?.[kind] as ((object: AnyResource) => AnyResource) | undefined
    if (!trim) return object
    try {
      const trimmed = trim(object)
      if (trimmed.kind === kind && trimmed.metadata.uid === metadata.uid) return trimmed
      throw new Error(`the trim of ${kind} changed kind or metadata`)
    } catch (error) {
      tell(this.#options.observer, 'handlerFailed', { kind, name: metadata.name, error })
      return object
    }
  }
}
