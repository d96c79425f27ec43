import { setImmediate } from 'node:timers/promises'
import { RosterError } from '../api/errors.ts'
import type { AnyResource } from '../api/kinds.ts'
import type { Kind } from '../api/names.ts'
import type { ObjectRef } from '../api/resource.ts'
import type { Clock } from '../ports/clock.ts'
import { GoneError } from '../store/errors.ts'
import type { ResourceStore, WatchEvent } from '../store/store.ts'
import { compareVersions } from '../store/version.ts'
import { backoffDelay, WATCH_BACKOFF } from './backoff.ts'
import type { Expectation } from './expectation.ts'
import { tell } from './observer.ts'
import { pauseUntil } from './pause.ts'
import type { Cache } from './reconciler.ts'
import { type Listed, type ObjectChange, View, type ViewOptions } from './view.ts'

export interface InformerOptions extends ViewOptions {
  store: Pick<ResourceStore, 'list' | 'watch' | 'info'>
  clock: Clock
  /** In [0, 1). */
  random: () => number
  /** Nobody else writes to this store: it is listed once and never watched, and a failing list fails at once. */
  alone?: boolean
  /** Lists everything anew so often, against events that a store lost. Milliseconds; default: never. */
  relistEvery?: number
  /** Asked before each list: what it must not lack. What is thrown ends the informer where trying again cannot help; nobody sees the list. */
  expecting?: (() => Promise<Expectation>) | undefined
}

/** After so many events in one go, everybody else gets a turn. */
const TURN = 500

/**
 * Knows the objects of some kinds: lists them, then watches from the version of the list. After client-go's reflector and kube-rs' watcher:
 *
 * - **listing**: the first list; its objects are told as `initial` once all kinds are there.
 * - **watching**: each event goes into the cache, then to the handlers. {@link version} moves with the bookmarks, not with the events: a store may tell several changes of an object as one,
 *   later than changes of others that came in between. When the watch breaks, it is opened again from the last bookmark, after a pause.
 * - **relisting**: the store no longer knows the changes since ({@link GoneError}). Readers keep the old view until the new one is complete; the differences are told.
 *
 * Own writes are applied at once ({@link observe}, {@link forget}). An object never goes back to an older version of itself, and a life that ended never comes back, whatever the watch still delivers.
 */
export class Informer {
  readonly #options: InformerOptions
  readonly #view: View
  readonly #progress = new Set<() => void>()
  readonly #stopping = new AbortController()
  #version: string | undefined
  #running: Promise<void> | undefined
  #expectation: Expectation | undefined
  #heard = Number.NEGATIVE_INFINITY
  #nextRelist = Number.POSITIVE_INFINITY

  constructor(options: InformerOptions) {
    this.#options = options
    this.#view = new View(options)
  }

  get cache(): Cache {
    return this.#view.cache
  }

  /** Every change up to this version is in the cache and was told to the handlers. Undefined until the first list is in. */
  get version(): string | undefined {
    return this.#version
  }

  /** Milliseconds since the store last said that everything was told: so old may be what is in the cache. Infinite until the first list is in. */
  get age(): number {
    return performance.now() - this.#heard
  }

  /** Tells each change, after it is in the cache and in the same turn. @returns a function that stops it */
  onChange(handler: (change: ObjectChange) => void): () => void {
    return this.#view.onChange(handler)
  }

  /** Calls back whenever {@link version} has moved. @returns a function that stops it */
  onProgress(callback: () => void): () => void {
    this.#progress.add(callback)
    return () => void this.#progress.delete(callback)
  }

