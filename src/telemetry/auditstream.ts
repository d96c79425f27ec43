import type { Writable } from 'node:stream'
import type { AuditLog } from '../ports/audit.ts'
import { type Clock, timestamp } from '../ports/clock.ts'

/**
 * The audit trail as lines of JSON on a stream, each with `"audit": true`: for where the log of a process is collected and kept.
 * A line counts as written when the stream took it.
 */
export const streamAuditLog = (options: { stream: Writable; clock: Pick<Clock, 'now'> }): AuditLog => ({
  append: entry =>
    new Promise((resolve, reject) => {
      const line = `${JSON.stringify({ audit: true, time: timestamp(options.clock.now()), ...entry })}\n`
      options.stream.write(line, error => (error ? reject(error) : resolve()))
    }),
  [Symbol.asyncDispose]: async () => undefined,
})
