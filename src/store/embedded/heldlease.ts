import { timestamp } from '../../ports/clock.ts'
import { LeaseLostError } from '../errors.ts'
import type { HeldLease, ResourceStore } from '../store.ts'
import type { EmbeddedLeaseOptions } from './lease.ts'

/** A lock that is held until it is closed. */
export interface Lock {
  close(): void
}

export interface HeldOptions extends EmbeddedLeaseOptions {
  epoch: number
  lock: Lock | undefined
  tryLock: () => Lock | undefined
  ended: () => void
}

/** The lease while it is held: renews itself three times a duration, and knows when it was lost. */
export class Held implements HeldLease {
  readonly epoch: number
  readonly store: ResourceStore
  readonly #options: HeldOptions
  readonly #lost = new AbortController()
  readonly #unfollow: () => void
  #lock: Lock | undefined
  #callOff: (() => void) | undefined
  #isLost = false
  #released = false
  #releasing: Promise<void> | undefined

  constructor(options: HeldOptions) {
    this.#options = options
    this.epoch = options.epoch
    this.#lock = options.lock
    this.store = options.fenced(() => this.#check())
    // Another process wrote: was it our successor?
    this.#unfollow = options.changes.follow(() => void this.#look())
    this.#schedule()
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  async reportIdle(resourceVersion: string): Promise<void> {
    await this.#update('UPDATE lease SET idle = ? WHERE idle IS NOT ?', [resourceVersion, resourceVersion])
  }

  async markClock(time: string): Promise<void> {
    await this.#update('UPDATE lease SET clock = ? WHERE clock IS NULL OR clock < ?', [time, time])
  }

  /** Writes that were asked for before still go through. */
  release(): Promise<void> {
    this.#releasing ??= this.#giveUp()
    return this.#releasing
  }

  async #giveUp(): Promise<void> {
    this.#end()
    if (this.#isLost) return
    const { connection } = this.#options
    try {
      await connection.write({ durable: false }, () => {
        this.#released = true
        connection
          .statement(
            'UPDATE lease SET holder = NULL, expires = NULL, locked = 0, renewals = renewals + 1 WHERE epoch = ?',
          )
          .run(this.epoch)
      })
    } finally {
      // Even when the row could not be written: a free lock frees the lease.
      this.#lock?.close()
      this.#lock = undefined
    }
  }

  #update(sql: string, values: string[]): Promise<void> {
    const { connection } = this.#options
    return connection.write({ durable: false }, () => {
      this.#check()
      connection.statement(sql).run(...values)
    })
  }

  /** Inside the transaction of a write. @throws LeaseLostError */
  #check(): void {
    if (!this.#released && !this.#isLost && this.#isOurs()) return
    const error = new LeaseLostError('another process has the lease now, or it was released; nothing was written')
    if (!this.#released) this.#lose(error)
    throw error
  }

  #isOurs(): boolean {
    return this.#options.connection.statement('SELECT epoch FROM lease').get()?.epoch === this.epoch
  }

  async #look(): Promise<void> {
    try {
      await this.#options.connection.readOne(() => {
        if (!this.#released && !this.#isOurs()) this.#lose(new LeaseLostError('another process has taken the lease'))
      })
    } catch {
      // The file cannot be read now: the next renewal finds out, and each write checks by itself.
    }
  }

  #schedule(): void {
    const { clock, duration } = this.#options
    this.#callOff = clock.at(clock.now() + duration / 3, () => void this.#renew())
  }

  async #renew(): Promise<void> {
    const { connection, clock, duration, tryLock } = this.#options
    if (this.#releasing || this.#isLost) return
    this.#schedule()
    try {
      await connection.write({ durable: false }, () => {
        this.#check()
        this.#lock ??= tryLock()
        connection
          .statement('UPDATE lease SET expires = ?, renewals = renewals + 1, locked = ?')
          .run(timestamp(clock.now() + duration), this.#lock ? 1 : 0)
      })
    } catch {
      // Lost: `lost` has said so. Or the file cannot be written for a while (a full disk): the lease is lost only when another process takes it, and the next
      // renewal tries again.
    }
  }

  #lose(error: LeaseLostError): void {
    if (this.#isLost) return
    this.#isLost = true
    this.#end()
    this.#lock?.close()
    this.#lock = undefined
    // This may run inside a transaction, and who listens may read the store: they hear of it right after, and before the write that failed tells its caller.
    queueMicrotask(() => this.#lost.abort(error))
  }

  #end(): void {
    this.#callOff?.()
    this.#unfollow()
    this.#options.ended()
  }
}
