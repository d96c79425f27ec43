import type { Clock } from '../ports/clock.ts'
import { type Backoff, backoffDelay, KEY_BACKOFF } from './backoff.ts'
import { Heap } from './heap.ts'

/** Priorities: a change that just happened, and what an initial list or a resync brings. */
export const PRIORITY = { change: 0, list: -100 } as const

/** A ready key gains one priority each so many milliseconds: a listed key waits behind changes for at most ten seconds. */
export const AGEING = 100

/** What happens in a queue, as client-go's `workqueue_*` metrics count it. Depth and unfinished work are read from the queue itself. */
export interface QueueObserver {
  /** `workqueue_adds_total` */
  added?: (key: string) => void
  /** `workqueue_queue_duration_seconds`: how long it stood ready. */
  taken?: (key: string, milliseconds: number) => void
  /** `workqueue_work_duration_seconds` */
  done?: (key: string, milliseconds: number) => void
  /** `workqueue_retries_total` */
  retried?: (key: string, failures: number) => void
  /** No key is ready or running any more. */
  idle?: () => void
}

export interface WorkQueueOptions {
  clock: Clock
  /** In [0, 1). */
  random: () => number
  backoff?: Backoff
  observer?: QueueObserver
}

/** A key that waits for its time. */
export interface DelayedKey {
  key: string
  /** The Clock's milliseconds. */
  time: number
  /** It failed, and is being backed off. */
  failed: boolean
}

type State = 'out' | 'delayed' | 'ready' | 'parked'

interface Entry {
  readonly key: string
  state: State
  /** While `out`: of the run in hand, which a retry keeps. */
  priority: number
  /** Delayed: when it is due. Ready or parked: since when. */
  time: number
  /** Breaks ties: who came first goes first. */
  sequence: number
  place: number
  running: boolean
  started: number
}

/**
 * Which keys want to be worked on. After controller-runtime's priority queue, for one thread.
 *
 * A key has one entry, which is in one of these states:
 *
 * - **delayed** until its time. Adding it again keeps the earlier time and the higher priority; time makes it ready.
 * - **ready**: handed out next by `get`, highest priority first, then first come first served. Priority grows with age ({@link AGEING}), so nothing starves.
 * - **parked**: it is ready, but the same key is still *running*; `done` makes it ready. So no key ever has two holders, and no change during a run is lost.
 * - **out**: running and not asked for again, and gone at `done`.
 *
 * The queue is *idle* while no key is ready, parked or running; delayed keys, backing off or not, do not count.
 * After `shutdown` nothing is taken in or handed out; keys in hand may be finished.
 */
