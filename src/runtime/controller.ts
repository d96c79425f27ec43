import { setImmediate } from 'node:timers/promises'
import { RosterError } from '../api/errors.ts'
import type { AnyResource } from '../api/kinds.ts'
import { ANNOTATIONS, type Kind } from '../api/names.ts'
import type { Clock } from '../ports/clock.ts'
import type { Backoff } from './backoff.ts'
import type { Informer } from './informer.ts'
import { type Outcome, type RuntimeObserver, tell } from './observer.ts'
import { pauseUntil } from './pause.ts'
import type { Cache, ReconcileResult, Reconciler } from './reconciler.ts'
import type { ObjectChange } from './view.ts'
import { PRIORITY, WorkQueue } from './workqueue.ts'

export interface ControllerOptions {
  reconciler: Reconciler
  informer: Informer
  clock: Clock
  /** In [0, 1). */
  random: () => number
  /** Pauses after failures of a key. */
  backoff?: Backoff
  /** Every key runs at least so often, at low priority, give or take a tenth: it repairs what no event tells, as a wiped status. Milliseconds; default: an hour. */
  resyncEvery?: number
  /** Whether the objects of the first list wake their keys. Default: true. */
  wakeInitial?: boolean
  observer?: RuntimeObserver
  /** No key is ready or running any more. */
  onIdle?: () => void
}

/** How one run ended. */
export interface Ran {
  name: string
  outcome: Outcome
  error?: unknown
}

const HOUR = 3_600_000
/** After so many runs of one worker, everybody else gets a turn: reconcilers that only read never leave the microtasks. */
const TURN = 16
/** Milliseconds that a run lets others go first. */
const LONGEST_YIELD = 1000

/**
 * Runs one reconciler: changes wake keys, workers run them, at most one run a key at a time.
 *
 * What an error says about itself decides what follows: `backoff`, and any error that says nothing — again after a growing pause; `wait` — when something wakes the key, the resync included;
 * `never` — when a change wakes it, but not by the resync. One failing key never holds up the others.
 */
export class Controller {
  readonly kind: Kind
  readonly queue: WorkQueue
  readonly #options: ControllerOptions
  readonly #aborting = new AbortController()
  readonly #unsubscribe: () => void
  /** Keys that said `never`. */
  readonly #stalled = new Set<string>()
  #cancelResync: () => void = () => undefined
  #before: readonly Controller[] = []
  #runs = 0

  /** Listens to the informer from now on; nothing runs before {@link start} or {@link step}. */
  constructor(options: ControllerOptions) {
    const { clock, random, backoff, observer, onIdle } = options
    this.#options = options
    const kind = options.reconciler.kind
    this.kind = kind
    this.queue = new WorkQueue({
      clock,
      random,
      ...(backoff && { backoff }),
      observer: {
        ...(observer?.queued && { added: (name: string) => tell(observer, 'queued', { kind, name }) }),
        ...(observer?.taken && {
          taken: (name: string, ms: number) => tell(observer, 'taken', { kind, name, seconds: ms / 1000 }),
        }),
        retried: (name, failures) => tell(observer, 'retried', { kind, name, failures }),
        ...(onIdle && { idle: onIdle }),
      },
    })
    this.#unsubscribe = options.informer.onChange(change => this.#meet(change))
  }

  /** For {@link Reconciler.yieldsTo}: whose work comes first. */
  letFirst(controllers: readonly Controller[]): void {
    this.#before = controllers
  }

  /** Wakes one key. */
  wake(name: string, priority: number = PRIORITY.change): void {
    this.#stalled.delete(name)
    this.queue.add(name, { priority })
  }

