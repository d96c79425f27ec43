import { type Retry, RosterError } from '../api/errors.ts'
import type { DeclaredKind, Reason } from '../api/names.ts'
import { refText } from '../api/resource.ts'
import type { Change } from '../effects/change.ts'
import { CHANGE_NOTES } from '../source/inventory.ts'
import type { ResourceStore } from '../store/store.ts'
import { splitDue } from './plan-hash.ts'
import { type ManifestTree, treeMoves } from './plan-tree.ts'
import { movedFields, type PlannedWrite } from './plan-writes.ts'

/** One thing that is not as it was when it was planned. */
export type Moved =
  | { what: 'file'; file: string; is: 'changed' | 'new' | 'gone' }
  | {
      what: 'object'
      kind: DeclaredKind
      name: string
      is: 'changed' | 'made' | 'gone' | 'another' | 'done' | 'unplanned'
      /** For `changed`: the fields that moved, each with the managers that own it now; none where it was taken out. */
      fields?: { field: string; managers: string[] }[]
    }
  /** A consequence that was planned and would not follow any more, or the other way round. */
  | { what: 'change'; is: 'gone' | 'new'; change: Change }

/** What was planned is not what would be done now. Nothing was written. */
export class StalePlanError extends RosterError {
  readonly retry: Retry = 'never'
  readonly reason: Reason = 'Conflict'
  readonly moved: readonly Moved[]

  constructor(message: string, moved: readonly Moved[] = []) {
    super(message)
    this.moved = moved
  }
}

/** What one plan says of the world it was made on. */
export interface Planned {
  tree: ManifestTree
  writes: readonly PlannedWrite[]
  changes: readonly Change[]
}

/**
 * What is not as it was planned: files of the manifests first, then the objects that are written, then what follows.
 * Consequences are compared only where nothing else moved: otherwise they are only what follows from that.
 */
export const movesSince = async (
  { planned, now }: { planned: Planned; now: Planned },
  store: Pick<ResourceStore, 'owners'>,
): Promise<Moved[]> => {
  const files = treeMoves(planned.tree, now.tree).map(one => ({ what: 'file', ...one }) as const)
  const objects = await objectMoves(planned.writes, now.writes, store)
  // Which objects other files come to is no news.
  const news = files.length === 0 ? objects : objects.filter(one => !FOLLOWS.has(one.is))
  const moved: Moved[] = [...files, ...news]
  if (moved.length > 0) return moved
  const { caused: gone } = splitDue(planned.changes, now.changes)
  const { caused: fresh } = splitDue(now.changes, planned.changes)
  return [
    ...gone.map(change => ({ what: 'change', is: 'gone', change }) as const),
    ...fresh.map(change => ({ what: 'change', is: 'new', change }) as const),
  ]
}

type ObjectMoved = Extract<Moved, { what: 'object' }>
const FOLLOWS: ReadonlySet<ObjectMoved['is']> = new Set(['done', 'unplanned'])

const objectMoves = async (
  planned: readonly PlannedWrite[],
  now: readonly PlannedWrite[],
  store: Pick<ResourceStore, 'owners'>,
): Promise<ObjectMoved[]> => {
  const moved: ObjectMoved[] = []
  const writes = new Map(now.map(write => [refText(write), write]))
  for (const was of planned) {
    const { kind, name } = was
    const is = writes.get(refText(was))
    writes.delete(refText(was))
    const move = (how: ObjectMoved['is']) => moved.push({ what: 'object', kind, name, is: how })
    if (!is) move('done')
    else if (was.uid === undefined && is.uid !== undefined) move('made')
    else if (was.uid !== undefined && is.uid === undefined) move('gone')
    else if (was.uid !== is.uid) move('another')
    else if (was.action !== is.action) move('changed')
    else {
      const fields = movedFields(was.fields, is.fields).filter(field => !TOLD_BY.has(field))
      if (fields.length > 0)
        moved.push({ what: 'object', kind, name, is: 'changed', fields: await withOwners(fields, was, store) })
    }
  }
  for (const { kind, name } of writes.values()) moved.push({ what: 'object', kind, name, is: 'unplanned' })
  return moved
}

/** Notes of ours that other writes of the same source leave. */
const TOLD_BY: ReadonlySet<string> = new Set(CHANGE_NOTES.map(name => `metadata.annotations[${name}]`))

const withOwners = async (
  fields: readonly string[],
  { kind, name }: PlannedWrite,
  store: Pick<ResourceStore, 'owners'>,
): Promise<{ field: string; managers: string[] }[]> => {
  const owners = await store.owners({ kind, name })
  return fields.map(field => ({
    field,
    managers: owners.filter(one => one.field === field).map(({ manager }) => manager),
  }))
}
