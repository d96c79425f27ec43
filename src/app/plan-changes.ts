import type { AnyManifest, DeclaredResource } from '../api/kinds.ts'
import { ANNOTATIONS, LABELS } from '../api/names.ts'
import type { ObjectRef } from '../api/resource.ts'
import type { Change } from '../effects/change.ts'
import { keyOf } from '../source/inventory.ts'
import type { PlacedManifest } from '../source/revision.ts'
import type { SyncResult } from '../source/sync.ts'
import { canonicalText } from './canonical.ts'

/**
 * Creation, change and deletion of declared resources, in the order in which they are applied.
 * @param before by `Kind/name`, as it was
 * @param after as it would be
 */
export const resourceChanges = (
  manifests: readonly PlacedManifest[],
  before: ReadonlyMap<string, DeclaredResource>,
  after: (ref: ObjectRef) => DeclaredResource | undefined,
  sync: Pick<SyncResult, 'created' | 'updated' | 'pruned'>,
): Change[] => {
  const desired = new Map(manifests.map(({ manifest, place }) => [keyOf(manifest), { manifest, place }]))
  const of =
    (action: 'create' | 'update' | 'delete') =>
    (ref: ObjectRef): Change[] => {
      const key = `${ref.kind}/${ref.name}`
      const live = before.get(key)
      const given = desired.get(key)
      const next = action === 'update' ? after(ref) : undefined
      const fields = live && next ? changedFields(live, next) : {}
      // Only our own annotations would change: where a document stands is no change for anybody.
      if (action === 'update' && Object.keys(fields).length === 0) return []
      const because = given?.place ?? `${live?.metadata.annotations?.[ANNOTATIONS.sourcePath] ?? key} gone`
      const change = { action, target: 'resource', kind: ref.kind, name: ref.name, because, fields } as const
      const organization = organizationOf(given?.manifest ?? live)
      return [organization === undefined ? change : { ...change, organization }]
    }
  return [
    ...sync.created.flatMap(of('create')),
    ...sync.updated.flatMap(of('update')),
    ...sync.pruned.flatMap(of('delete')),
  ]
}

type Fields = Record<string, { from: unknown; to: unknown }>
type Compared = Pick<DeclaredResource, 'spec' | 'metadata'>

/** Fields that differ, as `{from, to}`; absent ones as null. */
const changedFields = (live: Compared, next: Compared): Fields => {
  const fields: Fields = {}
  const compare = (prefix: string, from: object, to: object, skipped: ReadonlySet<string> = new Set()): void => {
    const [was, is] = [from as Record<string, unknown>, to as Record<string, unknown>]
    for (const key of new Set([...Object.keys(was), ...Object.keys(is)]))
      if (!skipped.has(key) && canonicalText(was[key]) !== canonicalText(is[key]))
        fields[`${prefix}${key}`] = { from: was[key] ?? null, to: is[key] ?? null }
  }
  compare('spec.', live.spec, next.spec)
  for (const part of ['labels', 'annotations'] as const)
    compare(`metadata.${part}.`, live.metadata[part] ?? {}, next.metadata[part] ?? {}, OURS)
  return fields
}

const OURS: ReadonlySet<string> = new Set([...Object.values(LABELS), ...Object.values(ANNOTATIONS)])

export const organizationOf = (object: AnyManifest | DeclaredResource | undefined): string | undefined => {
  if (!object) return undefined
  if (object.kind === 'Organization') return object.metadata.name
  const { organization, memberships } = object.spec as {
    organization?: string
    memberships?: { organization: string }[]
  }
  // A person of one organization is told there.
  return organization ?? (memberships?.length === 1 ? memberships[0]?.organization : undefined)
}
