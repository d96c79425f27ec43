import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { mkdtemp, rename, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { openCredentials } from '../accounts/credentials.ts'
import { backupEmbedded, type Past, restoreEmbedded } from '../store/embedded/backup.ts'
import { openEmbeddedStore } from '../store/embedded/store.ts'
import type { StoreInfo } from '../store/store.ts'
import { ArchiveError } from './archive.ts'
import { rebuild } from './backup/rebuild.ts'
import { FILES, type Manifest, openUnpacked, unpack } from './backup/unpack.ts'
import { syncFolder, writeWhole } from './backup/whole.ts'
import { dataPaths } from './paths.ts'
import { systemClock } from './system-clock.ts'

const STORE = FILES.store
const CREDENTIALS = FILES.credentials

/**
 * Writes store and credentials as they are at one moment each into one file (a tar, 0600), while anybody may go on writing. Sessions, keys, mails and the audit trail are not in it.
 * The file is whole or not there.
 * @throws StoreUnusableError, ArchiveError
 */
export const backUp = async (
  folder: string,
  file: string,
  time: string,
): Promise<StoreInfo & { credentials: boolean }> => {
  return writeWhole(file, async work => {
    const info = await backupEmbedded(folder, join(work, STORE))
    const paths = dataPaths(folder)
    const credentials = existsSync(paths.credentials)
    // After the store: credentials without their account are nobody's; an account without them asks for a new link.
    if (credentials) await copyDatabase(paths.credentials, join(work, CREDENTIALS))
    const { realm, epoch, resourceVersion } = info
    return {
      names: [STORE, ...(credentials ? [CREDENTIALS] : [])],
      about: { format: 'roster-backup/1', time, realm, epoch, resourceVersion },
      result: { ...info, credentials },
    }
  })
}

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
  const about = await unpack(file, work)
  const past = about.format === 'roster-backup/2' ? await rebuildDraft(about, work) : undefined
  const { credentials } = dataPaths(folder)
  try {
    // The store last: whatever is cut off before it leaves no store behind.
    if (existsSync(join(work, CREDENTIALS))) await rename(join(work, CREDENTIALS), credentials)
    const info = await restoreEmbedded(join(work, STORE), folder, undefined, past, {
      time: new Date().toISOString(),
      backup: about.time,
    })
    await syncFolder(folder)
    return { ...info, time: about.time, keysMailed: await hasMailedKeys(folder) }
  } catch (error) {
    if (!existsSync(join(folder, STORE))) await rm(credentials, { force: true })
    throw error
  }
}

/** Makes both files of a store out of the lines of a backup. @returns what the store is to come after */
const rebuildDraft = async (about: Manifest, work: string): Promise<Past> => {
  const system = systemClock()
  let time = system.now()
  const clock = { ...system, now: () => time }
  try {
    await using from = await openUnpacked(about, work)
    await using store = await openEmbeddedStore({ folder: work, clock })
    await using credentials = openCredentials(join(work, CREDENTIALS))
    await rebuild({
      store,
      credentials,
      objects: from.objects(),
      passwords: from.passwords(),
      resumed: false,
      // Each object keeps the time at which it was made.
      setTime: text => {
        time = Date.parse(text)
      },
      signal: new AbortController().signal,
    })
    if (from.binding) await store.bind(from.binding)
    return { epoch: about.epoch, leaseEpoch: from.lease.epoch, clockMark: from.lease.clockMark }
  } finally {
    system.stop()
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
    // What only lets in whoever is in already: it works in no restored store, and no backup is the place for it.
    copied.exec('DELETE FROM sessions; DELETE FROM tickets; DELETE FROM events; VACUUM; PRAGMA journal_mode = DELETE')
  } finally {
    copied.close()
  }
}
