import type { Kind } from '../api/names.ts'
import type { Clock } from '../ports/clock.ts'
import type { ResourceStore } from '../store/store.ts'
import type { Backoff } from './backoff.ts'
import { cachedStore } from './cachedstore.ts'
import { Controller } from './controller.ts'
import { RestlessKeyError } from './errors.ts'
import type { Expectation } from './expectation.ts'
import { Informer } from './informer.ts'
import type { RuntimeObserver } from './observer.ts'
import type { Cache, Indexes, Reconciler } from './reconciler.ts'
import type { Trims } from './view.ts'

export interface LoopOptions<W = World> {
  store: ResourceStore
  /** Every kind that a reconciler reconciles, watches or reads from the cache. */
  kinds: readonly Kind[]
  indexes?: Indexes
  trims?: Trims
  /** Makes the reconcilers. What they write must go through the world's store. */
  reconcilers: (world: W) => readonly Reconciler[]
  /** Called when the cache holds all that was listed, before any key runs. */
  onFilled?: () => void
  clock: Clock
  /** In [0, 1). */
  random: () => number
  observer?: RuntimeObserver
  backoff?: Backoff
  /** See `ControllerOptions`. */
  resyncEvery?: number
  wakeInitial?: boolean
  /** See `InformerOptions`. */
  alone?: boolean
  lazy?: boolean
  relistEvery?: number
  expecting?: () => Promise<Expectation>
}

/** What reconcilers read and write. */
export interface World {
  /** Its writes are in the cache when they return. */
  store: ResourceStore
  cache: Cache
  /**
   * Resolves at a moment at which no key of these kinds is ready or running, and everything that was written through this store is in the cache;
   * keys that wait for a time do not count. Rejects when the signal aborts. Not for a run of one of these kinds: it would wait for itself.
   */
  whenIdle(kinds: readonly Kind[], signal: AbortSignal): Promise<void>
  /** Whether a key of these kinds failed and is tried again before this time (the Clock's milliseconds). */
  retriesBefore(kinds: readonly Kind[], time: number): boolean
}

/** A key that will run at a time. */
export interface Later {
  kind: Kind
  name: string
  /** The Clock's milliseconds. */
  time: number
}

/** What came of {@link Loop.runUntilIdle}. */
export interface Rest {
  runs: number
  /** Keys that asked for a later run, earliest first. */
  later: Later[]
  /** Keys whose last run failed, with its error. */
  failed: { kind: Kind; name: string; error: unknown }[]
  /** Keys that ran, each once, in the order of their first run. */
  ran: { kind: Kind; name: string }[]
}

/** An informer and its controllers over one store. Without a lease: who starts it answers for being the only one. */
export class Loop {
  readonly world: World
  readonly informer: Informer
  readonly controllers: readonly Controller[]
  /** Settles when watching ends: rejected when the store cannot be used any more. */
  readonly ended: Promise<void>
  readonly #idle: Set<() => void>

  /** For {@link openLoop}. */
  constructor(parts: {
    world: World
    informer: Informer
    controllers: readonly Controller[]
    ended: Promise<void>
    idle: Set<() => void>
  }) {
    this.world = parts.world
    this.informer = parts.informer
    this.controllers = parts.controllers
    this.ended = parts.ended
    this.#idle = parts.idle
  }

  /**
   * The version up to which every change is processed, with no key ready or running; undefined while one is. Delayed keys do not count.
   * The informer moves its version only after the keys of the change are queued, and both are read here in one turn: nothing comes in between.
   */
  idleVersion(): string | undefined {
    const { version } = this.informer
    return this.controllers.every(({ queue }) => queue.idle) ? version : undefined
  }

  /** Calls back whenever {@link idleVersion} may have changed. @returns a function that stops it */
  onIdleChange(callback: () => void): () => void {
    this.#idle.add(callback)
    const stop = this.informer.onProgress(callback)
    return () => {
      stop()
      this.#idle.delete(callback)
    }
  }

  controller(kind: Kind): Controller | undefined {
    return this.controllers.find(controller => controller.kind === kind)
  }

  /** Starts the workers. */
  start(): void {
    for (const controller of this.controllers) controller.start()
  }

  /** Keys that wait for their time, failed ones not among them; earliest first. */
  later(): Later[] {
    return this.controllers
      .flatMap(({ kind, queue }) =>
        queue.later().flatMap(({ key, time, failed }) => (failed ? [] : [{ kind, name: key, time }])),
      )
      .sort((a, b) => a.time - b.time)
  }

