import { DatabaseSync } from 'node:sqlite'
import { type Clock, timestamp } from '../../ports/clock.ts'
import type { HeldLease, LeaseState, LeaseTable, ResourceStore } from '../store.ts'
import type { Changes } from './changes.ts'
import type { Connection } from './connection.ts'
import { Held, type Lock } from './heldlease.ts'
import { isBusy, troubleOf } from './trouble.ts'

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
    let db: DatabaseSync | undefined
    try {
      const opened = new DatabaseSync(lockFile, { timeout: 0 })
      db = opened
      opened.exec('BEGIN EXCLUSIVE')
      return { close: () => opened.close() }
    } catch (error) {
      db?.close()
      if (isBusy(error)) return undefined
      throw troubleOf(error, lockFile)
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

const stateOf = (row: Row, held: boolean): LeaseState => ({
  holder: row.holder ?? '',
  epoch: row.epoch,
  expires: row.expires ?? '',
  idleAt: row.idle ?? undefined,
  clockMark: row.clock ?? undefined,
  held,
})
