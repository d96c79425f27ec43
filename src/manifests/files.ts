import { constants } from 'node:fs'
import { lstat, open, readdir, realpath, stat } from 'node:fs/promises'
import { basename, dirname, extname, join, relative, sep } from 'node:path'
import type { Finding, RuleId } from './finding.ts'
import { decodeText } from './text.ts'

/** A file that was read, or why one was not. */
export type FoundFile = { file: string; text: string } | { finding: Finding }

interface FindOptions {
  /** Findings name files relative to this folder; otherwise as the path was given. */
  relativeTo?: string | undefined
  /** Bytes of one file, and of all together. */
  maxBytes: number
  mostBytes: number
}

const EXTENSIONS = new Set(['.yaml', '.yml', '.json', '.csv'])
/** Files that are opened at one time. */
const AT_ONCE = 32

/**
 * The manifests under a path, in the order of their names: a file as it is, of a folder every `*.yaml`, `*.yml`, `*.json` and `*.csv`, without
 * hidden files, hidden folders and `node_modules`. Nothing outside of a folder is read through a link in it, and nothing that is no regular file.
 */
export async function* findFiles(path: string, options: FindOptions): AsyncGenerator<FoundFile> {
  const show = (found: string): string =>
    (options.relativeTo === undefined ? found : relative(options.relativeTo, found) || basename(found)).replaceAll(
      sep,
      '/',
    )
  let kind: 'file' | 'folder'
  let root: string
  try {
    kind = (await stat(path)).isDirectory() ? 'folder' : 'file'
    root = await realpath(kind === 'folder' ? path : dirname(path))
  } catch (error) {
    yield { finding: finding(show(path), 'unreadable-file', reasonOf(error)) }
    return
  }
  const entries = kind === 'file' ? single(path) : walk(path, root, show)
  const room: Room = { maxBytes: options.maxBytes, mostBytes: options.mostBytes, left: options.mostBytes }
  let batch: Promise<FoundFile>[] = []
  for await (const entry of entries) {
    batch.push('finding' in entry ? Promise.resolve(entry) : readOne(entry.path, show(entry.path), room))
    if (batch.length < AT_ONCE) continue
    yield* await Promise.all(batch)
    batch = []
  }
  yield* await Promise.all(batch)
}

/** What may still be read of one path. */
interface Room {
  readonly maxBytes: number
  readonly mostBytes: number
  left: number
}

type Entry = { path: string } | { finding: Finding }

async function* single(path: string): AsyncGenerator<Entry> {
  yield { path }
}

async function* walk(folder: string, root: string, show: (path: string) => string): AsyncGenerator<Entry> {
  let entries: Awaited<ReturnType<typeof list>>
  try {
    entries = await list(folder)
  } catch (error) {
    yield { finding: finding(show(folder), 'unreadable-file', reasonOf(error)) }
    return
  }
  for (const entry of entries) {
    if (entry.name.startsWith('.') || entry.name === 'node_modules') continue
    const path = join(folder, entry.name)
    const manifest = EXTENSIONS.has(extname(entry.name).toLowerCase())
    // Node replaces what it cannot decode, and what it gives then opens nothing.
    if (entry.name.includes('\ufffd') && (manifest || entry.isDirectory()))
      yield { finding: finding(show(path), 'unreadable-file', 'has a name that is not UTF-8; rename it') }
    else if (entry.isDirectory()) yield* walk(path, root, show)
    else if (entry.isSymbolicLink()) {
      const followed = await follow(path, root, manifest, show)
      if (followed) yield followed
    } else if (manifest) {
      if (entry.isFile()) yield { path }
      else
        yield {
          finding: finding(show(path), 'special-file', 'is no regular file (a device, pipe or socket); take it away'),
        }
    }
  }
}

const list = async (folder: string) =>
  (await readdir(folder, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))

/** A link to a file inside of the folder is read; one that leads out of it, or nowhere, is an error. */
async function follow(
  path: string,
  root: string,
  manifest: boolean,
  show: (path: string) => string,
): Promise<Entry | undefined> {
  let target: string
  let kind: Awaited<ReturnType<typeof lstat>>
  try {
    target = await realpath(path)
    kind = await lstat(target)
  } catch (error) {
    return manifest
      ? {
          finding: finding(
            show(path),
            'symlink-outside',
            `is a symbolic link that cannot be followed: ${reasonOf(error)}`,
          ),
        }
      : undefined
  }
  const inside = target === root || target.startsWith(root.endsWith(sep) ? root : root + sep)
  if (kind.isDirectory()) {
    if (!inside)
      return {
        finding: finding(
          show(path),
          'symlink-outside',
          'is a symbolic link to a folder outside; put the files here instead',
        ),
      }
    return {
      finding: {
        ...finding(
          show(path),
          'symlink-folder',
          'is a symbolic link to a folder and is not followed; what is in it is read where it lies',
        ),
        severity: 'warning',
      },
    }
  }
  if (!manifest) return undefined
  if (!inside)
    return {
      finding: finding(
        show(path),
        'symlink-outside',
        'is a symbolic link that leaves the folder; put the file here instead',
      ),
    }
  if (!kind.isFile())
    return {
      finding: finding(show(path), 'special-file', 'leads to no regular file (a device, pipe or socket); take it away'),
    }
  return { path }
}

/** Opened without waiting, so that a pipe does not hold us up; what is judged is what was opened. */
async function readOne(path: string, file: string, room: Room): Promise<FoundFile> {
  try {
    await using handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const { size, isFile } = await handle.stat().then(stats => ({ size: stats.size, isFile: stats.isFile() }))
    if (!isFile) return { finding: finding(file, 'special-file', 'is no regular file') }
    const { maxBytes, mostBytes } = room
    if (size > maxBytes)
      return { finding: finding(file, 'too-large', `has ${size} bytes, and may have ${maxBytes}; split it`) }
    // Counted before it is read: many are read at one time.
    room.left -= size
    if (room.left < 0)
      return {
        finding: finding(
          file,
          'too-large',
          `is not read: with it, the manifests have more than ${mostBytes} bytes together; name a folder with manifests only`,
        ),
      }
    const bytes = await handle.readFile()
    const decoded = decodeText(bytes)
    if ('problem' in decoded) return { finding: { ...finding(file, 'encoding', decoded.problem), line: decoded.line } }
    return { file, text: decoded.text }
  } catch (error) {
    return { finding: finding(file, 'unreadable-file', reasonOf(error)) }
  }
}

const finding = (file: string, rule: RuleId, message: string): Finding => ({
  severity: 'error',
  rule,
  message,
  file,
  line: 1,
  column: 1,
})

function reasonOf(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return 'does not exist'
    case 'EACCES':
    case 'EPERM':
      return 'may not be read; check its permissions'
    case 'ELOOP':
      return 'links to itself'
    default:
      return error instanceof Error ? error.message : String(error)
  }
}

/** Whether a file of this path below a folder is read as a manifest: by its extension, and not in anything hidden or `node_modules`. */
export const isManifestPath = (path: string): boolean =>
  EXTENSIONS.has(extname(path).toLowerCase()) &&
  path.split('/').every(part => !part.startsWith('.') && part !== 'node_modules')
