import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { link, mkdtemp, open, readFile, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { backupEmbedded, restoreEmbedded } from '../store/embedded/backup.ts'
import { openEmbeddedStore } from '../store/embedded/store.ts'
import type { StoreInfo } from '../store/store.ts'
import { ArchiveError, readArchive, writeArchive } from './archive.ts'
import { dataPaths } from './paths.ts'
import { systemClock } from './system-clock.ts'

/** What a backup says of itself. */
interface Manifest {
  format: 'roster-backup/1'
  /** RFC 3339. */
  time: string
  realm: string
  epoch: number
  resourceVersion: string
  /** SHA-256 of each file, in hexadecimal. */
  files: Record<string, string>
}

const STORE = 'roster.sqlite'
const CREDENTIALS = 'credentials.sqlite'
const ABOUT = 'backup.json'

/**
 * Writes store and credentials as they are at one moment each into one file (a tar, 0600), while anybody may go on writing. Keys, mails and the audit trail are not in it.
 * The file is whole or not there.
 * @throws StoreUnusableError, ArchiveError
 */
export const backUp = async (
  folder: string,
  file: string,
  time: string,
): Promise<StoreInfo & { credentials: boolean }> => {
  const target = resolve(file)
  if (existsSync(target)) throw new ArchiveError(`${file} exists already; give the backup another name`)
  const work = await mkdtemp(join(dirname(target), '.roster-backup-'))
  try {
    const info = await backupEmbedded(folder, join(work, STORE))
    const paths = dataPaths(folder)
    const credentials = existsSync(paths.credentials)
    // After the store: credentials without their account are nobody's; an account without them asks for a new link.
    if (credentials) await copyDatabase(paths.credentials, join(work, CREDENTIALS))
    const names = [STORE, ...(credentials ? [CREDENTIALS] : [])]
    const about: Manifest = {
      format: 'roster-backup/1',
      time,
      realm: info.realm,
      epoch: info.epoch,
      resourceVersion: info.resourceVersion,
      files: Object.fromEntries(
        await Promise.all(names.map(async name => [name, await digest(join(work, name))] as const)),
      ),
    }
    await writeArchive(join(work, 'archive'), [
      { name: ABOUT, text: `${JSON.stringify(about, undefined, 2)}\n` },
      ...names.map(name => ({ name, file: join(work, name) })),
    ])
    // Unlike a rename, a link never takes the place of a file that came meanwhile.
    await link(join(work, 'archive'), target).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') throw new ArchiveError(`${file} exists already; give the backup another name`)
      throw error
    })
    await syncFolder(dirname(target))
    return { ...info, credentials }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/**
 * Makes a store of a backup in a folder that is empty or not there: a new realm and a higher epoch, so no link and no session of before works; new keys are made at the next start.
 * @returns what the store is now, when the backup was made, and whether licence keys were handed out before: new keys cannot recognize those
 * @throws ArchiveError, StoreUnusableError
 */
export const restoreBackup = async (
  file: string,
  folder: string,
): Promise<StoreInfo & { time: string; keysMailed: boolean }> => {
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new ArchiveError(`${folder} is not empty; a backup is restored into a new folder: name one with --data`)
  if (!existsSync(file)) throw new ArchiveError(`${file} does not exist; name the file that \`roster backup\` made`)
  mkdirSync(dirname(resolve(folder)), { recursive: true })
  const work = await mkdtemp(join(dirname(resolve(folder)), '.roster-restore-'))
  try {
    const found = await readArchive(file, (name, size) =>
      [STORE, CREDENTIALS].includes(name) || (name === ABOUT && size < 65_536) ? join(work, name) : undefined,
    )
    const about = await readAbout(join(work, ABOUT), file)
    for (const [name, hash] of Object.entries(about.files))
      if (found.get(name) !== hash)
        throw new ArchiveError(`${name} in ${file} is not what was backed up: it is damaged; use another backup`)
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    // The store last: whatever is cut off before it leaves no store behind.
    if (about.files[CREDENTIALS] !== undefined) await rename(join(work, CREDENTIALS), dataPaths(folder).credentials)
    const info = await restoreEmbedded(join(work, STORE), folder)
    await syncFolder(folder)
    return { ...info, time: about.time, keysMailed: await hasMailedKeys(folder) }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

const hasMailedKeys = async (folder: string): Promise<boolean> => {
  const clock = systemClock()
  await using store = await openEmbeddedStore({ folder, clock })
  try {
    return (await store.list('SeatLedger')).items.some(({ spec }) => spec.keys.length > 0)
  } finally {
    clock.stop()
  }
}

const copyDatabase = async (source: string, target: string): Promise<void> => {
  const db = new DatabaseSync(source, { readOnly: true, timeout: 5000 })
  try {
    await backup(db, target, { rate: 2 ** 31 - 1 })
  } finally {
    db.close()
  }
  const copied = new DatabaseSync(target)
  try {
    copied.exec('PRAGMA journal_mode = DELETE')
  } finally {
    copied.close()
  }
}

const readAbout = async (path: string, file: string): Promise<Manifest> => {
  const text = await readFile(path, 'utf8').catch(() => '{}')
  const about = JSON.parse(text) as Partial<Manifest>
  if (about.format === 'roster-backup/1' && about.files?.[STORE] !== undefined) return about as Manifest
  if (about.format?.startsWith('roster-backup/'))
    throw new ArchiveError(`${file} was written by a newer Roster (${about.format}); restore it with that one`)
  throw new ArchiveError(`${basename(file)} is no backup of Roster; name the file that \`roster backup\` made`)
}

const digest = async (path: string): Promise<string> => {
  const hash = createHash('sha256')
  const file = await open(path, 'r')
  try {
    for await (const chunk of file.createReadStream({ autoClose: false })) hash.update(chunk as Buffer)
  } finally {
    await file.close()
  }
  return hash.digest('hex')
}

const syncFolder = async (path: string): Promise<void> => {
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
