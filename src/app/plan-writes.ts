import { createHash } from 'node:crypto'
import type { DeclaredResource } from '../api/kinds.ts'
import type { DeclaredKind } from '../api/names.ts'
import type { SyncResult } from '../source/sync.ts'
import { fieldsOf } from '../store/semantics/fields.ts'
import { canonicalText } from './canonical.ts'

/** One write of a source, and what it was decided on. */
export interface PlannedWrite {
  action: 'create' | 'update' | 'delete'
  kind: DeclaredKind
  name: string
  /** The life that is written to; absent where there is none yet. */
  uid?: string
  /** Version of the object when it was planned. */
  version?: string
  /** Each field that can have an owner as it was, as a digest. What Roster itself writes, statuses and finalizers, is not among them. */
  fields: Readonly<Record<string, string>>
}

/**
 * The writes of a rehearsed sync.
 * @param before by `Kind/name`, as it was
 */
export const plannedWrites = (
  sync: Pick<SyncResult, 'created' | 'updated' | 'pruned'>,
  before: ReadonlyMap<string, DeclaredResource>,
): PlannedWrite[] => {
  const of =
    (action: PlannedWrite['action']) =>
    ({ kind, name }: { kind: string; name: string }): PlannedWrite => {
      const live = before.get(`${kind}/${name}`)
      const on = live ? { uid: live.metadata.uid, version: live.metadata.resourceVersion } : {}
      return { action, kind: kind as DeclaredKind, name, ...on, fields: live ? fieldDigests(live) : {} }
    }
  return [...sync.created.map(of('create')), ...sync.updated.map(of('update')), ...sync.pruned.map(of('delete'))]
}

/** Paths as `ResourceStore.owners` gives them. */
export const fieldDigests = ({ kind, spec, metadata }: DeclaredResource): Record<string, string> => {
  const { labels = {}, annotations = {}, deletionTimestamp } = metadata
  const fields = fieldsOf(kind, { spec: spec as Record<string, unknown>, labels, annotations })
  if (deletionTimestamp !== undefined) fields.set('metadata.deletionTimestamp', true)
  return Object.fromEntries([...fields].map(([path, value]) => [path, digest(value)]))
}

/** Paths of fields that are not as they were, by name. */
export const movedFields = (
  before: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>,
): string[] =>
  [...new Set([...Object.keys(before), ...Object.keys(now)])].filter(path => before[path] !== now[path]).sort()

const digest = (value: unknown): string =>
  createHash('sha256')
    .update(canonicalText(value) ?? '')
    .digest('hex')
    .slice(0, 32)
