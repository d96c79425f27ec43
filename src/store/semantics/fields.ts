import type { Kind } from '../../api/names.ts'
import type { Fields } from './object.ts'

/** The parts of an object that have owners. */
export interface OwnedParts {
  spec: Fields
  labels: Record<string, string>
  annotations: Record<string, string>
}

/**
 * The one list whose items are owned one by one (`x-kubernetes-list-type: map` of the schema): kind → field → key.
 * Every other field of a spec is atomic: it has one value, whole.
 */
const KEYED_LISTS: { readonly [K in Kind]?: Readonly<Record<string, string>> } = {
  User: { memberships: 'organization' },
}

/** Fields that keep their value for an object's whole life; the generated rules of the kinds say the same. */
export const IMMUTABLE_FIELDS: { readonly [K in Kind]?: readonly string[] } = {
  Directory: ['organization', 'type'],
  Group: ['organization'],
  Role: ['organization'],
  Invitation: ['email', 'organization'],
  LicensePool: ['organization', 'product'],
  Approval: ['organization', 'releases', 'reason', 'expirationTime'],
}

const keyOf = (kind: Kind, field: string): string | undefined => KEYED_LISTS[kind]?.[field]

/** Path → value, of everything that can have an owner. Items without a key are left to the schema, and count as one field with their list. */
export const fieldsOf = (kind: Kind, parts: OwnedParts): Map<string, unknown> => {
  const fields = new Map<string, unknown>()
  for (const [field, value] of Object.entries(parts.spec)) {
    if (value === undefined) continue
    const key = keyOf(kind, field)
    if (key === undefined || !isKeyed(value, key)) fields.set(`spec.${field}`, value)
    else for (const item of value) fields.set(`spec.${field}[${item[key]}]`, item)
  }
  for (const [key, value] of Object.entries(parts.labels)) fields.set(`metadata.labels[${key}]`, value)
  for (const [key, value] of Object.entries(parts.annotations)) fields.set(`metadata.annotations[${key}]`, value)
  return fields
}

/**
 * Puts fields back together. What `before` had keeps its place, so that two managers who apply by turns never reorder each other's items; new items follow in the order of `fields`.
 * A keyed list without an item goes away.
 */
export const partsOf = (kind: Kind, before: OwnedParts, fields: ReadonlyMap<string, unknown>): OwnedParts => {
  const parts: OwnedParts = { spec: {}, labels: {}, annotations: {} }
  for (const path of new Set([...fieldsOf(kind, before).keys(), ...fields.keys()])) {
    if (!fields.has(path)) continue
    const value = fields.get(path)
    const bracket = path.indexOf('[')
    const inside = path.slice(bracket + 1, -1)
    if (path.startsWith('metadata.labels[')) parts.labels[inside] = value as string
    else if (path.startsWith('metadata.annotations[')) parts.annotations[inside] = value as string
    else if (bracket < 0) parts.spec[path.slice('spec.'.length)] = value
    else {
      const field = path.slice('spec.'.length, bracket)
      const items = (parts.spec[field] ?? []) as unknown[]
      parts.spec[field] = [...items, value]
    }
  }
  return parts
}

/** As an apply would leave it: without empty keyed lists. */
export const normalized = (kind: Kind, parts: OwnedParts): OwnedParts =>
  KEYED_LISTS[kind] ? partsOf(kind, parts, fieldsOf(kind, parts)) : parts

/** Whether every item has the key as a text, each once. */
const isKeyed = (value: unknown, key: string): value is Record<string, string>[] =>
  Array.isArray(value) &&
  value.every(item => typeof item === 'object' && item !== null && typeof (item as Fields)[key] === 'string') &&
  new Set(value.map(item => (item as Record<string, string>)[key])).size === value.length
