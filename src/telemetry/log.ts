import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import pino from 'pino'
import { RosterError } from '../api/errors.ts'

/** Fields of a log line. Only these, and only plain values: nothing that carries a secret by accident can be logged. */
export interface LogFields {
  kind?: string
  name?: string
  organization?: string
  /** Id of one run of a reconciler. */
  run?: string
  outcome?: string
  reason?: string
  /** Seconds. */
  duration?: number
  /** Method, path without its token, and status of a request. */
  method?: string
  path?: string
  status?: number
  count?: number
  version?: string
  revision?: string
  error?: unknown
}

/** What the process says of itself, one line of JSON each. Not the audit trail: lines may be lost. */
export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  close(): void
}

/** Writes to a file descriptor or appends to a file (0600, its folder 0700). */
export const createLog = (options: { to: number | string; level?: 'debug' | 'info' | 'warn' | 'error' }): Log => {
  const descriptor = typeof options.to === 'number' ? options.to : openLog(options.to)
  const logger = pino(
    {
      level: options.level ?? 'info',
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
    },
    // Written at once: the last lines before a crash are the ones that matter. A log that cannot be written must not stop the loop.
    {
      write: text => {
        try {
          writeSync(descriptor, text)
        } catch {
          return
        }
      },
    },
  )
  const line =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields: LogFields = {}) => {
      const { error, ...rest } = fields
      logger[level](error === undefined ? rest : { ...rest, error: describeError(error) }, message)
    }
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    close: () => {
      if (typeof options.to === 'string') closeSync(descriptor)
    },
  }
}

/** For tests and for parts that log nothing. */
export const noLog = (): Log => ({
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  close: () => undefined,
})

/** What of an error is said: never its fields, which may hold a request, a mail or a key. */
export const describeError = (
  error: unknown,
): { type: string; message: string; reason?: string; retry?: string; code?: string; stack?: string } => {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) }
  const code = (error as NodeJS.ErrnoException).code
  return {
    type: error.name,
    message: error.message,
    ...(error instanceof RosterError ? { reason: error.reason, retry: error.retry } : { stack: frames(error) }),
    ...(typeof code === 'string' ? { code } : {}),
  }
}

const frames = (error: Error): string => (error.stack ?? '').split('\n').slice(1, 6).join('\n')

const openLog = (path: string): number => {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  return openSync(path, 'a', 0o600)
}
