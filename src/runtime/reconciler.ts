import type { AnyResource, ResourceOf } from '../api/kinds.ts'
import type { Kind } from '../api/names.ts'

/**
 * Makes one object so. Level-based: it is given a name and nothing else, reads what is, decides, acts, writes what changed.
 * Idempotent: run twice, the second writes nothing. Errors it throws carry `retry` and `reason` (`api/errors`); others are met with back-off.
 */
export interface Reconciler<K extends Kind = Kind> {
  readonly kind: K
  /** Keys of this kind run at once. */
  readonly concurrency?: number
  /** What it does depends on all of these together: a run waits, for a second at most, until none of their keys is ready or running. */
  readonly yieldsTo?: readonly Kind[]
  /** Also woken by these; the object's own changes always wake it. */
  readonly watches: readonly Watch[]
  /** Own changes that do not matter: woken only when this value differs. Default: generation, deletionTimestamp, labels and annotations. */
  readonly changed?: (object: ResourceOf<K>) => unknown
  reconcile(name: string, context: ReconcileContext): Promise<ReconcileResult | undefined>
}

/** Another kind that wakes this one. */
export interface Watch<K extends Kind = Kind> {
  kind: K
  /** What of it matters: woken only when this value differs by JSON. */
  changed: (object: ResourceOf<K>) => unknown
  /**
   * Names to wake, for the object as it was or as it is; called for both. `other` is the other one of the two, where there is one:
   * what is in both alike concerns nobody.
   */
  wakes: (object: ResourceOf<K>, cache: Cache, other?: ResourceOf<K>) => Iterable<string>
}
export interface ReconcileResult {
  /** Run again at this time (Clock's milliseconds), even when nothing changes. */
  again?: number
}

export interface ReconcileContext {
  /** For logs: one id a run. */
  readonly run: string
  readonly signal: AbortSignal
}

/**
 * What the informers know: every object of the watched kinds. A reconciler never reads a cache older than its own last write to that object.
 * Objects are shared: never change one.
 */
export interface Cache {
  get<K extends Kind>(kind: K, name: string): ResourceOf<K> | undefined
  list<K extends Kind>(kind: K): Iterable<ResourceOf<K>>
  count(kind: Kind): number
  /** By a declared index; ordered by name. @throws Error for an index that was not declared */
  by<K extends Kind>(kind: K, index: string, value: string): readonly ResourceOf<K>[]
  /** Every value of a declared index. */
  values(kind: Kind, index: string): Iterable<string>
}

/** Index name → values under which an object is found. */
export type Indexes = { [K in Kind]?: Record<string, (object: ResourceOf<K>) => Iterable<string>> }

export type { AnyResource }
