import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { setImmediate as nextRound } from 'node:timers/promises'
import { RosterError } from '../../api/errors.ts'
import { StoreUnusableError } from '../errors.ts'
import { isBusy, troubleOf } from './trouble.ts'

/** How long one statement may block the event loop while another process writes, in milliseconds. Longer waits are asynchronous. */
const BUSY_TIMEOUT = 20
/** Milliseconds of one round of the event loop, after which other things of this process come in between. */
const LONG_ROUND = 5
/** Kibibytes of pages that SQLite keeps; the rest the operating system has in its own cache. */
const CACHE = 16_384
/** Writes that share one transaction at most, so that other processes get their turn. */
const BATCH = 128

export interface ConnectionOptions {
  /** `roster.sqlite` with its path, or `:memory:`. */
  file: string
  /** Waits so many milliseconds. */
  sleep: (milliseconds: number) => Promise<void>
  /** Between 0 and 1: two processes that wait for one lock must not ask in step. */
  jitter: () => number
  /** How long a lock is waited for before giving up, in milliseconds. */
  patience: number
}

interface Job {
  durable: boolean
  run: () => unknown
  resolve: (value: unknown) => void
  reject: (error: unknown) => void
}

/**
 * One open file. Reads run at once; writes of one moment share a transaction (`BEGIN IMMEDIATE` … `COMMIT`, nothing awaited in between) and are acknowledged
 * after its commit, so a hundred writers wait for the disk once. A write that throws a {@link RosterError} must do so before its first statement that writes;
 * it fails alone.
 */
export class Connection {
  readonly db: DatabaseSync
  readonly file: string
  readonly #options: ConnectionOptions
  readonly #statements = new Map<string, StatementSync>()
  readonly #listeners = new Set<() => void>()
  #queue: Job[] = []
  #flushing: Promise<void> | undefined
  #synchronous = ''
  #closed = false
  #roundBegan: number | undefined
  #changes: unknown

  private constructor(db: DatabaseSync, options: ConnectionOptions) {
    this.db = db
    this.file = options.file
    this.#options = options
  }

