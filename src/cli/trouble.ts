import { RosterError } from '../api/errors.ts'
import { escapeText } from '../api/escape.ts'
import { EXIT } from '../api/names.ts'
import type { Io } from './io.ts'
import { jsonLine } from './output.ts'
import { UsageError } from './verb.ts'

/** Says what went wrong on one line, with its remedy where one is known; with `-o json` as one JSON document too. @returns the exit code */
export const report = (error: unknown, args: readonly string[], io: Io): number => {
  if (io.signal.aborted) return EXIT.interrupted
  const { message, remedy } = describe(error)
  const reason = error instanceof RosterError ? error.reason : undefined
  io.err(`roster: ${escapeText(message)}${remedy ? `. ${escapeText(remedy)}` : ''}\n`)
  if (wantsJson(args))
    io.out(jsonLine({ error: { ...(reason !== undefined && { reason }), message, ...(remedy ? { remedy } : {}) } }))
  if (io.environment.ROSTER_DEBUG && error instanceof Error) io.err(`${escapeText(error.stack ?? '')}\n`)
  return EXIT.trouble
}

const wantsJson = (args: readonly string[]): boolean =>
  args.some(
    (arg, index) =>
      arg === '-ojson' ||
      arg === '--output=json' ||
      ((arg === '-o' || arg === '--output') && args[index + 1] === 'json'),
  )

/** Errors of the system in words. */
const SYSTEM: Record<string, (error: NodeJS.ErrnoException) => { message: string; remedy: string }> = {
  EADDRINUSE: error => ({
    message: `port ${(error as { port?: number }).port ?? ''} is in use by another program`,
    remedy: 'Stop it, or choose another port with --listen',
  }),
  EADDRNOTAVAIL: error => ({
    message: `${(error as { address?: string }).address ?? 'that address'} is no address of this machine`,
    remedy: 'Choose another one with --listen',
  }),
  EACCES: error => ({
    message: `no permission for ${error.path ?? 'that'}`,
    remedy: 'Give this user access, or choose another place',
  }),
  EPERM: error => ({
    message: `not permitted: ${error.path ?? error.syscall ?? 'that'}`,
    remedy: 'Give this user access, or choose another place',
  }),
  EROFS: error => ({
    message: `${error.path ?? 'the disk'} is read-only`,
    remedy: 'Choose another folder with --data',
  }),
  ENOENT: error => ({ message: `${error.path ?? 'a file'} does not exist`, remedy: 'Check the path' }),
  ENOTDIR: error => ({
    message: `${error.path ?? 'a path'} leads through a file that is no folder`,
    remedy: 'Check the path',
  }),
  EISDIR: error => ({ message: `${error.path ?? 'a path'} is a folder`, remedy: 'Name a file' }),
  ENOSPC: () => ({ message: 'the disk is full', remedy: 'Make room; nothing that was said to be done is lost' }),
  EMFILE: () => ({ message: 'too many open files', remedy: 'Raise the limit (ulimit -n)' }),
}

const describe = (error: unknown): { message: string; remedy?: string } => {
  if (error instanceof UsageError) return { message: error.message }
  if (!(error instanceof Error)) return { message: String(error) }
  const code = (error as NodeJS.ErrnoException).code
  const system = code === undefined ? undefined : SYSTEM[code]
  if (system) return system(error as NodeJS.ErrnoException)
  const remedy = (error as { remedy?: unknown }).remedy
  return { message: error.message, ...(typeof remedy === 'string' ? { remedy } : {}) }
}
