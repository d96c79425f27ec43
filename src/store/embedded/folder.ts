import {
  chmodSync,
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  statfsSync,
  statSync,
} from 'node:fs'
import { join } from 'node:path'
import { StoreUnusableError } from '../errors.ts'
import { mountTypeOf, networkFileSystem } from './filesystem.ts'

/** Files of a store, in its folder. */
export const FILES = { store: 'roster.sqlite', lease: 'lease.sqlite' } as const

/** What SQLite keeps beside a file while it is open, and after a crash; they belong to exactly that file. */
export const companionsOf = (file: string): string[] => [`${file}-wal`, `${file}-shm`]

/** What is asked of the machine about a folder. */
export interface Machine {
  /** Type of the file system, as in statfs(2). */
  fileSystem(folder: string): number
  /** Name of the mount's type, where the machine tells. */
  mountType(folder: string): string | undefined
  /** Numeric id of the user whose process this is; undefined where there is none (Windows). */
  user(): number | undefined
}

export const thisMachine: Machine = {
  fileSystem: folder => (process.platform === 'linux' ? statfsSync(folder).type : 0),
  mountType: folder => {
    try {
      return mountTypeOf(readFileSync('/proc/self/mountinfo', 'utf8'), folder)
    } catch {
      // No /proc: a container may hide it. The type of the file system alone decides then.
      return undefined
    }
  },
  user: () => process.geteuid?.(),
}

/**
 * Makes the folder of a store (0700) and its files (0600), and refuses what cannot keep the store's promises.
 * @param files those to make
 * @returns the folder's real path
 * @throws StoreUnusableError network file system, another owner, no permission
 */
export const prepareFolder = (
  folder: string,
  machine: Machine,
  files: readonly string[] = Object.values(FILES),
): string => {
  const real = attempt(folder, () => {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    return realpathSync(folder)
  })
  const network = networkFileSystem(machine.fileSystem(real), machine.mountType(real))
  if (network !== undefined) {
    throw new StoreUnusableError(
      `${folder} is on a network file system (${network}); a store there would be damaged by two machines at once`,
      'choose a folder on a disk of this machine; in a container, a volume instead of a shared folder',
    )
  }
  const user = machine.user()
  const state = attempt(folder, () => statSync(real))
  if (user !== undefined && state.uid !== user) {
    throw new StoreUnusableError(
      `${folder} belongs to another user (id ${state.uid}, you are ${user})`,
      'run Roster as that user, or choose another folder',
    )
  }
  attempt(folder, () => {
    if ((state.mode & 0o077) !== 0) chmodSync(real, 0o700)
    for (const name of files) privateFile(join(real, name))
  })
  return real
}

/** Makes an empty file nobody else may read before SQLite would make one that everybody may; its `-wal` and `-shm` get the same mode. */
const privateFile = (file: string): void => {
  const state = lstatSync(file, { throwIfNoEntry: false })
  if (state === undefined) {
    try {
      closeSync(openSync(file, 'wx', 0o600))
    } catch (error) {
      // Another process made it in the same moment.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    return
  }
  if (!state.isFile()) throw new StoreUnusableError(`${file} is not a plain file`, 'move it away')
  // By name, never by opening: closing any descriptor of a file gives up all locks that this process has on it (fcntl(2)).
  for (const each of [file, ...companionsOf(file)]) {
    const mode = lstatSync(each, { throwIfNoEntry: false })?.mode ?? 0
    if ((mode & 0o077) !== 0) chmodSync(each, 0o600)
  }
}

const attempt = <T>(folder: string, action: () => T): T => {
  try {
    return action()
  } catch (error) {
    if (error instanceof StoreUnusableError) throw error
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'EACCES' || code === 'EPERM') {
      throw new StoreUnusableError(`${folder} cannot be used: no permission`, 'choose a folder of your own', {
        cause: error,
      })
    }
    if (code === 'EROFS') {
      throw new StoreUnusableError(`${folder} is on a read-only file system`, 'choose a folder that can be written', {
        cause: error,
      })
    }
    if (code === 'ENOSPC')
      throw new StoreUnusableError(`${folder}: the disk is full`, 'free some space on that disk', { cause: error })
    if (code === 'EEXIST' || code === 'ENOTDIR')
      throw new StoreUnusableError(`${folder} is not a folder`, 'choose another path', { cause: error })
    throw error
  }
}
