import type { Kind } from '../../api/names.ts'
import type { FieldOwner } from '../store.ts'
import { fieldsOf, type OwnedParts, partsOf } from './fields.ts'
import { type Owners, sameJson } from './object.ts'

/** What an apply comes to. With `conflicts` nothing may be written. */
export interface AppliedFields {
  parts: OwnedParts
  owners: Owners
  /** Fields with another value that other managers hold; empty with `force`. */
  conflicts: FieldOwner[]
  /** Fields with another value that were taken from them. */
  taken: FieldOwner[]
}

/**
 * Server-side apply over fields that are owned whole (Kubernetes, "Server-Side Apply", without its nested paths).
 *
 * | the field is … | and others own it | then |
 * | --- | --- | --- |
 * | desired, as it stands | | the manager owns it too |
 * | desired, another value | no | it becomes so, the manager owns it |
 * | desired, another value | yes | a conflict; with `force` it becomes so and only the manager owns it |
 * | no longer desired, was the manager's | no | it goes away |
 * | no longer desired, was the manager's | yes | it stays, theirs |
 * | not desired, not the manager's | | it stays |
 */
export const applyFields = (
  kind: Kind,
  current: { parts: OwnedParts; owners: Owners },
  desired: OwnedParts,
  options: { manager: string; force: boolean },
): AppliedFields => {
  const { manager, force } = options
  const wanted = fieldsOf(kind, desired)
  const fields = fieldsOf(kind, current.parts)
  const owners = managersByField(current.owners)
  const conflicts: FieldOwner[] = []
  const taken: FieldOwner[] = []

  for (const [field, managers] of owners) {
    if (!managers.has(manager) || wanted.has(field)) continue
    managers.delete(manager)
    if (managers.size === 0) fields.delete(field)
  }
  for (const [field, value] of wanted) {
    const managers = owners.get(field) ?? new Set<string>()
    if (!fields.has(field) || !sameJson(fields.get(field), value)) {
      const others = [...managers].filter(other => other !== manager).map(other => ({ field, manager: other }))
      ;(force ? taken : conflicts).push(...others)
      fields.set(field, value)
      managers.clear()
    }
    owners.set(field, managers.add(manager))
  }
  return { parts: partsOf(kind, current.parts, fields), owners: fieldsByManager(owners), conflicts, taken }
}

/** All fields of a new object, owned by one manager. */
export const ownAll = (kind: Kind, parts: OwnedParts, manager: string): Owners =>
  fieldsByManager(new Map([...fieldsOf(kind, parts).keys()].map(field => [field, new Set([manager])])))

/** One annotation was set by this manager (null: removed, and nobody's any more). Who wrote another value before owns it no longer. */
export const ownAnnotation = (
  owners: Owners,
  change: { key: string; manager: string | null; differs: boolean },
): Owners => {
  const field = `metadata.annotations[${change.key}]`
  const byField = managersByField(owners)
  if (change.manager === null) byField.delete(field)
  else {
    const managers = change.differs ? new Set<string>() : (byField.get(field) ?? new Set<string>())
    byField.set(field, managers.add(change.manager))
  }
  return fieldsByManager(byField)
}

/** For people and for the contract: one row a field and manager, ordered by both. */
export const ownerRows = (owners: Owners): FieldOwner[] =>
  Object.entries(owners)
    .flatMap(([manager, fields]) => fields.map(field => ({ field, manager })))
    .sort((a, b) => compare(a.field, b.field) || compare(a.manager, b.manager))

/** Back from {@link ownerRows}. */
export const ownersOf = (rows: readonly FieldOwner[]): Owners => {
  const byField = new Map<string, Set<string>>()
  for (const { field, manager } of rows) byField.set(field, (byField.get(field) ?? new Set()).add(manager))
  return fieldsByManager(byField)
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

const managersByField = (owners: Owners): Map<string, Set<string>> => {
  const byField = new Map<string, Set<string>>()
  for (const [manager, fields] of Object.entries(owners)) {
    for (const field of fields) byField.set(field, (byField.get(field) ?? new Set()).add(manager))
  }
  return byField
}

const fieldsByManager = (byField: ReadonlyMap<string, ReadonlySet<string>>): Owners => {
  const owners = new Map<string, string[]>()
  for (const [field, managers] of byField) {
    for (const manager of managers) owners.set(manager, [...(owners.get(manager) ?? []), field])
  }
  return Object.fromEntries(
    [...owners].sort(([a], [b]) => compare(a, b)).map(([manager, fields]) => [manager, fields.sort(compare)]),
  )
}
