import { randomBytes } from 'node:crypto'
import { chmodSync, closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { StoreUnusableError } from '../errors.ts'
import { markTexts } from '../marks.ts'
import type { StoreInfo } from '../store.ts'
import { randomId } from '../uid.ts'
import { companionsOf, FILES, type Machine, prepareFolder, thisMachine } from './folder.ts'
import { NEWEST_VERSION } from './objects.ts'
import { checkSchema } from './schema.ts'
import { troubleOf } from './trouble.ts'

/** All pages in one step: the copy is of one moment, and a process that writes meanwhile does not make it start again. */
const ALL_PAGES = 2 ** 31 - 1
/**
 * By so much the versions of a restored store are ahead of its backup. Whoever still knows a version of the lost time compares it with nothing in the new one,
 * and a watch from there lists again.
 */
const VERSION_GAP = 1_000_000_000

/**
 * Copies the store in a folder into a file (0600), as it is at one moment; it may be written meanwhile. The copy is whole or not there.
 * @throws StoreUnusableError there is no store, it is damaged, the disk is full, or the file exists already
 */
export const backupEmbedded = async (folder: string, file: string): Promise<StoreInfo> => {
  const source = join(folder, FILES.store)
  if (!existsSync(source)) throw new StoreUnusableError(`${folder} holds no store`, 'name the folder with `--data DIR`')
  refuseExisting(file, 'give the backup another name')
  const target = resolve(file)
  const draft = `${target}.${randomBytes(6).toString('hex')}.tmp`
  try {
    await copy(source, draft)
    const info = inspect(draft, db => {
      // A backup is one file that may lie on read-only media: no write-ahead log beside it.
      db.exec('PRAGMA journal_mode = DELETE')
      return readInfo(db)
    })
    settle(draft, target)
    return info
  } catch (error) {
    throw troubleOf(error, file)
  } finally {
    discard(draft)
  }
}

/** What a restored store is to come after, where it lived elsewhere. */
export interface Past {
  epoch: number
  leaseEpoch: number
  /** RFC 3339. */
  clockMark?: string | undefined
}

/** What the restored store remembers of its restore. RFC 3339. */
export interface RestoreTimes {
  time: string
  backup?: string | undefined
}

/**
 * Puts a backup into a folder that holds no store. The restored store has a new realm and a higher epoch, so links, sessions and permits of before are dead,
 * nobody holds its lease, and no watch goes on over the gap.
 * @throws StoreUnusableError the file is damaged, newer than this build or no backup; the folder holds a store already or cannot
 */
export const restoreEmbedded = async (
  file: string,
  folder: string,
  machine: Machine = thisMachine,
  past?: Past,
  times: RestoreTimes = { time: new Date().toISOString() },
): Promise<StoreInfo> => {
  if (!existsSync(file))
    throw new StoreUnusableError(`${file} does not exist`, 'name the file that `roster backup` made')
  // A log that was left behind would be played into the restored file.
  for (const name of [join(folder, FILES.store), ...companionsOf(join(folder, FILES.store))]) {
    refuseExisting(name, 'move the old store away first, with its -wal and -shm files, or choose another folder')
  }
  const draftFolder = prepareFolder(folder, machine, [])
  const draft = join(draftFolder, `restore.${randomBytes(6).toString('hex')}.tmp`)
  try {
    await copy(resolve(file), draft)
    const info = inspect(draft, db => {
      const damage = db.prepare('PRAGMA integrity_check(1)').get()?.integrity_check
      if (damage !== 'ok') throw new StoreUnusableError(`${file} is damaged (${String(damage)})`, 'use another backup')
      beginAnew(db, times, past)
      return readInfo(db)
    })
    settle(draft, join(draftFolder, FILES.store))
    return info
  } catch (error) {
    throw troubleOf(error, file)
  } finally {
    discard(draft)
  }
}

const refuseExisting = (file: string, remedy: string): void => {
  if (existsSync(file)) throw new StoreUnusableError(`${file} exists already`, remedy)
}

const copy = async (source: string, target: string): Promise<void> => {
  closeSync(openSync(target, 'wx', 0o600))
  const db = new DatabaseSync(source, { readOnly: true, timeout: 50 })
  try {
    if (!checkSchema(db, source))
      throw new StoreUnusableError(`${source} is not a store of Roster`, 'name another file')
    await backup(db, target, { rate: ALL_PAGES })
  } catch (error) {
    throw troubleOf(error, source)
  } finally {
    db.close()
  }
}

const inspect = <T>(file: string, look: (db: DatabaseSync) => T): T => {
  const db = new DatabaseSync(file, { timeout: 50 })
  try {
    return look(db)
  } finally {
    db.close()
  }
}

const beginAnew = (db: DatabaseSync, times: RestoreTimes, past: Past = { epoch: 0, leaseEpoch: 0 }): void => {
  db.exec('PRAGMA journal_mode = DELETE')
  db.exec('BEGIN IMMEDIATE')
  const version = newestVersion(db)
  db.prepare(`UPDATE settings SET value = ? WHERE key = 'realm'`).run(randomId(randomBytes))
  db.prepare(`UPDATE settings SET value = max(value, ?) + 1 WHERE key = 'epoch'`).run(past.epoch)
  db.prepare(`UPDATE settings SET value = ? WHERE key = 'horizon'`).run(version + VERSION_GAP)
  db.exec('DELETE FROM deletions')
  // What it remembers of the keys of before: here new ones are made.
  db.exec(`DELETE FROM settings WHERE key LIKE 'mark/%'`)
  const { restored } = markTexts({ restored: times })
  db.prepare(`INSERT INTO settings (key, value) VALUES ('mark/restored', ?)`).run(restored ?? null)
  db.prepare(
    `UPDATE lease SET holder = NULL, expires = NULL, locked = 0, idle = NULL, epoch = max(epoch, ?) + 1, renewals = renewals + 1,
      clock = coalesce(?, clock)`,
  ).run(past.leaseEpoch, past.clockMark ?? null)
  db.exec('COMMIT')
}

const readInfo = (db: DatabaseSync): StoreInfo => {
  const setting = (key: string) => db.prepare('SELECT value FROM settings WHERE key = ?').get(key)?.value
  return {
    realm: String(setting('realm')),
    epoch: Number(setting('epoch')),
    resourceVersion: String(newestVersion(db)),
  }
}

const newestVersion = (db: DatabaseSync): number => Number(db.prepare(NEWEST_VERSION).get()?.version)

/** The finished file takes its name only when all of it has reached the disk. */
const settle = (draft: string, target: string): void => {
  chmodSync(draft, 0o600)
  sync(draft)
  renameSync(draft, target)
  sync(dirname(target))
}

const sync = (path: string): void => {
  // Windows has no such thing as flushing a folder, and flushes a file only through a descriptor that may write.
  if (process.platform === 'win32') return
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

const discard = (draft: string): void => {
  for (const file of [draft, `${draft}-journal`, `${draft}-wal`, `${draft}-shm`]) rmSync(file, { force: true })
}