export class WorkQueue {
  readonly #clock: Clock
  readonly #random: () => number
  readonly #backoff: Backoff
  readonly #observer: QueueObserver
  readonly #entries = new Map<string, Entry>()
  readonly #failures = new Map<string, number>()
  readonly #ready = new Heap<Entry>((a, b) => {
    const difference = a.time - a.priority * AGEING - (b.time - b.priority * AGEING)
    return difference < 0 || (difference === 0 && a.sequence < b.sequence)
  })
  readonly #delayed = new Heap<Entry>((a, b) => a.time < b.time || (a.time === b.time && a.sequence < b.sequence))
  /** In the order in which they came. */
  readonly #waiters = new Set<(key: string | undefined) => void>()
  #idleWaiters: (() => void)[] = []
  #drainWaiters: (() => void)[] = []
  #sequence = 0
  #parked = 0
  #running = 0
  #open = true
  #alarm: { time: number; cancel: () => void } | undefined

  constructor(options: WorkQueueOptions) {
    this.#clock = options.clock
    this.#random = options.random
    this.#backoff = options.backoff ?? KEY_BACKOFF
    this.#observer = options.observer ?? {}
  }

  /** Keys that wait to be handed out; `workqueue_depth`. */
  get ready(): number {
    return this.#ready.size + this.#parked
  }
  get running(): number {
    return this.#running
  }
  get delayed(): number {
    return this.#delayed.size
  }
  /** Whether no key is ready or running. */
  get idle(): boolean {
    return this.#running === 0 && this.#ready.size === 0
  }

  /** Whether the key waits to be handed out. */
  wants(key: string): boolean {
    const state = this.#entries.get(key)?.state
    return state === 'ready' || state === 'parked'
  }

  /** Wants the key worked on now. */
  add(key: string, options: { priority?: number } = {}): void {
    this.#put(key, undefined, options.priority ?? PRIORITY.change)
  }

  /** Wants the key worked on at `time` (the Clock's milliseconds); at once when that has passed. */
  addAt(key: string, time: number, options: { priority?: number } = {}): void {
    this.#put(key, time, options.priority ?? PRIORITY.change)
  }

  addAfter(key: string, milliseconds: number, options: { priority?: number } = {}): void {
    this.addAt(key, this.#clock.now() + milliseconds, options)
  }

  /**
   * The key failed: wants it worked on again after a pause that grows with each failure since the last {@link forget}.
   * A key in hand keeps the priority that it was taken with.
   * @returns when, in the Clock's milliseconds
   */
  retry(key: string): number {
    const failures = (this.#failures.get(key) ?? 0) + 1
    const time = this.#clock.now() + backoffDelay(failures, this.#backoff, this.#random)
    if (!this.#open) return time
    this.#failures.set(key, failures)
    this.#observer.retried?.(key, failures)
    const entry = this.#entries.get(key)
    this.#put(key, time, entry?.running && entry.state === 'out' ? entry.priority : PRIORITY.change)
    return time
  }

  /** The key is well: its next failure counts as the first. */
  forget(key: string): void {
    this.#failures.delete(key)
  }

  /** The next key, locked until {@link done}; undefined when the queue was shut down. */
  get(): Promise<string | undefined> {
    const key = this.tryGet()
    if (key !== undefined || !this.#open) return Promise.resolve(key)
    return new Promise(resolve => this.#waiters.add(resolve))
  }

  /** Like {@link get}, without waiting. */
  tryGet(): string | undefined {
    if (!this.#open) return undefined
    if (this.#delayed.size > 0) this.#wakeDue()
    const entry = this.#ready.pop()
    if (!entry) return undefined
    const now = this.#clock.now()
    this.#observer.taken?.(entry.key, now - entry.time)
    entry.state = 'out'
    entry.running = true
    entry.started = now
    this.#running++
    return entry.key
  }

  /** The holder of a key gives it back. @throws Error when nobody holds it */
  done(key: string): void {
    const entry = this.#entries.get(key)
    if (!entry?.running) throw new Error(`${key} was given back to the work queue, but nobody holds it`)
    entry.running = false
    this.#running--
    this.#observer.done?.(key, this.#clock.now() - entry.started)
    if (entry.state === 'out') {
      this.#entries.delete(key)
    } else if (entry.state === 'parked') {
      this.#parked--
      entry.state = 'ready'
      this.#ready.push(entry)
      this.#serve()
    }
    this.#settle()
  }

  /** Resolves as soon as the queue is idle. */
  onIdle(): Promise<void> {
    return this.idle ? Promise.resolve() : new Promise(resolve => this.#idleWaiters.push(resolve))
  }

  /** Keys that wait for their time, earliest first. */
  later(): DelayedKey[] {
    return [...this.#delayed.values()]
      .sort((a, b) => a.time - b.time || a.sequence - b.sequence)
      .map(({ key, time }) => ({ key, time, failed: this.#failures.has(key) }))
  }

  /** Whether a key that failed is tried again before this time (the Clock's milliseconds). */
  retriesBefore(time: number): boolean {
    for (const key of this.#failures.keys()) {
      const entry = this.#entries.get(key)
      if (entry?.state === 'delayed' && entry.time < time) return true
    }
    return false
  }

  /** Seconds that keys in hand have been worked on: all together, and the longest; `workqueue_unfinished_work_seconds`, `…_longest_running_processor_seconds`. */
  unfinished(): { seconds: number; longest: number } {
    let [seconds, longest] = [0, 0]
    if (this.#running === 0) return { seconds, longest }
    const now = this.#clock.now()
    for (const { running, started } of this.#entries.values()) {
      if (!running) continue
      seconds += (now - started) / 1000
      longest = Math.max(longest, (now - started) / 1000)
    }
    return { seconds, longest }
  }

  /** Takes nothing more in, ends everybody who waits for a key, and drops what is ready or delayed. Resolves when no key is in hand. */
  shutdown(): Promise<void> {
    if (this.#open) {
      this.#open = false
      this.#alarm?.cancel()
      this.#alarm = undefined
      for (const entry of [...this.#ready.values(), ...this.#delayed.values()]) this.#drop(entry)
      for (const entry of [...this.#entries.values()]) if (entry.state === 'parked') this.#drop(entry)
      this.#failures.clear()
      for (const waiter of this.#waiters) waiter(undefined)
      this.#waiters.clear()
      this.#settle()
    }
    return this.#running === 0 ? Promise.resolve() : new Promise(resolve => this.#drainWaiters.push(resolve))
  }

  #drop(entry: Entry): void {
    if (entry.state === 'ready') this.#ready.remove(entry)
    if (entry.state === 'delayed') this.#delayed.remove(entry)
    if (entry.state === 'parked') this.#parked--
    entry.state = 'out'
    if (!entry.running) this.#entries.delete(entry.key)
  }

  /** @param time when it is due; undefined: now */
  #put(key: string, time: number | undefined, priority: number): void {
    if (!this.#open) return
    const now = this.#clock.now()
    const due = time === undefined || time <= now
    this.#observer.added?.(key)
    let entry = this.#entries.get(key)
    if (!entry) {
      entry = { key, state: 'out', priority, time: 0, sequence: 0, place: 0, running: false, started: 0 }
      this.#entries.set(key, entry)
    }
    const { state } = entry
    if (state === 'out') {
      entry.priority = priority
      entry.time = due ? now : time
      entry.sequence = this.#sequence++
      if (due) {
        this.#makeReady(entry)
        this.#serve()
      } else this.#delay(entry)
      return
    }
    const higher = priority > entry.priority
    if (higher) entry.priority = priority
    if (state === 'delayed') {
      if (due) {
        this.#delayed.remove(entry)
        entry.time = now
        entry.sequence = this.#sequence++
        this.#makeReady(entry)
        this.#serve()
      } else if (time < entry.time) {
        entry.time = time
        this.#delayed.raise(entry)
        this.#setAlarm()
      }
    } else if (state === 'ready' && higher) {
      this.#ready.raise(entry)
    }
  }

  #delay(entry: Entry): void {
    entry.state = 'delayed'
    this.#delayed.push(entry)
    this.#setAlarm()
  }

  #makeReady(entry: Entry): void {
    if (entry.running) {
      entry.state = 'parked'
      this.#parked++
    } else {
      entry.state = 'ready'
      this.#ready.push(entry)
    }
  }

  #wakeDue(): void {
    const now = this.#clock.now()
    for (let entry = this.#delayed.peek(); entry && entry.time <= now; entry = this.#delayed.peek()) {
      this.#delayed.remove(entry)
      entry.sequence = this.#sequence++
      this.#makeReady(entry)
    }
  }

  #setAlarm(): void {
    const first = this.#delayed.peek()
    if (!first || (this.#alarm && this.#alarm.time <= first.time)) return
    this.#alarm?.cancel()
    const cancel = this.#clock.at(first.time, () => {
      this.#alarm = undefined
      this.#wakeDue()
      this.#serve()
      this.#setAlarm()
    })
    this.#alarm = { time: first.time, cancel }
  }

  /** Hands ready keys to those who wait, first come first served. */
  #serve(): void {
    for (const waiter of this.#waiters) {
      const key = this.tryGet()
      if (key === undefined) return
      this.#waiters.delete(waiter)
      waiter(key)
    }
  }

  #settle(): void {
    if (this.#running === 0) {
      for (const resolve of this.#drainWaiters.splice(0)) resolve()
    }
    if (!this.idle) return
    for (const resolve of this.#idleWaiters.splice(0)) resolve()
    this.#observer.idle?.()
  }
}
