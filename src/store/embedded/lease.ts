import { DatabaseSync } from 'node:sqlite'
import { type Clock, timestamp } from '../../ports/clock.ts'
import { LeaseLostError } from '../errors.ts'
import type { HeldLease, LeaseState, LeaseTable, ResourceStore } from '../store.ts'
import type { Changes } from './changes.ts'
import type { Connection } from './connection.ts'
import { isBusy } from './trouble.ts'

/** Milliseconds between two tries to take the lease. */
const RETRY = 100

export interface EmbeddedLeaseOptions {
  connection: Connection
  changes: Changes
  clock: Clock
  sleep: (milliseconds: number) => Promise<void>
  /** A file of its own whose lock the operating system frees when its process ends; undefined in memory. */
  lockFile: string | undefined
  /** How long a holder that says nothing keeps the lease, in milliseconds. */
  duration: number
  /** The same store, with a check before each of its writes. */
  fenced: (fence: () => void) => ResourceStore
}

interface Row {
  holder: string | null
  epoch: number
  expires: string | null
  renewals: number
  /** Whether the holder has the lock of the file too: then a free lock means that it is gone. */
  locked: number
  idle: string | null
  clock: string | null
}

/**
 * The lease of one file: a row, and a lock that the operating system frees at the holder's death.
 *
 * It is taken when nobody is in the row; when its holder had the lock and the lock is free: it died; or when the row has not been renewed for the whole
 * duration, as measured by the one who waits: it hangs, or was stopped, and still has the lock. Whoever takes it adds one to the epoch. A holder that was
 * stopped finds the other epoch in the transaction of its next write, which then writes nothing. While nobody took it, a holder that slept (a closed laptop) goes on.
 */
export class EmbeddedLease implements LeaseTable {
  readonly #options: EmbeddedLeaseOptions
  readonly #held = new Set<Held>()
  #closed = false
  #lockedInMemory = false

  constructor(options: EmbeddedLeaseOptions) {
    this.#options = options
  }

  async acquire(options: {
    holder: string
    signal: AbortSignal
    onWaiting?: (state: LeaseState) => void
  }): Promise<HeldLease> {
    const { connection, clock, duration, sleep } = this.#options
    let seen: { renewals: number; epoch: number; since: number } | undefined
    let told = false
    for (;;) {
      options.signal.throwIfAborted()
      const row = await connection.readOne(() => this.#row())
      if (seen?.renewals !== row.renewals || seen.epoch !== row.epoch)
        seen = { renewals: row.renewals, epoch: row.epoch, since: clock.now() }
      const silent = clock.now() - seen.since >= duration
      const lock = this.#tryLock()
      if (row.holder === null || silent || (lock && row.locked === 1)) {
        const held = await this.#take(row, options.holder, lock)
        if (held) return held
      } else {
        lock?.close()
      }
      if (!told) options.onWaiting?.(stateOf(row, true))
      told = true
      await sleep(RETRY)
    }
  }

  async read(): Promise<LeaseState | undefined> {
    const row = await this.#options.connection.readOne(() => this.#row())
    if (row.epoch === 0) return undefined
    return stateOf(row, row.holder !== null && this.#alive(row))
  }

  /** Gives up what is held, as the process is about to end. */
  async close(): Promise<void> {
    this.#closed = true
    for (const held of [...this.#held]) await held.release()
  }

  #row(): Row {
    return this.#options.connection
      .statement('SELECT holder, epoch, expires, renewals, locked, idle, clock FROM lease')
      .get() as unknown as Row
  }

  /** Takes the lease unless the row has changed since it was read. The lock is closed when it did not work. */
  async #take(seen: Row, holder: string, lock: Lock | undefined): Promise<Held | undefined> {
    const { connection, clock, duration } = this.#options
    const epoch = seen.epoch + 1
    const taken = await connection
      .write({ durable: true }, () => {
        const { changes } = connection
          .statement(
            `UPDATE lease SET holder = ?, epoch = ?, expires = ?, renewals = renewals + 1, locked = ?, idle = NULL WHERE epoch = ? AND renewals = ?`,
          )
          .run(holder, epoch, timestamp(clock.now() + duration), lock ? 1 : 0, seen.epoch, seen.renewals)
        return changes === 1
      })
      .catch(error => {
        lock?.close()
        throw error
      })
    if (!taken || this.#closed) {
      lock?.close()
      return undefined
    }
    const held = new Held({
      ...this.#options,
      epoch,
      lock,
      tryLock: () => this.#tryLock(),
      ended: () => this.#held.delete(held),
    })
    this.#held.add(held)
    return held
  }

  /** The open write transaction that is the lock; undefined while another process has it. */
  #tryLock(): Lock | undefined {
    const { lockFile } = this.#options
    if (lockFile === undefined) return this.#memoryLock()
    const db = new DatabaseSync(lockFile, { timeout: 0 })
    try {
      db.exec('BEGIN EXCLUSIVE')
      return { close: () => db.close() }
    } catch (error) {
      db.close()
      if (isBusy(error)) return undefined
      throw error
    }
  }

  /** The same for a store that only this process sees. */
  #memoryLock(): Lock | undefined {
    if (this.#lockedInMemory) return undefined
    this.#lockedInMemory = true
    return {
      close: () => {
        this.#lockedInMemory = false
      },
    }
  }

  #alive(row: Row): boolean {
    if (row.locked === 0) return row.expires !== null && Date.parse(row.expires) > this.#options.clock.now()
    const lock = this.#tryLock()
    lock?.close()
    return lock === undefined
  }
}

