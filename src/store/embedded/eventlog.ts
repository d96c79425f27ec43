import type { Kind, Reason } from '../../api/names.ts'
import type { EventLog, StoreEvent } from '../store.ts'
import type { Connection } from './connection.ts'

/** Events that are kept; the oldest go first. */
const KEEP = 10_000
/** Looked at after so many new ones. */
const TRIM_EVERY = 500
const DEFAULT_LIMIT = 1_000

/** How the log writes; a holder's loop puts its check of the lease in here. */
export type WriteEvents = (write: () => void) => Promise<void>

export const embeddedEventLog = (connection: Connection, write: WriteEvents): EventLog => {
  let untilTrim = 1
  return {
    record: ({ ref, type, reason, message, time }) =>
      write(() => {
        connection
          .statement(
            `INSERT INTO events (kind, name, uid, type, reason, message, first, last, count) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)
              ON CONFLICT (kind, name, reason) DO UPDATE SET
                uid = excluded.uid, type = excluded.type, message = excluded.message, last = max(last, excluded.last), count = count + 1`,
          )
          .run(ref.kind, ref.name, ref.uid ?? null, type, reason, message, time, time)
        untilTrim -= 1
        if (untilTrim > 0) return
        untilTrim = TRIM_EVERY
        connection
          .statement(
            'DELETE FROM events WHERE id IN (SELECT id FROM events ORDER BY last DESC, id DESC LIMIT -1 OFFSET ?)',
          )
          .run(KEEP)
      }),
    list: ({ ref, since, limit } = {}) =>
      connection.readOne(() =>
        connection
          .statement(
            `SELECT kind, name, uid, type, reason, message, first, last, count FROM events
              WHERE (?1 IS NULL OR (kind = ?1 AND name = ?2)) AND (?3 IS NULL OR uid IS NULL OR uid = ?3) AND (?4 IS NULL OR last >= ?4)
              ORDER BY last DESC, id DESC LIMIT ?5`,
          )
          .all(ref?.kind ?? null, ref?.name ?? null, ref?.uid ?? null, since ?? null, limit ?? DEFAULT_LIMIT)
          .map(row => eventOf(row as unknown as EventRow)),
      ),
  }
}

interface EventRow {
  kind: Kind
  name: string
  uid: string | null
  type: StoreEvent['type']
  reason: Reason
  message: string
  first: string
  last: string
  count: number
}

const eventOf = (row: EventRow): StoreEvent => ({
  ref: { kind: row.kind, name: row.name, ...(row.uid === null ? undefined : { uid: row.uid }) },
  type: row.type,
  reason: row.reason,
  message: row.message,
  firstTime: row.first,
  lastTime: row.last,
  count: row.count,
})
