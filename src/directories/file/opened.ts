import { constants, type Stats } from 'node:fs'
import { type FileHandle, open, realpath } from 'node:fs/promises'
import { resolve, sep } from 'node:path'
import { FileTrouble } from './trouble.ts'

/** A file that is being read. */
export interface Opened extends AsyncDisposable {
  readonly handle: FileHandle
  readonly size: number
  /** When it was last changed: milliseconds since 1970. */
  readonly changed: number
  /** Whether it is still the file that was opened, as it was then: an export may be written anew while it is read. */
  isSame(): Promise<boolean>
}

/**
 * Opens a file beneath a folder, whatever links stand in between.
 * @param folder absolute; undefined where the controller's own settings name none
 * @throws FileTrouble
 */
export const openBeneath = async (folder: string | undefined, path: string): Promise<Opened> => {
  if (folder === undefined)
    throw new FileTrouble(
      'NotAllowed',
      'files of directories are read only beneath a folder that the controller was given; start it with --directory-files FOLDER',
    )
  const wanted = resolve(folder, path)
  try {
    const root = await realpath(folder)
    const real = await realpath(wanted)
    if (!real.startsWith(root.endsWith(sep) ? root : root + sep))
      throw new FileTrouble('NotAllowed', `${path} leads out of the folder --directory-files`)
    // A pipe would be waited for, and a device read for ever.
    const handle = await open(real, constants.O_RDONLY | constants.O_NONBLOCK)
    const stats = await handle.stat()
    if (!stats.isFile()) {
      await handle.close()
      throw new FileTrouble('InvalidSpec', `${path} is no file`)
    }
    return {
      handle,
      size: stats.size,
      changed: stats.mtimeMs,
      isSame: async () => {
        const again = await open(real, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => undefined)
        const now = await again?.stat()
        await again?.close()
        return now !== undefined && stampOf(now) === stampOf(stats)
      },
      [Symbol.asyncDispose]: () => handle.close(),
    }
  } catch (error) {
    if (error instanceof FileTrouble) throw error
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw new FileTrouble('PathNotFound', `${path} does not exist in the folder --directory-files`)
    if (code === 'EACCES' || code === 'EPERM')
      throw new FileTrouble('NotAllowed', `${path} may not be read by this user`)
    throw new FileTrouble('Unreachable', `${path} cannot be read: ${code ?? 'unknown'}`)
  }
}

const stampOf = ({ dev, ino, size, mtimeMs }: Stats): string => `${dev}:${ino}:${size}:${mtimeMs}`
