import type { AnyManifest, DeclaredResource } from '../api/kinds.ts'
import { API_VERSION, type DeclaredKind } from '../api/names.ts'
import { fieldsOf, type OwnedParts, partsOf } from '../store/semantics/fields.ts'
import type { FieldOwner } from '../store/store.ts'

/**
 * What a hand applies to change some fields: those, beside everything that it applied before, which an apply without them would give up.
 * @param change by path, as owners are told: `spec.frozen`, `spec.memberships[acme]`
 */
export const handManifest = <K extends DeclaredKind>(
  object: DeclaredResource & { kind: K },
  { owners, manager }: { owners: readonly FieldOwner[]; manager: string },
  change: Readonly<Record<string, unknown>>,
): AnyManifest & { kind: K } => {
  const { name, labels = {}, annotations = {} } = object.metadata
  const before: OwnedParts = { spec: object.spec as Record<string, unknown>, labels, annotations }
  const all = fieldsOf(object.kind, before)
  const fields = new Map(
    owners.flatMap(({ field, manager: owner }) =>
      owner === manager && all.has(field) ? [[field, all.get(field)] as const] : [],
    ),
  )
  for (const [path, value] of Object.entries(change)) fields.set(path, value)
  const parts = partsOf(object.kind, before, fields)
  const metadata = {
    name,
    ...(Object.keys(parts.labels).length > 0 && { labels: parts.labels }),
    ...(Object.keys(parts.annotations).length > 0 && { annotations: parts.annotations }),
  }
  return { apiVersion: API_VERSION, kind: object.kind, metadata, spec: parts.spec } as unknown as AnyManifest & {
    kind: K
  }
}
