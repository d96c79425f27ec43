import { StoreUnusableError } from '../errors.ts'

/** Primary result codes of SQLite (sqlite.org/rescode.html) that say something about the file rather than about us. */
const CODES = {
  BUSY: 5,
  LOCKED: 6,
  READONLY: 8,
  IOERR: 10,
  CORRUPT: 11,
  FULL: 13,
  CANTOPEN: 14,
  PROTOCOL: 15,
  NOTADB: 26,
} as const

/** SQLite's primary result code of an error of `node:sqlite`; undefined for any other error. */
export const sqliteCode = (error: unknown): number | undefined => {
  const code = (error as { errcode?: unknown } | null)?.errcode
  return typeof code === 'number' ? code & 0xff : undefined
}

/** Somebody else holds the lock that is needed now; it may be free in a moment. */
export const isBusy = (error: unknown): boolean => {
  const code = sqliteCode(error)
  return code === CODES.BUSY || code === CODES.LOCKED || code === CODES.PROTOCOL
}

/** What an error of SQLite means for who runs Roster. Any other error comes back as it is. */
export const troubleOf = (error: unknown, file: string): unknown => {
  const lasting = (what: string, remedy: string) => new StoreUnusableError(`${file} ${what}`, remedy, { cause: error })
  const passing = (what: string, remedy: string) =>
    new StoreUnusableError(`${file} ${what}`, remedy, { cause: error, retry: 'backoff' })
  switch (sqliteCode(error)) {
    case CODES.BUSY:
    case CODES.LOCKED:
    case CODES.PROTOCOL:
      return passing('is locked by another process', 'stop that process, or wait until it is done')
    case CODES.READONLY:
      return passing(
        'cannot be written',
        'give yourself write permission to the folder and its files, or choose another folder',
      )
    case CODES.CANTOPEN:
      return passing('cannot be opened', 'look at the permissions of the folder and its files')
    case CODES.FULL:
      return passing(
        'cannot grow: the disk is full',
        'free some space on that disk; nothing that was acknowledged is lost',
      )
    case CODES.IOERR:
      return passing(
        'cannot be read or written: the disk reports an error',
        'look at the disk; then start again, or restore a backup elsewhere',
      )
    case CODES.CORRUPT:
      return lasting('is damaged', 'move it away and restore the last backup (`roster restore`)')
    case CODES.NOTADB:
      return lasting('is not a store of Roster', 'choose another folder, or move that file away')
    default:
      return error
  }
}
