import { SCHEMAS } from '../../api/generated/schemas.ts'
import { API_VERSION, GROUP, type Kind, UNOBSERVED, VERSION } from '../../api/names.ts'
import type { Metadata } from '../../api/resource.ts'
import { type Fields, type StoredObject, sameJson, tidyMetadata } from '../semantics/object.ts'

/** An object as an API server sends it. */
export interface RawObject {
  apiVersion?: string
  kind?: string
  metadata: RawMetadata
  spec?: Fields
  status?: unknown
}
export interface RawMetadata {
  name: string
  namespace?: string
  uid: string
  resourceVersion: string
  generation?: number
  creationTimestamp: string
  deletionTimestamp?: string
  finalizers?: string[]
  labels?: Record<string, string>
  annotations?: Record<string, string>
  managedFields?: ManagedFields[]
}
/** Who owns what (`meta/v1 ManagedFieldsEntry`). */
export interface ManagedFields {
  manager?: string
  operation?: 'Apply' | 'Update'
  apiVersion?: string
  subresource?: string
  time?: string
  fieldsType?: string
  fieldsV1?: FieldTree
}
/** `f:spec` → `f:memberships` → `k:{"organization":"acme"}` → … */
export interface FieldTree {
  [key: string]: FieldTree
}
export interface RawList {
  metadata: { resourceVersion: string; continue?: string }
  items: RawObject[]
}

/** The path of a kind's objects in a namespace, or of one of them, or of its status. */
export const pathOf = (namespace: string, kind: Kind, name?: string, subresource?: 'status'): string => {
  const parts = ['apis', GROUP, VERSION, 'namespaces', namespace, SCHEMAS[kind].plural, name, subresource]
  return `/${parts
    .filter(part => part !== undefined)
    .map(encodeURIComponent)
    .join('/')}`
}

/**
 * What a store hands out: `managedFields` (often as large as the rest) and what the cluster adds are left behind.
 * The namespace is the realm, the same for every object of a store, and is left out as in every other store.
 */
export const objectOf = (kind: Kind, raw: RawObject): StoredObject => {
  const { name, uid, resourceVersion, generation = 1, creationTimestamp, ...rest } = raw.metadata
  const metadata: Metadata = { name, uid, resourceVersion, generation, creationTimestamp }
  if (rest.deletionTimestamp !== undefined) metadata.deletionTimestamp = rest.deletionTimestamp
  if (rest.finalizers) metadata.finalizers = rest.finalizers
  if (rest.labels) metadata.labels = rest.labels
  if (rest.annotations) metadata.annotations = rest.annotations
  const object: StoredObject = { apiVersion: API_VERSION, kind, metadata: tidyMetadata(metadata), spec: raw.spec ?? {} }
  return raw.status === undefined || sameJson(raw.status, UNOBSERVED) ? object : { ...object, status: raw.status }
}
