import type { API_VERSION, ConditionType, Kind, Reason } from './names.ts'

/** Object metadata, with the meaning that Kubernetes gives each field (API conventions, "Metadata"). */
export interface Metadata {
  name: string
  /** The realm. The embedded store is one realm and keeps none. */
  namespace?: string
  /** Unique per life: an object that was deleted and made again has another. */
  uid: string
  /** Opaque; ordered only inside one store. */
  resourceVersion: string
  /** Grows by one with each change of `spec`. */
  generation: number
  /** RFC 3339. */
  creationTimestamp: string
  /** RFC 3339; set once deletion was asked for and finalizers are left. */
  deletionTimestamp?: string
  finalizers?: string[]
  labels?: Record<string, string>
  annotations?: Record<string, string>
}

/** A condition after the Kubernetes API conventions ("Typical status properties"). */
export interface Condition {
  type: ConditionType
  status: 'True' | 'False' | 'Unknown'
  reason: Reason
  message: string
  /** RFC 3339; moves only when `status` does. */
  lastTransitionTime: string
  observedGeneration: number
}

export interface Resource<K extends Kind = Kind, Spec = unknown, Status = unknown> {
  apiVersion: typeof API_VERSION
  kind: K
  metadata: Metadata
  spec: Spec
  status?: Status
}

/** What a manifest says: a resource before a store gave it an identity. */
export interface Manifest<K extends Kind = Kind, Spec = unknown> {
  apiVersion: typeof API_VERSION
  kind: K
  metadata: { name: string; namespace?: string; labels?: Record<string, string>; annotations?: Record<string, string> }
  spec: Spec
}

/** Points at one object. `uid` narrows it to one life of that object. */
export interface ObjectRef<K extends Kind = Kind> {
  kind: K
  name: string
  uid?: string
}

/** `User/alice`: how an object is written in logs, events, reasons and queues. */
export const refText = (ref: ObjectRef): string => `${ref.kind}/${ref.name}`