  /** Opens the file, and lets `prepare` look at it and lay down what is missing. @throws StoreUnusableError */
  static async open(options: ConnectionOptions, prepare: (db: DatabaseSync) => void): Promise<Connection> {
    let db: DatabaseSync | undefined
    try {
      // The time-out comes first: switching to WAL needs a lock, and a second process that starts in the same moment has it.
      const opened = new DatabaseSync(options.file, { timeout: BUSY_TIMEOUT })
      db = opened
      const connection = new Connection(opened, options)
      await connection.#patiently(() => {
        const mode = opened.prepare('PRAGMA journal_mode = WAL').get()?.journal_mode
        if (mode !== 'wal' && options.file !== ':memory:')
          throw new StoreUnusableError(
            `${options.file} is on a file system without shared memory`,
            'choose a folder on a disk of this machine',
          )
        opened.exec(`PRAGMA cache_size = -${CACHE}`)
        prepare(opened)
      })
      return connection
    } catch (error) {
      db?.close()
      throw troubleOf(error, options.file)
    }
  }

  /** A prepared statement, kept. */
  statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (!statement) {
      statement = this.db.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }

  /** Runs `read` over one unchanging view of the file. */
  async read<T>(read: () => T): Promise<T> {
    this.#checkOpen()
    if (this.#isRoundLong()) await nextRound()
    return this.#patiently(() => {
      this.db.exec('BEGIN')
      try {
        return read()
      } finally {
        if (this.db.isTransaction) this.db.exec('COMMIT')
      }
    })
  }

  /** Runs one statement or none that reads: it is a view of its own. */
  async readOne<T>(read: () => T): Promise<T> {
    this.#checkOpen()
    if (this.#isRoundLong()) await nextRound()
    return this.#patiently(read)
  }

  /**
   * Runs `write` inside a transaction that it may share with others, and resolves when that is committed.
   * @param options `durable`: it has reached the disk then, and outlives a power cut; else it outlives only the process
   */
  async write<T>(options: { durable: boolean }, write: () => T): Promise<T> {
    this.#checkOpen()
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ durable: options.durable, run: write, resolve: resolve as (value: unknown) => void, reject })
      this.#flushing ??= Promise.resolve().then(() => this.#flush())
    })
  }

  /** Calls back after each commit of this connection that changed anything. @returns a function that calls it off */
  onCommit(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Finishes what was asked for, and closes the file. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#flushing
    if (this.db.isOpen) this.db.close()
  }

  #checkOpen(): void {
    if (this.#closed) throw new StoreUnusableError(`${this.file} was closed`, 'open the store again')
  }

  /**
   * SQLite answers at once, so a loop that awaits one call after the other would never let the event loop go round: timers, the network and signals would wait
   * for its end. So a call after some milliseconds of that waits for the next round.
   */
  #isRoundLong(): boolean {
    if (this.#roundBegan === undefined) {
      this.#roundBegan = performance.now()
      setImmediate(() => {
        this.#roundBegan = undefined
      })
    }
    return performance.now() - this.#roundBegan > LONG_ROUND
  }

  async #flush(): Promise<void> {
    try {
      // Reaching the disk costs more than a round of the event loop, in which everybody who is about to write comes along.
      if (this.#isRoundLong() || this.#queue.some(job => job.durable)) await nextRound()
      while (this.#queue.length > 0) {
        const batch = this.#queue.slice(0, BATCH)
        this.#queue = this.#queue.slice(BATCH)
        await this.#commit(batch)
        if (this.#isRoundLong()) await nextRound()
      }
    } finally {
      this.#flushing = undefined
    }
  }

  async #commit(batch: readonly Job[]): Promise<void> {
    let settle: (() => void)[]
    try {
      settle = await this.#patiently(() => this.#transaction(batch))
    } catch (error) {
      // One write that cannot be (too big, not JSON) takes nobody else with it.
      const splits = batch.length > 1 && !(error instanceof StoreUnusableError)
      for (const job of batch) {
        if (splits) await this.#commit([job])
        else job.reject(error)
      }
      return
    }
    for (const done of settle) done()
    const changes = this.statement('SELECT total_changes() AS changes').get()?.changes
    if (changes === this.#changes) return
    this.#changes = changes
    for (const listener of this.#listeners) listener()
  }

  /** One transaction, start to end without a pause. @returns how to tell each writer */
  #transaction(batch: readonly Job[]): (() => void)[] {
    const synchronous = batch.some(job => job.durable) ? 'FULL' : 'NORMAL'
    if (this.#synchronous !== synchronous) this.db.exec(`PRAGMA synchronous = ${synchronous}`)
    this.#synchronous = synchronous
    this.statement('BEGIN IMMEDIATE').run()
    try {
      const settle = batch.map(job => {
        try {
          const value = job.run()
          return () => job.resolve(value)
        } catch (error) {
          if (!(error instanceof RosterError)) throw error
          return () => job.reject(error)
        }
      })
      this.statement('COMMIT').run()
      return settle
    } catch (error) {
      if (this.db.isTransaction) this.db.exec('ROLLBACK')
      throw error
    }
  }

  /** Tries again while another process holds the lock, without blocking this one. @throws StoreUnusableError in the end, with the name of who has it */
  async #patiently<T>(action: () => T): Promise<T> {
    let waited = 0
    for (;;) {
      try {
        return action()
      } catch (error) {
        if (!isBusy(error)) throw troubleOf(error, this.file)
        if (waited >= this.#options.patience) throw this.#gaveUp(error)
      }
      const pause = 5 + 25 * this.#options.jitter()
      await this.#options.sleep(pause)
      waited += pause + BUSY_TIMEOUT
    }
  }

  #gaveUp(cause: unknown): StoreUnusableError {
    const seconds = Math.round(this.#options.patience / 1000)
    return new StoreUnusableError(
      `${this.file} has been locked by another process for ${seconds} s${this.#holder()}`,
      'stop that process, or wait until it is done',
      { cause },
    )
  }

  /** Who runs the loop is the best guess at who writes; readers are never locked out. */
  #holder(): string {
    try {
      const holder = this.db.prepare('SELECT holder FROM lease').get()?.holder
      return typeof holder === 'string' ? `; ${holder} runs the loop` : ''
    } catch {
      // The file has no tables yet, or cannot be read now: then nobody is named.
      return ''
    }
  }
}
