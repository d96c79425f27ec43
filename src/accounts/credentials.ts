import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { type Retry, RosterError } from '../api/errors.ts'
import type { Reason } from '../api/names.ts'
import type { CredentialStore, Session, Ticket } from '../ports/credentials.ts'

/** The layout that this build writes. A newer file is refused, not guessed at. */
const USER_VERSION = 1
/** More than so many events of one key are not written down; they are over every limit anyway. */
const MOST_EVENTS = 1000
/** Waiting inside SQLite blocks the whole process, so it is short; then we wait outside and try again. */
const BUSY_MILLISECONDS = 50
const BUSY_TRIES = 100

const LAYOUT = `
  CREATE TABLE passwords (account TEXT PRIMARY KEY, hash TEXT NOT NULL);
  CREATE TABLE sessions (hash TEXT PRIMARY KEY, account TEXT NOT NULL, credentialVersion INTEGER NOT NULL, created TEXT NOT NULL,
    lastSeen TEXT NOT NULL, expires TEXT NOT NULL, storeEpoch INTEGER NOT NULL);
  CREATE INDEX sessionsByAccount ON sessions (account);
  CREATE INDEX sessionsByExpiry ON sessions (expires);
  CREATE TABLE tickets (hash TEXT PRIMARY KEY, purpose TEXT NOT NULL, account TEXT NOT NULL, expires TEXT NOT NULL, storeEpoch INTEGER NOT NULL);
  CREATE TABLE events (key TEXT NOT NULL, time INTEGER NOT NULL, forgotten INTEGER NOT NULL);
  CREATE INDEX eventsByKey ON events (key, time);
  CREATE INDEX eventsByEnd ON events (forgotten);
  PRAGMA user_version = ${USER_VERSION};
`

/** The file with the credentials cannot be used. */
export class CredentialsUnusableError extends RosterError {
  readonly retry: Retry = 'never'
  readonly reason: Reason = 'NotAllowed'
}

/**
 * Opens or makes the credential store in one SQLite file (mode 0600, WAL, every write on the disk before it is acknowledged). Other processes may use it at the same time.
 *
 * @throws CredentialsUnusableError when it was written by a newer build, is damaged, or cannot be opened
 */
export const openCredentials = (path: string): CredentialStore => {
  let database: DatabaseSync
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    closeSync(openSync(path, 'a', 0o600))
    chmodSync(path, 0o600)
    database = new DatabaseSync(path, { timeout: BUSY_MILLISECONDS * 20 })
  } catch (error) {
    throw new CredentialsUnusableError(
      `${path} cannot be opened: ${said(error)}; check who owns the folder and whether the disk is full`,
      { cause: error },
    )
  }
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF')
    database.exec('BEGIN IMMEDIATE')
    const version = Number(database.prepare('PRAGMA user_version').get()?.user_version)
    if (version === 0) database.exec(LAYOUT)
    database.exec('COMMIT')
    database.exec(`PRAGMA busy_timeout = ${BUSY_MILLISECONDS}`)
    if (version > USER_VERSION)
      throw new CredentialsUnusableError(
        `${path} was written by a newer Roster (layout ${version}, this one knows ${USER_VERSION}); run that one, or restore a backup`,
      )
  } catch (error) {
    database.close()
    if (error instanceof CredentialsUnusableError) throw error
    throw new CredentialsUnusableError(
      `${path} cannot be read: ${said(error)}; if it is damaged, restore a backup, or move it away: nobody has a password then, and \`roster sign-in-link\` lets people in`,
      { cause: error },
    )
  }
  return new SqliteCredentials(database)
}

class SqliteCredentials implements CredentialStore {
  readonly #database: DatabaseSync

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  async hasCredential(account: string): Promise<boolean> {
    return (await this.passwordHash(account)) !== undefined
  }