  /** Wakes every key of the kind, at low priority. */
  wakeAll(): void {
    for (const { metadata } of this.#options.informer.cache.list(this.kind)) this.wake(metadata.name, PRIORITY.list)
  }

  /** Starts the workers and the resync. */
  start(): void {
    for (let worker = 0; worker < (this.#options.reconciler.concurrency ?? 1); worker++) void this.#work()
    this.#resyncLater()
  }

  /** Runs the next ready key, if there is one: for who drives the loop by hand. */
  async step(): Promise<Ran | undefined> {
    const name = this.queue.tryGet()
    return name === undefined ? undefined : this.#run(name)
  }

  /**
   * Starts no further run, lets those in hand finish, and after `grace` milliseconds aborts their signal.
   * @returns whether all of them finished
   */
  async stop(grace: number): Promise<boolean> {
    this.#leave()
    const finished = new AbortController()
    const drained = this.queue.shutdown().then(() => finished.abort())
    const { clock } = this.#options
    await Promise.race([drained, pauseUntil(clock, clock.now() + grace, finished.signal)])
    this.#aborting.abort()
    return this.queue.running === 0
  }

  /** At once: starts no further run, aborts the signal of those in hand, and whatever comes of them counts for nothing. */
  abort(): void {
    this.#aborting.abort()
    this.#leave()
    void this.queue.shutdown()
  }

  #leave(): void {
    this.#unsubscribe()
    this.#cancelResync()
  }

  async #work(): Promise<void> {
    for (let runs = 1; ; runs++) {
      const name = await this.queue.get()
      if (name === undefined) return
      await this.#yield()
      await this.#run(name)
      if (runs % TURN === 0) await setImmediate()
    }
  }

  /** Lets those go first whose work this one's depends on. Bounded: they may be busy for long, and new work may always come. */
  async #yield(): Promise<void> {
    if (this.#before.every(({ queue }) => queue.idle)) return
    const { clock } = this.#options
    const over = new AbortController()
    const idle = Promise.all(this.#before.map(({ queue }) => queue.onIdle()))
    const signal = AbortSignal.any([this.#aborting.signal, over.signal])
    await Promise.race([idle, pauseUntil(clock, clock.now() + LONGEST_YIELD, signal)])
    over.abort()
  }

  async #run(name: string): Promise<Ran> {
    const { reconciler, clock, observer } = this.#options
    const { kind } = this
    const { signal } = this.#aborting
    const run = `${kind.toLowerCase()}-${(++this.#runs).toString(36)}`
    const started = clock.now()
    tell(observer, 'started', { kind, name, run })
    let ran: Ran
    try {
      const result = await reconciler.reconcile(name, { run, signal })
      ran = { name, outcome: signal.aborted ? 'dropped' : this.#succeed(name, result) }
    } catch (error) {
      ran = { name, outcome: signal.aborted ? 'dropped' : this.#fail(name, run, error), error }
    }
    tell(observer, 'finished', { kind, name, run, outcome: ran.outcome, seconds: (clock.now() - started) / 1000 })
    this.queue.done(name)
    return ran
  }

  #succeed(name: string, result: ReconcileResult | undefined): Outcome {
    this.queue.forget(name)
    this.#stalled.delete(name)
    if (result?.again === undefined) return 'done'
    this.queue.addAt(name, result.again)
    return 'again'
  }

  #fail(name: string, run: string, error: unknown): Outcome {
    const outcome = error instanceof RosterError ? error.retry : 'backoff'
    let again: number | undefined
    if (outcome === 'backoff') {
      again = this.queue.retry(name)
    } else {
      this.queue.forget(name)
      if (outcome === 'never') this.#stalled.add(name)
    }
    tell(this.#options.observer, 'failed', { kind: this.kind, name, run, error, outcome, again })
    return outcome
  }

  #meet(change: ObjectChange): void {
    if (change.initial && this.#options.wakeInitial === false) return
    const priority = change.initial ? PRIORITY.list : PRIORITY.change
    const { reconciler, informer } = this.#options
    const { kind, before, after } = change
    if (kind === this.kind && (this.#matters(change, reconciler.changed as Part | undefined) || isRequested(change))) {
      this.wake(change.name, priority)
    }
    for (const watch of reconciler.watches) {
      if (watch.kind !== kind || !this.#matters(change, watch.changed as Part)) continue
      const wakes = watch.wakes as (object: AnyResource, cache: Cache, other?: AnyResource) => Iterable<string>
      for (const [object, other] of [
        [before, after],
        [after, before],
      ]) {
        if (!object) continue
        try {
          for (const name of wakes(object, informer.cache, other)) this.wake(name, priority)
        } catch (error) {
          // What this object wakes elsewhere is lost until the resync; the other watches are not.
          tell(this.#options.observer, 'handlerFailed', { kind, name: change.name, error })
        }
      }
    }
  }

  /** A part that cannot be told counts as changed: a run too many does no harm. */
  #matters(change: ObjectChange, part: Part | undefined): boolean {
    try {
      return matters(change, part)
    } catch (error) {
      tell(this.#options.observer, 'handlerFailed', { kind: change.kind, name: change.name, error })
      return true
    }
  }

  #resyncLater(): void {
    const { clock, random, resyncEvery = HOUR } = this.#options
    this.#cancelResync = clock.at(clock.now() + resyncEvery * (0.9 + random() / 5), () => {
      for (const { metadata } of this.#options.informer.cache.list(this.kind)) {
        if (!this.#stalled.has(metadata.name)) this.queue.add(metadata.name, { priority: PRIORITY.list })
      }
      this.#resyncLater()
    })
  }
}

type Part = (object: AnyResource) => unknown

const declared: Part = ({ metadata }) => [
  metadata.generation,
  metadata.deletionTimestamp,
  metadata.labels,
  metadata.annotations,
]

/** Whether somebody asked for a run with another token than before: asked is asked, whatever else matters to the reconciler. */
const isRequested = ({ before, after }: ObjectChange): boolean => {
  const token = after?.metadata.annotations?.[ANNOTATIONS.requestedAt]
  return token !== undefined && token !== before?.metadata.annotations?.[ANNOTATIONS.requestedAt]
}

/** Whether the part of an object that matters is another now. Coming, going and beginning another life always matter. */
const matters = ({ before, after }: ObjectChange, part: Part = declared): boolean =>
  before?.metadata.uid !== after?.metadata.uid ||
  (before !== undefined && after !== undefined && JSON.stringify(part(before)) !== JSON.stringify(part(after)))
