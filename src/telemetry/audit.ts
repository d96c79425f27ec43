import { randomBytes } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { AuditEntry, AuditLog } from '../ports/audit.ts'
import { type Clock, timestamp } from '../ports/clock.ts'
import { CHAIN_START, lineHash } from './audit-chain.ts'

/** A line as it stands in the file. `writer` is one process, `number` counts its lines from 1, so a missing line shows. */
export interface AuditLine extends AuditEntry {
  time: string
  writer: string
  number: number
  /** SHA-256 of the writer's line before, in hexadecimal. Lines of before there were chains have none. */
  previous?: string
}

/**
 * The audit trail as `FOLDER/YYYY-MM.jsonl`, one line of JSON an entry, each appended with a single write, so several processes may share a file.
 * An `intent` has reached the disk when its promise resolves.
 */
export const fileAuditLog = (options: { folder: string; clock: Clock }): AuditLog => {
  const writer = `${process.pid}-${randomBytes(4).toString('hex')}`
  let number = 0
  let previous = CHAIN_START
  let current: { month: string; file: Promise<FileHandle> } | undefined
  /** A line may stand there in part: the next begins on a line of its own. */
  let torn = false
  // One at a time: numbers must stand in the file in their order.
  let last: Promise<unknown> = Promise.resolve()

  const fileOf = async (month: string) => {
    if (current?.month !== month) {
      const previous = current
      current = {
        month,
        file: mkdir(options.folder, { recursive: true, mode: 0o700 }).then(() =>
          open(join(options.folder, `${month}.jsonl`), 'a', 0o600),
        ),
      }
      await previous?.file.then(file => file.close())
    }
    return current.file
  }

  const closeCurrent = async (): Promise<void> => {
    const closing = current
    current = undefined
    await closing?.file.then(
      file => file.close(),
      () => undefined,
    )
  }

  const write = async (entry: AuditEntry): Promise<void> => {
    const time = timestamp(options.clock.now())
    const line: AuditLine = { time, writer, number: number + 1, ...entry, previous }
    const text = JSON.stringify(line)
    const bytes = Buffer.from(`${torn ? '\n' : ''}${text}\n`)
    try {
      const file = await fileOf(time.slice(0, 7))
      const { bytesWritten } = await file.write(bytes)
      if (bytesWritten !== bytes.length)
        throw new Error(
          `only ${bytesWritten} of ${bytes.length} bytes of an audit line were written to ${options.folder}; is the disk full?`,
        )
      torn = false
      number += 1
      previous = lineHash(text)
      if (entry.phase === 'intent') await file.datasync()
    } catch (error) {
      torn = true
      await closeCurrent().catch(() => undefined)
      throw error
    }
  }

  return {
    append: entry => {
      const done = last.then(() => write(entry))
      last = done.catch(() => undefined)
      return done
    },
    [Symbol.asyncDispose]: async () => {
      await last
      await closeCurrent()
    },
  }
}

/** Nothing is kept: for a plan, which does nothing. */
export const noAuditLog = (): AuditLog => ({
  append: async () => undefined,
  [Symbol.asyncDispose]: async () => undefined,
})

/** Which lines `roster audit` asks for; all given ones must hold. Times are RFC 3339. */
export interface AuditFilter {
  user?: string
  by?: string
  action?: string
  organization?: string
  since?: string
  until?: string
}

/** The lines that fit, oldest first. A line that cannot be read (cut off by a crash) is counted, never hidden. */
export const readAudit = async (
  folder: string,
  filter: AuditFilter = {},
): Promise<{ lines: AuditLine[]; unreadable: number }> => {
  const files = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const lines: AuditLine[] = []
  let unreadable = 0
  for (const file of files.filter(name => /^\d{4}-\d{2}\.jsonl$/.test(name)).sort()) {
    if (filter.since && file.slice(0, 7) < filter.since.slice(0, 7)) continue
    if (filter.until && file.slice(0, 7) > filter.until.slice(0, 7)) continue
    for (const text of (await readFile(join(folder, file), 'utf8')).split('\n')) {
      if (text === '') continue
      const line = parse(text)
      if (!line) unreadable += 1
      else if (fits(line, filter)) lines.push(line)
    }
  }
  return {
    lines: lines.sort((a, b) =>
      a.time < b.time ? -1 : a.time > b.time ? 1 : a.writer === b.writer ? a.number - b.number : 0,
    ),
    unreadable,
  }
}

const parse = (text: string): AuditLine | undefined => {
  try {
    const line: unknown = JSON.parse(text)
    return typeof line === 'object' && line !== null && 'time' in line && 'action' in line
      ? (line as AuditLine)
      : undefined
  } catch {
    return undefined
  }
}

const fits = (line: AuditLine, filter: AuditFilter): boolean =>
  (filter.by === undefined || line.actor === filter.by || line.actor.endsWith(`/${filter.by}`)) &&
  (filter.action === undefined || line.action === filter.action || line.action.startsWith(`${filter.action}.`)) &&
  (filter.organization === undefined || line.organization === filter.organization) &&
  (filter.since === undefined || line.time >= filter.since) &&
  (filter.until === undefined || line.time < filter.until) &&
  (filter.user === undefined || mentions(line, filter.user))

/** Whether a line is about a person: by the name of the User, or by address wherever it stands. */
const mentions = (line: AuditLine, person: string): boolean =>
  line.target === `User/${person}` ||
  (person.includes('@') &&
    JSON.stringify([line.target, line.before, line.after])
      .toLowerCase()
      .includes(JSON.stringify(person.toLowerCase()).slice(1, -1)))
