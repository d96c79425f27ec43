import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { link, mkdtemp, open, rename, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { ArchiveError, writeArchive } from '../archive.ts'

/** What goes into a backup, besides what it says of itself. */
export interface Prepared<T> {
  /** Names of files in the working folder. */
  names: readonly string[]
  /** What the backup says of itself, without the digests. */
  about: object
  result: T
}

export const ABOUT = 'backup.json'

/**
 * Writes a backup (a tar, 0600) of what `prepare` puts into a working folder beside it. The file is whole or not there.
 * @throws ArchiveError
 */
export const writeWhole = async <T>(file: string, prepare: (work: string) => Promise<Prepared<T>>): Promise<T> => {
  const target = resolve(file)
  if (existsSync(target)) throw new ArchiveError(`${file} exists already; give the backup another name`)
  if (!existsSync(dirname(target)))
    throw new ArchiveError(`${dirname(target)} does not exist; make it, or name another place for the backup`)
  const work = await mkdtemp(join(dirname(target), '.roster-backup-'))
  try {
    const { names, about, result } = await prepare(work)
    const files = Object.fromEntries(
      await Promise.all(names.map(async name => [name, await digest(join(work, name))] as const)),
    )
    await writeArchive(join(work, 'archive'), [
      { name: ABOUT, text: `${JSON.stringify({ ...about, files }, undefined, 2)}\n` },
      ...names.map(name => ({ name, file: join(work, name) })),
    ])
    await nameWhole(join(work, 'archive'), target).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') throw new ArchiveError(`${file} exists already; give the backup another name`)
      throw error
    })
    await syncFolder(dirname(target))
    return result
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

export const syncFolder = async (path: string): Promise<void> => {
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
