import type { DatabaseSync } from 'node:sqlite'
import { StoreUnusableError } from '../errors.ts'

/** `PRAGMA application_id` of a store: "RSTR". */
export const APPLICATION_ID = 0x52535452
/** Of this build. A file with a higher one was written by a newer Roster. */
export const SCHEMA_VERSION = 1

/*
 * objects: one row an object. `version` is its last change in the one order of all changes, so the live objects that changed after a version are one index
 * range; `born` is the version of its creation. `meta` is JSON {finalizers, labels, annotations}.
 * deletions: what is gone, as it last was, for watchers. Bounded; what was dropped is known by settings.horizon.
 * lease: one row. The file of the lock lies beside the store.
 */
const TABLES = `
CREATE TABLE objects (
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, uid TEXT NOT NULL, version INTEGER NOT NULL, born INTEGER NOT NULL,
  generation INTEGER NOT NULL, created TEXT NOT NULL, deleted TEXT, meta TEXT NOT NULL, spec TEXT NOT NULL, status TEXT, owners TEXT NOT NULL);
CREATE UNIQUE INDEX objects_by_name ON objects (kind, name);
CREATE UNIQUE INDEX objects_by_version ON objects (version);
CREATE TABLE deletions (version INTEGER PRIMARY KEY, kind TEXT NOT NULL, time INTEGER NOT NULL, object TEXT NOT NULL);
CREATE TABLE events (
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, uid TEXT, type TEXT NOT NULL, reason TEXT NOT NULL, message TEXT NOT NULL,
  first TEXT NOT NULL, last TEXT NOT NULL, count INTEGER NOT NULL);
CREATE UNIQUE INDEX events_by_object ON events (kind, name, reason);
CREATE INDEX events_by_time ON events (last);
CREATE TABLE lease (
  id INTEGER PRIMARY KEY CHECK (id = 1), holder TEXT, epoch INTEGER NOT NULL, expires TEXT, renewals INTEGER NOT NULL, locked INTEGER NOT NULL,
  idle TEXT, clock TEXT);
INSERT INTO lease (id, epoch, renewals, locked) VALUES (1, 0, 0, 0);
CREATE TABLE settings (key TEXT NOT NULL PRIMARY KEY, value NOT NULL);
INSERT INTO settings (key, value) VALUES ('epoch', 1), ('horizon', 0);
`

const pragma = (db: DatabaseSync, name: string): number =>
  Number(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0] ?? 0)

/** Whether the file is a store of this build already. @throws StoreUnusableError newer, or another program's */
export const checkSchema = (db: DatabaseSync, file: string): boolean => {
  const version = pragma(db, 'user_version')
  const application = pragma(db, 'application_id')
  if (application === APPLICATION_ID && version === SCHEMA_VERSION) return true
  if (application === APPLICATION_ID && version > SCHEMA_VERSION) {
    throw new StoreUnusableError(
      `${file} was written by a newer Roster (format ${version}; this one knows ${SCHEMA_VERSION})`,
      'use that newer Roster, or restore a backup that is older',
    )
  }
  if (application !== 0 || version !== 0 || pragma(db, 'page_count') > 1) {
    throw new StoreUnusableError(`${file} is not a store of Roster`, 'choose another folder, or move that file away')
  }
  return false
}

/** Lays down the tables in a file that has none. Two processes may start at once: the second finds them made. */
export const ensureSchema = (db: DatabaseSync, options: { file: string; realm: () => string }): void => {
  if (checkSchema(db, options.file)) return
  db.exec('BEGIN IMMEDIATE')
  try {
    if (!checkSchema(db, options.file)) {
      db.exec(TABLES)
      db.prepare(`INSERT INTO settings (key, value) VALUES ('realm', ?)`).run(options.realm())
      db.exec(`PRAGMA application_id = ${APPLICATION_ID}`)
      db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`)
    }
    db.exec('COMMIT')
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK')
    throw error
  }
}
