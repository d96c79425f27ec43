import { extname } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { FileDirectory } from '../../api/services/file.ts'
import type { DirectoryDriver, FoundPage, FoundUser } from '../../ports/directory.ts'
import type { Entry } from './entry.ts'
import { GroupsOfFile, groupsIn } from './groups.ts'
import { entriesOf, MOST_BYTES } from './list.ts'
import { type Opened, openBeneath } from './opened.ts'
import { rowsOf } from './table.ts'
import { FileTrouble, failed, Troubles } from './trouble.ts'
import { userOf } from './users.ts'

/** People that are told of at once. */
const PAGE = 500
/** A file is read when it has stood still for so many milliseconds. */
const STILL = 1_000
const TRIES = 5
const HEAD = 64 * 1024

export interface FileDriverOptions {
  file: FileDirectory
  /** The folder beneath which files may be read; absolute. Undefined: none. */
  folder: string | undefined
  /** The time of the file system's clock, which is this machine's. */
  now?: () => number
  sleep?: (milliseconds: number, signal: AbortSignal) => Promise<void>
  /** People that are told of at once; 500 when absent. */
  pageSize?: number
}

/**
 * Reads an export of people. A file that changes while it is read, or that lacks a row because of a mistake in it, is never complete.
 */
export const fileDriver = (options: FileDriverOptions): DirectoryDriver => {
  const { file, folder, pageSize = PAGE } = options
  return {
    capabilities: { groups: true, nestedGroups: false, disabled: file.columns.active !== undefined, counts: false },
    read: async ({ signal, take }) => {
      let told = false
      const tell = async (page: FoundPage): Promise<void> => {
        signal.throwIfAborted()
        told = true
        await take(page)
      }
      try {
        await using opened = await openStill(options, signal)
        const groups = new GroupsOfFile()
        const troubles = new Troubles()
        const seen = new Set<string>()
        let users: FoundUser[] = []
        for await (const entry of entriesIn(opened, file)) {
          const user = userOf(entry, file)
          if ('problem' in user) troubles.add(entry.place, user.problem)
          else if (seen.has(user.id)) troubles.add(entry.place, `has the ${file.columns.id} of somebody before it`)
          else {
            seen.add(user.id)
            groups.add(user.id, groupsIn(entry, file))
            users.push(user)
            if (users.length < pageSize) continue
            await tell({ users })
            users = []
          }
        }
        if (users.length > 0) await tell({ users })
        const all = groups.all()
        for (let at = 0; at < all.length; at += pageSize) await tell({ groups: all.slice(at, at + pageSize) })
        if (await opened.isSame()) return { ...troubles.outcome(file.path), requests: 1 }
        const message = `${file.path} was changed while it was read; it is read again`
        return { outcome: 'Partial', reason: 'Retrying', message, requests: 1 }
      } catch (error) {
        signal.throwIfAborted()
        const { reason, message } = failed(error)
        return { outcome: told ? 'Partial' : 'Failed', reason, message, requests: 1 }
      }
    },
    check: async ({ signal }) => {
      try {
        await using opened = await openBeneath(folder, file.path)
        signal.throwIfAborted()
        const changed = new Date(opened.changed).toISOString()
        return {
          server: `${file.path}, ${opened.size} bytes, changed ${changed}`,
          rights: [{ held: true, what: `read ${file.path}` }],
        }
      } catch (error) {
        return failed(error)
      }
    },
    close: async () => undefined,
  }
}

/** Opens a file that nobody is writing: a copy takes a while to arrive. */
const openStill = async (options: FileDriverOptions, signal: AbortSignal): Promise<Opened> => {
  const { file, folder, now = Date.now, sleep = pause } = options
  for (let tries = 0; ; tries++) {
    const opened = await openBeneath(folder, file.path)
    // A time to come is not waited for.
    if (Math.abs(now() - opened.changed) >= STILL) return opened
    await opened[Symbol.asyncDispose]()
    if (tries >= TRIES)
      throw new FileTrouble('Retrying', `${file.path} is being changed; it is read when it stands still`)
    await sleep(STILL, signal)
  }
}

const pause = async (milliseconds: number, signal: AbortSignal): Promise<void> => {
  await setTimeout(milliseconds, undefined, { signal })
}

async function* entriesIn({ handle, size }: Opened, file: FileDirectory): AsyncGenerator<Entry> {
  const format = formatOf(file)
  if (format === 'CSV') {
    const head = Buffer.alloc(HEAD)
    const { bytesRead } = await handle.read(head, 0, HEAD, 0)
    const headings = Object.values(file.columns)
    yield* rowsOf(handle.createReadStream({ start: 0, autoClose: false, encoding: 'utf8' }), {
      path: file.path,
      head: head.toString('utf8', 0, bytesRead),
      headings,
    })
    return
  }
  if (size > MOST_BYTES[format])
    throw new FileTrouble(
      'InvalidSpec',
      `${file.path} has ${size} bytes, and may have ${MOST_BYTES[format]} as ${format}; write it as CSV, which is not bounded`,
    )
  yield* entriesOf(await handle.readFile('utf8'), { path: file.path, format })
}

const FORMATS: Readonly<Record<string, 'CSV' | 'JSON' | 'YAML'>> = {
  '.csv': 'CSV',
  '.json': 'JSON',
  '.yaml': 'YAML',
  '.yml': 'YAML',
}

const formatOf = ({ path, format }: FileDirectory): 'CSV' | 'JSON' | 'YAML' => {
  const found = format ?? FORMATS[extname(path).toLowerCase()]
  if (!found)
    throw new FileTrouble('InvalidSpec', `${path} does not say by its ending how it is written; name the format`)
  return found
}
