import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { link, mkdtemp, open, readFile, rename, rm, rmdir } from 'node:fs/promises'
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
  if (!existsSync(dirname(target)))
    throw new ArchiveError(`${dirname(target)} does not exist; make it, or name another place for the backup`)
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
    await nameWhole(join(work, 'archive'), target).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') throw new ArchiveError(`${file} exists already; give the backup another name`)
      throw error
    })
    await syncFolder(dirname(target))
    return { ...info, credentials }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** Unlike a rename, a link never takes the place of a file that came meanwhile. Where there are no links (FAT, some network shares) the name is taken first. */
const nameWhole = async (whole: string, target: string): Promise<void> => {
  try {
    await link(whole, target)
  } catch (error) {
    if (!NO_LINKS.has((error as NodeJS.ErrnoException).code)) throw error
    await (await open(target, 'wx', 0o600)).close()
    await rename(whole, target)
  }
}
const NO_LINKS: ReadonlySet<string | undefined> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'])

/** What a store is after its restore. */
export interface Restored extends StoreInfo {
  /** When the backup was made. RFC 3339. */
  time: string
  /** Whether licence keys were handed out before: new keys cannot recognize those. */
  keysMailed: boolean
}

/** What a restore unpacks into, inside of the folder: it may be a disk of its own. */
const DRAFT = '.roster-restore-'

/**
 * Makes a store of a backup in a folder that is empty or not there: a new realm and a higher epoch, so no link and no session of before works; new keys are made at the next start.
 * What fails leaves the folder as it was.
 * @throws ArchiveError, StoreUnusableError
 */
export const restoreBackup = async (file: string, folder: string): Promise<Restored> => {
  const there = existsSync(folder) ? readdirSync(folder) : undefined
  if (there?.some(name => name !== 'lost+found' && !name.startsWith(DRAFT)))
    throw new ArchiveError(`${folder} is not empty; a backup is restored into a new folder: name one with --data`)
  if (!existsSync(file)) throw new ArchiveError(`${file} does not exist; name the file that \`roster backup\` made`)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  // Those of restores that were killed.
  for (const name of there ?? [])
    if (name.startsWith(DRAFT)) await rm(join(folder, name), { recursive: true, force: true })
  const work = await mkdtemp(join(folder, DRAFT))
  try {
    return await restoreInto(folder, file, work)
  } catch (error) {
    await rm(work, { recursive: true, force: true })
    if (there === undefined) await rmdir(folder)
    throw error
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

const restoreInto = async (folder: string, file: string, work: string): Promise<Restored> => {
  const found = await readArchive(file, (name, size) =>
    [STORE, CREDENTIALS].includes(name) || (name === ABOUT && size < 65_536) ? join(work, name) : undefined,
  )
  const about = await readAbout(join(work, ABOUT), file)
  for (const [name, hash] of Object.entries(about.files))
    if (found.get(name) !== hash)
      throw new ArchiveError(`${name} in ${file} is not what was backed up: it is damaged; use another backup`)
  const { credentials } = dataPaths(folder)
  try {
    // The store last: whatever is cut off before it leaves no store behind.
    if (about.files[CREDENTIALS] !== undefined) await rename(join(work, CREDENTIALS), credentials)
    const info = await restoreEmbedded(join(work, STORE), folder)
    await syncFolder(folder)
    return { ...info, time: about.time, keysMailed: await hasMailedKeys(folder) }
  } catch (error) {
    if (!existsSync(join(folder, STORE))) await rm(credentials, { force: true })
    throw error
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
  const about = parsed(await readFile(path, 'utf8').catch(() => ''))
  const { format, files } = about
  if (format === 'roster-backup/1' && files?.[STORE] !== undefined) return about as Manifest
  if (typeof format === 'string' && format.startsWith('roster-backup/') && format !== 'roster-backup/1')
    throw new ArchiveError(`${file} was written by a newer Roster (${format}); restore it with that one`)
  throw new ArchiveError(`${basename(file)} is no backup of Roster; name the file that \`roster backup\` made`)
}

/** Nothing where it is no object: whoever made the file need not have been Roster. */
const parsed = (text: string): Partial<Manifest> => {
  try {
    return JSON.parse(text) ?? {}
  } catch {
    return {}
  }
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
