import { createHash } from 'node:crypto'
import { type Dirent, lstatSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'

/** What a folder looked like: equal when nothing in it changed meanwhile, and when the last change was made. */
export interface FolderStamp {
  id: string
  /** Milliseconds since 1970, by the clock of the file system. */
  newest: number
}

/** Entries between two breaths of the event loop. */
const BREATH = 500

/**
 * Times, sizes and numbers of everything below a path that could be or hold a manifest. Two equal stamps around a read mean that one state was read:
 * the time of a change (ctime) cannot be set back by a program.
 */
export const stampOf = async (path: string): Promise<FolderStamp> => {
  const hash = createHash('sha256')
  let newest = 0
  let seen = 0
  const look = (name: string): ReturnType<typeof statSync> | undefined => {
    try {
      const stats = lstatSync(name, { bigint: true })
      // A link counts with what it leads to.
      const target = stats.isSymbolicLink() ? statSync(name, { bigint: true, throwIfNoEntry: false }) : undefined
      for (const { ino, size, mtimeNs, ctimeNs } of target ? [stats, target] : [stats]) {
        hash.update(`${name}\0${ino} ${size} ${mtimeNs} ${ctimeNs}\n`)
        newest = Math.max(newest, Number(ctimeNs / 1_000_000n))
      }
      return target ?? stats
    } catch (error) {
      hash.update(`${name}\0${(error as NodeJS.ErrnoException).code}\n`)
      return undefined
    }
  }
  const walk = async (folder: string): Promise<void> => {
    for (const entry of entriesOf(folder)) {
      if (entry.name.startsWith('.') || entry.name === 'node_modules') continue
      const name = join(folder, entry.name)
      look(name)
      if (++seen % BREATH === 0) await setImmediate()
      if (entry.isDirectory()) await walk(name)
    }
  }
  if (look(path)?.isDirectory()) await walk(path)
  return { id: hash.digest('hex'), newest }
}

const entriesOf = (folder: string): Dirent[] => {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
  } catch {
    // Its own stamp has changed or will; reading it says why it cannot be read.
    return []
  }
}