interface Lock {
  close(): void
}

interface HeldOptions extends EmbeddedLeaseOptions {
  epoch: number
  lock: Lock | undefined
  tryLock: () => Lock | undefined
  ended: () => void
}

/** The lease while it is held: renews itself three times a duration, and knows when it was lost. */
class Held implements HeldLease {
  readonly epoch: number
  readonly store: ResourceStore
  readonly #options: HeldOptions
  readonly #lost = new AbortController()
  readonly #unfollow: () => void
  #lock: Lock | undefined
  #callOff: (() => void) | undefined
  #released = false

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

  async release(): Promise<void> {
    if (this.#released) return
    this.#end()
    if (this.#lost.signal.aborted) return
    this.#released = true
    const { connection } = this.#options
    await connection.write({ durable: false }, () => {
      connection
        .statement(
          'UPDATE lease SET holder = NULL, expires = NULL, locked = 0, renewals = renewals + 1 WHERE epoch = ?',
        )
        .run(this.epoch)
    })
    this.#lock?.close()
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
    if (!this.#released && !this.#lost.signal.aborted && this.#isOurs()) return
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
    if (this.#released || this.#lost.signal.aborted) return
    this.#schedule()
    try {
      await connection.write({ durable: false }, () => {
        this.#check()
        this.#lock ??= tryLock()
        connection
          .statement('UPDATE lease SET expires = ?, renewals = renewals + 1, locked = ?')
          .run(timestamp(clock.now() + duration), this.#lock ? 1 : 0)
      })
    } catch (error) {
      // A file that cannot be written for a while (a full disk) loses the lease only when another process takes it.
      if (error instanceof LeaseLostError) return
    }
  }

  #lose(error: LeaseLostError): void {
    this.#end()
    this.#lock?.close()
    this.#lost.abort(error)
  }

  #end(): void {
    this.#callOff?.()
    this.#unfollow()
    this.#options.ended()
  }
}

const stateOf = (row: Row, held: boolean): LeaseState => ({
  holder: row.holder ?? '',
  epoch: row.epoch,
  expires: row.expires ?? '',
  idleAt: row.idle ?? undefined,
  clockMark: row.clock ?? undefined,
  held,
})
