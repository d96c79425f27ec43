import type { Owners } from '../semantics/object.ts'
import { ownersOf as ownersOfRows } from '../semantics/ownership.ts'
import type { FieldOwner } from '../store.ts'
import type { FieldTree, ManagedFields } from './objects.ts'

/**
 * Owners, as a store tells them, out of `managedFields`. An API server also knows owners of fields inside an item; here an item belongs to everybody who owns
 * anything of it. Statuses and finalizers have no owners in a store.
 */
export const ownersOf = (managedFields: readonly ManagedFields[] = []): Owners => {
  const rows: FieldOwner[] = []
  for (const { manager = '', subresource, fieldsV1 = {} } of managedFields) {
    if (subresource) continue
    for (const field of pathsOf(fieldsV1)) rows.push({ field, manager })
  }
  return ownersOfRows(rows)
}

const pathsOf = (tree: FieldTree): string[] => {
  const paths: string[] = []
  for (const map of ['labels', 'annotations'] as const)
    for (const key of keysOf(tree['f:metadata']?.[`f:${map}`])) paths.push(`metadata.${map}[${key}]`)
  for (const [key, inside] of Object.entries(tree['f:spec'] ?? {})) {
    if (!key.startsWith('f:')) continue
    const field = `spec.${key.slice(2)}`
    const items = Object.keys(inside).filter(item => item.startsWith('k:'))
    if (items.length === 0) paths.push(field)
    for (const item of items) {
      const [name] = Object.values(JSON.parse(item.slice(2)) as Record<string, unknown>)
      paths.push(`${field}[${String(name)}]`)
    }
  }
  return paths
}

const keysOf = (tree: FieldTree | undefined): string[] =>
  Object.keys(tree ?? {})
    .filter(key => key.startsWith('f:'))
    .map(key => key.slice(2))

/**
 * An API server counts what a manager created or patched (`Update`) and what it applied (`Apply`) as two managers: an apply would conflict with its own creation,
 * and would never take away what it no longer names. Here they are one.
 * @returns the entries with those of `manager` joined into its `Apply`; undefined when there is nothing to join
 */
export const joined = (managedFields: readonly ManagedFields[], manager: string): ManagedFields[] | undefined => {
  const own = (entry: ManagedFields) => entry.manager === manager && !entry.subresource
  const updates = managedFields.filter(entry => own(entry) && entry.operation === 'Update')
  const parted = updates.map(entry => ({ entry, ...partedTree(entry.fieldsV1 ?? {}) }))
  if (!parted.some(({ owned }) => Object.keys(owned).length > 0)) return undefined
  const apply = managedFields.find(entry => own(entry) && entry.operation === 'Apply')
  const owned = [apply?.fieldsV1 ?? {}, ...parted.map(part => part.owned)].reduce(union)
  const [first] = updates
  return [
    ...managedFields.filter(entry => entry !== apply && !updates.includes(entry)),
    ...parted
      .filter(({ rest }) => Object.keys(rest).length > 0)
      .map(({ entry, rest }) => ({ ...entry, fieldsV1: rest })),
    { ...first, ...apply, manager, operation: 'Apply', fieldsType: 'FieldsV1', fieldsV1: owned },
  ]
}

/** Spec, labels and annotations, and the rest: finalizers stay with who patched them, or an apply that names none would take them away. */
const partedTree = (tree: FieldTree): { owned: FieldTree; rest: FieldTree } => {
  const { 'f:spec': spec, 'f:metadata': metadata = {}, ...others } = tree
  const { 'f:labels': labels, 'f:annotations': annotations, '.': _, ...others2 } = metadata
  const kept = { ...(labels && { 'f:labels': labels }), ...(annotations && { 'f:annotations': annotations }) }
  return {
    owned: { ...(spec && { 'f:spec': spec }), ...(Object.keys(kept).length > 0 && { 'f:metadata': kept }) },
    rest: { ...others, ...(Object.keys(others2).length > 0 && { 'f:metadata': others2 }) },
  }
}

const union = (a: FieldTree, b: FieldTree): FieldTree => {
  const both: FieldTree = { ...a }
  for (const [key, inside] of Object.entries(b)) both[key] = key in both ? union(both[key] ?? {}, inside) : inside
  return both
}