  /**
   * Runs here and now, one key at a time, kinds in the order of the controllers, until no key is ready and everything written by anybody was met. For plans and tests: the same store gives the same runs.
   * Not together with {@link start}.
   * @throws RestlessKeyError for a key that would run more than `maxRuns` times (default 8)
   */
  async runUntilIdle(options: { maxRuns?: number } = {}): Promise<Rest> {
    const maxRuns = options.maxRuns ?? 8
    const counts = new Map<string, { kind: Kind; name: string; runs: number }>()
    const failed = new Map<string, Rest['failed'][number]>()
    let runs = 0
    for (;;) {
      const controller = this.controllers.find(({ queue }) => queue.ready > 0)
      const ran = await controller?.step()
      if (!controller || !ran) {
        await this.informer.caughtUp()
        if (this.controllers.every(({ queue }) => queue.ready === 0)) break
        continue
      }
      const { kind } = controller
      const key = `${kind}/${ran.name}`
      const count = counts.get(key) ?? { kind, name: ran.name, runs: 0 }
      count.runs++
      counts.set(key, count)
      runs++
      if (ran.error === undefined) failed.delete(key)
      else failed.set(key, { kind, name: ran.name, error: ran.error })
      if (count.runs >= maxRuns && controller.queue.wants(ran.name))
        throw new RestlessKeyError({ kind, name: ran.name }, maxRuns)
    }
    const ran = [...counts.values()].map(({ kind, name }) => ({ kind, name }))
    return { runs, later: this.later(), failed: [...failed.values()], ran }
  }

  /**
   * Lets the runs in hand finish for at most `grace` milliseconds, then ends.
   * @returns whether all of them finished
   */
  async stop(grace = 10_000): Promise<boolean> {
    const finished = await Promise.all(this.controllers.map(controller => controller.stop(grace)))
    await this.informer.stop()
    return finished.every(Boolean)
  }

  /** Ends at once: no further run, and what comes of those in hand counts for nothing. */
  abort(): void {
    for (const controller of this.controllers) controller.abort()
    void this.informer.stop()
  }
}

/**
 * Lists the store and makes the loop; nothing runs yet.
 * @param extend adds to the world that reconcilers are made with
 * @throws Error when a reconciler needs a kind that is not among `kinds`; what the store throws, where trying again cannot help; the signal's reason when it aborts meanwhile
 */
export async function openLoop<W extends World = World>(
  options: LoopOptions<W> & { extend?: (world: World) => W; signal?: AbortSignal },
): Promise<Loop> {
  const { kinds, clock, random, observer } = options
  const informer = new Informer({ ...options, kinds })
  const idle = new Set<() => void>()
  let controllers: readonly Controller[] = []
  const queuesOf = (kinds: readonly Kind[]) =>
    controllers.flatMap(({ kind, queue }) => (kinds.includes(kind) ? [queue] : []))
  const world: World = {
    store: cachedStore(options.store, informer),
    cache: informer.cache,
    retriesBefore: (kinds, time) => queuesOf(kinds).some(queue => queue.retriesBefore(time)),
    whenIdle: async (kinds, signal) => {
      const queues = queuesOf(kinds)
      while (!queues.every(queue => queue.idle)) {
        signal.throwIfAborted()
        const { promise: aborted, reject } = Promise.withResolvers<never>()
        const stop = () => reject(signal.reason)
        signal.addEventListener('abort', stop, { once: true })
        try {
          await Promise.race([Promise.all(queues.map(queue => queue.onIdle())), aborted])
        } finally {
          signal.removeEventListener('abort', stop)
        }
      }
    },
  }
  // Without `extend`, W is World.
  const reconcilers = options.reconcilers(options.extend ? options.extend(world) : (world as W))
  for (const { kind, watches } of reconcilers) {
    const missing = [kind, ...watches.map(watch => watch.kind)].find(needed => !kinds.includes(needed))
    if (missing) throw new Error(`the reconciler of ${kind} needs ${missing}, which is not among the kinds of the loop`)
  }
  controllers = reconcilers.map(
    reconciler =>
      new Controller({
        reconciler,
        informer,
        clock,
        random,
        ...(observer && { observer }),
        ...(options.backoff && { backoff: options.backoff }),
        ...(options.resyncEvery !== undefined && { resyncEvery: options.resyncEvery }),
        ...(options.wakeInitial !== undefined && { wakeInitial: options.wakeInitial }),
        onIdle: () => {
          for (const callback of idle) callback()
        },
      }),
  )
  for (const [index, { yieldsTo = [] }] of reconcilers.entries())
    controllers[index]?.letFirst(controllers.filter(({ kind }) => yieldsTo.includes(kind)))
  const stop = () => void informer.stop()
  if (options.signal?.aborted) stop()
  options.signal?.addEventListener('abort', stop, { once: true })
  try {
    const { ended } = await informer.start()
    options.onFilled?.()
    return new Loop({ world, informer, controllers, ended, idle })
  } catch (error) {
    for (const controller of controllers) controller.abort()
    throw options.signal?.aborted ? options.signal.reason : error
  } finally {
    options.signal?.removeEventListener('abort', stop)
  }
}
