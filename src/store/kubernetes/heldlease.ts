import { LeaseLostError } from '../errors.ts'
import type { HeldLease, ResourceStore } from '../store.ts'
import { ANNOTATION, type LeaseRecord, microTime, type RawLease } from './leaserecord.ts'
import type { Fence } from './objectwriter.ts'
import { Stopwatch } from './stopwatch.ts'

/** Milliseconds of a lease: how long it lasts unrenewed, after which its holder gives it up, and between two renewals. */
export interface LeaseTimes {
  duration: number
  deadline: number
  retry: number
}

export interface HeldOptions {
  record: Pick<LeaseRecord, 'read' | 'write'>
  lease: RawLease
  epoch: number
  /** Runs since before the request that took the lease. */
  since: Stopwatch
  times: LeaseTimes
  /** Milliseconds since 1970, for what others read. */
  now: () => number
  fenced: (fence: Fence) => ResourceStore
  ended: () => void
}

/**
 * The lease while it is held.
 *
 * The holder judges by the time that went by here since it last *began* a renewal that worked: after the deadline it is lost, though others may take it only after its whole duration. No
 * write begins after the deadline or is waited for longer, and each carries the version of what it changes: one that is still on its way changes nothing that a successor wrote.
 */
export class Held implements HeldLease, Fence {
  readonly epoch: number
  readonly store: ResourceStore
  readonly #options: HeldOptions
  readonly #lost = new AbortController()
  readonly #writing = new Set<Promise<unknown>>()
  #lease: RawLease
  #since: Stopwatch
  #timer: NodeJS.Timeout | undefined
  #released = false
  #releasing: Promise<void> | undefined
  /** Writes of the Lease follow one another, since each names the version before. */
  #queue: Promise<unknown> = Promise.resolve()

  constructor(options: HeldOptions) {
    this.#options = options
    this.epoch = options.epoch
    this.#lease = options.lease
    this.#since = options.since
    this.store = options.fenced(this)
    this.#schedule(options.times.retry)
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  check(): number {
    const left = this.#options.times.deadline - this.#since.elapsed()
    if (left <= 0) this.#lose(new LeaseLostError('the lease could not be renewed in time; another process may have it'))
    if (this.#released || this.#lost.signal.aborted)
      throw new LeaseLostError('another process has the lease now, or it was released; nothing was written')
    return left
  }

  async during<T>(write: () => Promise<T>): Promise<T> {
    if (this.#releasing) throw new LeaseLostError('the lease was released; nothing was written')
    this.check()
    const writing = write()
    this.#writing.add(writing)
    try {
      return await writing
    } finally {
      this.#writing.delete(writing)
    }
  }

  async reportIdle(resourceVersion: string): Promise<void> {
    await this.#annotate(ANNOTATION.idleAt, () => resourceVersion)
  }

  async markClock(time: string): Promise<void> {
    await this.#annotate(ANNOTATION.clockMark, before => (before !== undefined && before >= time ? before : time))
  }

  /** Writes that were asked for before still go through. */
  release(): Promise<void> {
    this.#releasing ??= this.#giveUp()
    return this.#releasing
  }

  async #giveUp(): Promise<void> {
    clearTimeout(this.#timer)
    await Promise.allSettled([...this.#writing, this.#queue])
    this.#options.ended()
    const wasLost = this.#lost.signal.aborted
    this.#released = true
    if (wasLost) return
    const left = this.#options.times.deadline - this.#since.elapsed()
    const { spec } = this.#lease
    const freed = { ...spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(this.#options.now()) }
    if (left <= 0) return
    // Where this cannot be written, the lease runs out by itself.
    await this.#options.record.write({ ...this.#lease, spec: freed }, left).catch(() => undefined)
  }

  async #annotate(key: string, value: (before: string | undefined) => string): Promise<void> {
    await this.#inTurn(async () => {
      const before = this.#lease.metadata.annotations?.[key]
      const after = value(before)
      if (after === before) return
      const annotations = { ...this.#lease.metadata.annotations, [key]: after }
      await this.#write({ ...this.#lease, metadata: { ...this.#lease.metadata, annotations } })
    })
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    if (this.#releasing) return Promise.reject(new LeaseLostError('the lease was released; nothing was written'))
    const turn = this.#queue.then(() => {
      this.check()
      return act()
    })
    this.#queue = turn.catch(() => undefined)
    return turn
  }

  #schedule(pause: number): void {
    this.#timer = setTimeout(() => void this.#renew(), pause)
    this.#timer.unref()
  }

  async #renew(): Promise<void> {
    const { retry } = this.#options.times
    const begun = Stopwatch.start()
    try {
      await this.#inTurn(() => this.#write(this.#lease))
    } catch {
      // Lost: `lost` has said so. Or the server cannot be reached: tried again until the deadline.
    }
    if (this.#lost.signal.aborted || this.#releasing) return
    const left = this.#options.times.deadline - this.#since.elapsed()
    if (left <= 0) this.#lose(new LeaseLostError('the lease could not be renewed in time; another process may have it'))
    else this.#schedule(Math.max(0, Math.min(left, retry - begun.elapsed())))
  }

  /** Every write of the Lease renews it. Another's hand on it, or none left of it, is the loss of it; a version that an unanswered write of our own made is not. */
  async #write(wanted: RawLease): Promise<void> {
    const { record, now } = this.#options
    for (;;) {
      const begun = Stopwatch.start()
      const renewed = { ...wanted, spec: { ...wanted.spec, renewTime: microTime(now()) } }
      const written = await record.write(renewed, this.check())
      if (written) {
        this.#lease = written
        this.#since = begun
        return
      }
      const present = await record.read()
      if (!present || !this.#isOurs(present)) {
        this.#lose(new LeaseLostError('another process has taken the lease'))
        throw new LeaseLostError('another process has the lease now; nothing was written')
      }
      wanted = { ...wanted, metadata: { ...wanted.metadata, resourceVersion: present.metadata.resourceVersion ?? '' } }
    }
  }

  #isOurs(lease: RawLease): boolean {
    const { spec } = this.#lease
    return (
      lease.metadata.annotations?.[ANNOTATION.epoch] === String(this.epoch) &&
      lease.spec.holderIdentity === spec.holderIdentity
    )
  }

  #lose(error: LeaseLostError): void {
    if (this.#lost.signal.aborted || this.#released) return
    clearTimeout(this.#timer)
    this.#options.ended()
    this.#lost.abort(error)
  }
}