  /**
   * Starts listing and watching.
   * @returns when the first list is in the cache and told; `ended` settles when watching ends: resolved after {@link stop}, rejected when the store cannot be used any more
   * @throws what the store throws, where trying again cannot help, or when `alone`; AbortError when stopped meanwhile
   */
  async start(): Promise<{ ended: Promise<void> }> {
    await this.#list(true)
    // An empty cache must not pass for an empty store.
    this.#stopping.signal.throwIfAborted()
    this.#running = this.#options.alone ? Promise.resolve() : this.#watch()
    // Whoever awaits `ended` meets the error there; until then it must not count as unhandled.
    this.#running.catch(() => undefined)
    return { ended: this.#running }
  }

  /** Ends the watch. The cache stays as it is. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running?.catch(() => undefined)
  }

  /** Applies an object that an own write returned, unless something newer is known. */
  observe(object: AnyResource): void {
    this.#view.observe(object)
    if (this.#options.alone) this.#moveTo(object.metadata.resourceVersion)
  }

  /** Applies an own write that removed this life of an object. */
  forget(ref: ObjectRef & { uid: string }): void {
    this.#view.forget(ref)
  }

  /** Whether it was told to hold this kind. */
  holds(kind: Kind): boolean {
    return this.#view.holds(kind)
  }

  /** Resolves when everything that the store holds now, whoever wrote it, was told to the handlers; or at {@link stop}. */
  async caughtUp(): Promise<void> {
    if (this.#options.alone) return
    const { resourceVersion } = await this.#options.store.info()
    const reached = () => this.#version !== undefined && compareVersions(this.#version, resourceVersion) >= 0
    await new Promise<void>(resolve => {
      const check = () => {
        if (!reached() && !this.#stopping.signal.aborted) return
        stopListening()
        this.#stopping.signal.removeEventListener('abort', check)
        resolve()
      }
      const stopListening = this.onProgress(check)
      this.#stopping.signal.addEventListener('abort', check)
      check()
    })
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stopping
    let failures = 0
    while (!signal.aborted) {
      const round = new AbortController()
      const cancelRelist = Number.isFinite(this.#nextRelist)
        ? this.#options.clock.at(this.#nextRelist, () => round.abort())
        : () => undefined
      let delivered = 0
      try {
        const since = this.#version ?? '0'
        const both = AbortSignal.any([signal, round.signal])
        for await (const event of this.#options.store.watch({ since, kinds: this.#options.kinds, signal: both })) {
          if (event.type === 'BOOKMARK') {
            this.#heard = performance.now()
            this.#moveTo(event.resourceVersion)
          } else this.#apply(event)
          failures = 0
          if (++delivered % TURN === 0) await setImmediate()
        }
        if (round.signal.aborted && !signal.aborted) await this.#list(false)
        // A watch that ends at once and in silence is as broken as one that throws.
        else if (delivered === 0) failures++
      } catch (error) {
        if (signal.aborted) return
        if (isHopeless(error)) throw error
        failures++
        tell(this.#options.observer, 'watchBroken', { error })
        if (error instanceof GoneError) await this.#list(false)
      } finally {
        cancelRelist()
      }
      if (failures > 0 && !signal.aborted) await this.#pause(failures)
    }
  }

  /** Lists until it works. A first list goes in kind by kind; a later one is swapped in when it is complete. */
  async #list(initial: boolean): Promise<void> {
    const { signal } = this.#stopping
    for (let failures = 1; !signal.aborted; failures++) {
      try {
        const begun = performance.now()
        const expectation = await this.#options.expecting?.()
        const lists: Listed[] = []
        for (const kind of this.#options.kinds) {
          const list = await this.#options.store.list(kind)
          const objects = await this.#view.prepare(list.items)
          lists.push({ kind, version: list.resourceVersion, objects })
        }
        if (signal.aborted) return
        expectation?.listed(kind => lists.find(list => list.kind === kind)?.objects.length ?? 0)
        this.#expectation = expectation
        this.#heard = begun
        const versions = lists.map(list => list.version).sort(compareVersions)
        if (initial) await this.#view.fill(lists)
        else for (const list of lists) this.#view.swap(list)
        const every = this.#options.relistEvery
        if (every) this.#nextRelist = this.#options.clock.now() + every * (0.9 + this.#options.random() / 5)
        tell(this.#options.observer, 'listed', {
          objects: lists.reduce((sum, list) => sum + list.objects.length, 0),
          initial,
        })
        // Watching goes on from the oldest list, so that no kind misses anything.
        if (versions[0] !== undefined) this.#moveTo(versions[0])
        return
      } catch (error) {
        if (signal.aborted) return
        if (isHopeless(error) || this.#options.alone) throw error
        tell(this.#options.observer, 'watchBroken', { error })
        await this.#pause(failures)
      }
    }
  }

  #apply({ type, object }: Exclude<WatchEvent, { type: 'BOOKMARK' }>): void {
    // A deletion of our own is not in the view any more.
    if (type === 'DELETED' && this.#view.has(object))
      this.#expectation?.deleted(object.kind, this.cache.count(object.kind))
    this.#view.apply(type, object)
  }

  #moveTo(version: string): void {
    if (this.#version !== undefined && compareVersions(version, this.#version) <= 0) return
    this.#version = version
    for (const callback of this.#progress) callback()
  }

  async #pause(failures: number): Promise<void> {
    const { clock, random } = this.#options
    await pauseUntil(clock, clock.now() + backoffDelay(failures, WATCH_BACKOFF, random), this.#stopping.signal)
  }
}

const isHopeless = (error: unknown): boolean => error instanceof RosterError && error.retry === 'never'
