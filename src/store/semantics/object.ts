import type { API_VERSION, Kind } from '../../api/names.ts'
import type { Metadata } from '../../api/resource.ts'

/** Top-level fields of a spec. */
export type Fields = Record<string, unknown>

/** An object of any kind, as the rules of a store see it: they ask for names of fields, never for a kind's own type. */
export interface StoredObject {
  apiVersion: typeof API_VERSION
  kind: Kind
  metadata: Metadata
  spec: Fields
  status?: unknown
}

/** Manager → the paths it owns, sorted: `spec.roles`, `spec.memberships[acme]`, `metadata.labels[team]`. A manager of nothing is not in it. */
export type Owners = Record<string, readonly string[]>

/**
 * A private copy as JSON carries it: what is `undefined` is left out, and nobody outside holds a part of it.
 * A store keeps only what came through here.
 */
export const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T

/** Equal as JSON: the order of keys and keys that are `undefined` do not matter, the order of lists does. */
export const sameJson = (a: unknown, b: unknown): boolean => {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, at) => sameJson(item, b[at]))
  }
  const left = a as Fields
  const right = b as Fields
  const keys = Object.keys(left).filter(key => left[key] !== undefined)
  return (
    keys.length === Object.keys(right).filter(key => right[key] !== undefined).length &&
    keys.every(key => Object.hasOwn(right, key) && sameJson(left[key], right[key]))
  )
}

/** Metadata with only the fields that say something: no empty lists or maps. */
export const tidyMetadata = (metadata: Metadata): Metadata => {
  const { finalizers, labels, annotations, ...rest } = metadata
  const tidy: Metadata = { ...rest }
  if (finalizers && finalizers.length > 0) tidy.finalizers = finalizers
  if (labels && Object.keys(labels).length > 0) tidy.labels = labels
  if (annotations && Object.keys(annotations).length > 0) tidy.annotations = annotations
  return tidy
}
