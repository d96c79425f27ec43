import { API_VERSION, type Kind } from '../../api/names.ts'
import type { Metadata } from '../../api/resource.ts'
import type { Owners, StoredObject } from '../semantics/object.ts'
import type { Standing, Write } from '../semantics/write.ts'
import type { Connection } from './connection.ts'

interface Row {
  id: number
  kind: Kind
  name: string
  uid: string
  version: number
  born: number
  generation: number
  created: string
  deleted: string | null
  meta: string
  spec: string
  status: string | null
  owners: string
}

/** One thing that changed. `born`: version at which this life began. */
export interface ChangedObject {
  version: number
  born: number
  deleted: boolean
  object: StoredObject
}

const COLUMNS = 'id, kind, name, uid, version, born, generation, created, deleted, meta, spec, status, owners'

/** Version of the newest change of anything: of what lives, of what went, or of what was forgotten. */
export const NEWEST_VERSION = `SELECT max((SELECT coalesce(max(version), 0) FROM objects), (SELECT coalesce(max(version), 0) FROM deletions),
  (SELECT value FROM settings WHERE key = 'horizon')) AS version`

/** The rows of one connection. Methods are synchronous, and called inside its `read` or `write`. */
export class Objects {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** Version of the newest change of anything. */
  version(): number {
    const row = this.#connection.statement(NEWEST_VERSION).get() as unknown as { version: number }
    return row.version
  }

  /** Changes up to this version are known only as far as objects still live. */
  horizon(): number {
    return (
      this.#connection.statement(`SELECT value FROM settings WHERE key = 'horizon'`).get() as unknown as {
        value: number
      }
    ).value
  }

  find(kind: Kind, name: string): (Standing & { row: Row }) | undefined {
    const row = this.#row(kind, name)
    return row && { row, object: objectOf(row), owners: () => JSON.parse(row.owners) as Owners }
  }

  get(kind: Kind, name: string): StoredObject | undefined {
    const row = this.#row(kind, name)
    return row && objectOf(row)
  }

  /** The next objects of a kind by name. @returns fewer than asked for only at the end */
  page(kind: Kind, after: string, limit: number): StoredObject[] {
    const rows = this.#connection
      .statement(`SELECT ${COLUMNS} FROM objects WHERE kind = ? AND name > ? ORDER BY name LIMIT ?`)
      .all(kind, after, limit) as unknown as Row[]
    return rows.map(objectOf)
  }

  /**
   * What changed after a version, oldest first: each live object once, as it is now, and each deletion that is still known.
   * `kinds` undefined: all. @returns fewer than asked for only at the end
   */
  changes(since: number, kinds: ReadonlySet<Kind> | undefined, limit: number): ChangedObject[] {
    const wanted = JSON.stringify(kinds ? [...kinds] : [])
    const every = kinds ? 0 : 1
    const live = this.#connection
      .statement(
        `SELECT ${COLUMNS} FROM objects WHERE version > ? AND (? OR kind IN (SELECT value FROM json_each(?))) ORDER BY version LIMIT ?`,
      )
      .all(since, every, wanted, limit) as unknown as Row[]
    const gone = this.#connection
      .statement(
        `SELECT version, object FROM deletions WHERE version > ? AND (? OR kind IN (SELECT value FROM json_each(?))) ORDER BY version LIMIT ?`,
      )
      .all(since, every, wanted, limit) as unknown as { version: number; object: string }[]
    const changed = [
      ...live.map(row => ({ version: row.version, born: row.born, deleted: false, object: objectOf(row) })),
      ...gone.map(row => ({
        version: row.version,
        born: 0,
        deleted: true,
        object: JSON.parse(row.object) as StoredObject,
      })),
    ]
    // Both are sorted and cut at the limit: merged and cut again, nothing in between is missing.
    return changed.sort((a, b) => a.version - b.version).slice(0, limit)
  }

  /** Carries out what was decided, under the next version. @returns the object as it stands now; undefined when it is gone */
  store(write: Write, standing: { row: Row } | undefined, now: number): StoredObject | undefined {
    if (write.is === 'unchanged') return write.object
    const version = this.version() + 1
    const object = { ...write.object, metadata: { ...write.object.metadata, resourceVersion: String(version) } }
    if (write.is === 'removed') {
      this.#connection
        .statement('DELETE FROM objects WHERE kind = ? AND name = ?')
        .run(object.kind, object.metadata.name)
      this.#connection
        .statement('INSERT INTO deletions (version, kind, time, object) VALUES (?, ?, ?, ?)')
        .run(version, object.kind, now, JSON.stringify(object))
      return undefined
    }
    const { metadata } = object
    const status = object.status === undefined ? null : JSON.stringify(object.status)
    if (!standing) {
      this.#connection
        .statement(
          `INSERT INTO objects (kind, name, uid, version, born, generation, created, deleted, meta, spec, status, owners)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        )
        .run(
          object.kind,
          metadata.name,
          metadata.uid,
          version,
          version,
          metadata.generation,
          metadata.creationTimestamp,
          metadata.deletionTimestamp ?? null,
          metaText(metadata),
          JSON.stringify(object.spec),
          status,
          JSON.stringify(write.owners ?? {}),
        )
      return object
    }
    const { row } = standing
    const kept = write.object.metadata.generation === row.generation
    this.#connection
      .statement(
        'UPDATE objects SET version = ?, generation = ?, deleted = ?, meta = ?, spec = ?, status = ?, owners = ? WHERE id = ?',
      )
      .run(
        version,
        metadata.generation,
        metadata.deletionTimestamp ?? null,
        metaText(metadata),
        kept ? row.spec : JSON.stringify(object.spec),
        status,
        write.owners ? JSON.stringify(write.owners) : row.owners,
        row.id,
      )
    return object
  }

  /** Forgets old deletions: all but the newest `keep`, and those from before `olderThan`. Who watches from before them has to list again. */
  compact(options: { keep: number; olderThan: number }): void {
    const { version } = this.#connection
      .statement(
        `SELECT max(
          coalesce((SELECT version FROM deletions ORDER BY version DESC LIMIT 1 OFFSET ?), 0),
          coalesce((SELECT max(version) FROM deletions WHERE time < ?), 0)) AS version`,
      )
      .get(options.keep, options.olderThan) as unknown as { version: number }
    if (version <= this.horizon()) return
    this.#connection.statement('DELETE FROM deletions WHERE version <= ?').run(version)
    this.#connection.statement(`UPDATE settings SET value = ? WHERE key = 'horizon'`).run(version)
  }

  #row(kind: Kind, name: string): Row | undefined {
    return this.#connection
      .statement(`SELECT ${COLUMNS} FROM objects WHERE kind = ? AND name = ?`)
      .get(kind, name) as unknown as Row | undefined
  }
}

const metaText = ({ finalizers, labels, annotations }: Metadata): string =>
  JSON.stringify({ finalizers, labels, annotations })

const objectOf = (row: Row): StoredObject => {
  const metadata: Metadata = {
    name: row.name,
    uid: row.uid,
    resourceVersion: String(row.version),
    generation: row.generation,
    creationTimestamp: row.created,
    ...(row.meta === '{}'
      ? undefined
      : (JSON.parse(row.meta) as Pick<Metadata, 'finalizers' | 'labels' | 'annotations'>)),
  }
  if (row.deleted !== null) metadata.deletionTimestamp = row.deleted
  const object: StoredObject = {
    apiVersion: API_VERSION,
    kind: row.kind,
    metadata,
    spec: JSON.parse(row.spec) as StoredObject['spec'],
  }
  if (row.status !== null) object.status = JSON.parse(row.status)
  return object
}