  insertPassword(account: string, hash: string): Promise<boolean> {
    return this.#run(
      () =>
        this.#change('INSERT INTO passwords (account, hash) VALUES (?, ?) ON CONFLICT DO NOTHING', account, hash) === 1,
    )
  }

  async replacePassword(account: string, hash: string): Promise<void> {
    await this.#run(() =>
      this.#change(
        'INSERT INTO passwords (account, hash) VALUES (?, ?) ON CONFLICT DO UPDATE SET hash = excluded.hash',
        account,
        hash,
      ),
    )
  }

  passwordHash(account: string): Promise<string | undefined> {
    return this.#patiently(
      () =>
        this.#database.prepare('SELECT hash FROM passwords WHERE account = ?').get(account)?.hash as string | undefined,
    )
  }

  async createSession(session: Session): Promise<void> {
    await this.#run(() => {
      this.#change('DELETE FROM sessions WHERE expires <= ?', session.created)
      this.#change(
        'INSERT INTO sessions (hash, account, credentialVersion, created, lastSeen, expires, storeEpoch) VALUES (?, ?, ?, ?, ?, ?, ?)',
        session.hash,
        session.account,
        session.credentialVersion,
        session.created,
        session.lastSeen,
        session.expires,
        session.storeEpoch,
      )
    })
  }

  session(hash: string): Promise<Session | undefined> {
    return this.#patiently(() =>
      row<Session>(this.#database.prepare('SELECT * FROM sessions WHERE hash = ?').get(hash)),
    )
  }

  async touchSession(hash: string, lastSeen: string): Promise<void> {
    await this.#run(() =>
      this.#change('UPDATE sessions SET lastSeen = ? WHERE hash = ? AND lastSeen < ?', lastSeen, hash, lastSeen),
    )
  }

  async endSession(hash: string): Promise<void> {
    await this.#run(() => this.#change('DELETE FROM sessions WHERE hash = ?', hash))
  }

  endSessions(account: string): Promise<number> {
    return this.#run(() => this.#change('DELETE FROM sessions WHERE account = ?', account))
  }

  async createTicket(ticket: Ticket): Promise<void> {
    await this.#run(() =>
      this.#change(
        'INSERT INTO tickets (hash, purpose, account, expires, storeEpoch) VALUES (?, ?, ?, ?, ?)',
        ticket.hash,
        ticket.purpose,
        ticket.account,
        ticket.expires,
        ticket.storeEpoch,
      ),
    )
  }

  takeTicket(hash: string, now: string): Promise<Ticket | undefined> {
    return this.#run(() => {
      this.#change('DELETE FROM tickets WHERE expires <= ?', now)
      return row<Ticket>(this.#database.prepare('DELETE FROM tickets WHERE hash = ? RETURNING *').get(hash))
    })
  }

  count(key: string, now: string, windowSeconds: number): Promise<number> {
    const time = Date.parse(now)
    return this.#run(() => {
      this.#change('DELETE FROM events WHERE forgotten <= ?', time)
      const before = Number(
        this.#database
          .prepare('SELECT count(*) AS n FROM events WHERE key = ? AND time > ?')
          .get(key, time - windowSeconds * 1000)?.n,
      )
      if (before < MOST_EVENTS)
        this.#change(
          'INSERT INTO events (key, time, forgotten) VALUES (?, ?, ?)',
          key,
          time,
          time + windowSeconds * 1000,
        )
      return before + 1
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#database.isOpen) this.#database.close()
  }

  #change(sql: string, ...values: (string | number)[]): number {
    return Number(this.#database.prepare(sql).run(...values).changes)
  }

  /** One transaction. */
  #run<T>(work: () => T): Promise<T> {
    return this.#patiently(() => this.#transaction(work))
  }

  /** Another process may hold the file for a moment: then again, without blocking this one. */
  async #patiently<T>(work: () => T): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return work()
      } catch (error) {
        if (!isBusy(error) || tries === BUSY_TRIES) throw error
      }
      await pause(10)
    }
  }

  #transaction<T>(work: () => T): T {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      this.#database.exec('COMMIT')
      return result
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }
}

/** SQLITE_BUSY and its extended codes (low byte 5). */
const isBusy = (error: unknown): boolean => ((error as { errcode?: number }).errcode ?? 0) % 256 === 5
const said = (error: unknown): string => (error instanceof Error ? error.message : String(error))
/** Rows of node:sqlite have no prototype; what leaves here is a plain object. */
const row = <T>(found: Record<string, unknown> | undefined): T | undefined => (found ? ({ ...found } as T) : undefined)
