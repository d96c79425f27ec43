import type { AnyManifest, AnyResource, RecordResource, ResourceOf, SpecOf, StatusOf } from '../api/kinds.ts'
import type { DeclaredKind, Kind, Reason, RecordKind } from '../api/names.ts'
import type { ObjectRef } from '../api/resource.ts'

/**
 * Where resources live. It copies the semantics of a Kubernetes API server (API concepts; API conventions), as far as our schema needs them:
 *
 * - `resourceVersion` is opaque and ordered only inside one store; every change of anything gives a new one. A write that changes nothing gives none and no event.
 * - `generation` grows with a changed spec. A `uid` is one life of an object.
 * - An object with finalizers that is deleted gets a `deletionTimestamp` and goes when the last finalizer goes.
 * - A write with a precondition that does not hold is a {@link ConflictError} and changes nothing.
 * - Fields have owners: each top-level spec field, each item of `User.spec.memberships`, each label and each annotation belongs to the managers that applied it.
 *
 * Objects that come out of a store are frozen or private copies: changing one changes nothing in the store.
 */
export interface ResourceStore extends AsyncDisposable {
  /** The object, or undefined. */
  get<K extends Kind>(kind: K, name: string): Promise<ResourceOf<K> | undefined>

  /** All objects of a kind, ordered by name, with the version at which this was true: the one to watch from. */
  list<K extends Kind>(kind: K, options?: ListOptions): Promise<List<ResourceOf<K>>>

  /**
   * Changes after `since`, oldest first, over the given kinds, from whichever process; a second process's writes are seen within a quarter of a second.
   * Several changes of one object that nobody has read yet may come as one, the newest; a deletion always comes, even of an object that was never told of.
   * A bookmark follows whenever everything was told. Ends when the signal aborts.
   * @throws GoneError when changes after `since` are no longer known: list again.
   */
  watch(options: WatchOptions): AsyncIterable<WatchEvent>

  /**
   * Makes a new object with all its fields owned by `manager`. A record has a finalizer from the start, so that whoever deletes it loses no fact.
   * @throws AlreadyExistsError
   */
  create<K extends Kind>(
    object: NewObject<K>,
    options: { manager: string; finalizers?: string[] },
  ): Promise<ResourceOf<K>>

  /**
   * Server-side apply: the fields in `desired` become so and belong to `manager`; fields that it owned and no longer names go away, unless another manager owns them too.
   * Creates what is not there, unless `ifVersion` or `ifUid` is given. Only for declared kinds.
   * @throws ConflictError when a precondition fails, or another manager holds a differing field and `force` is not set; its `fields` name them.
   */
  apply<K extends DeclaredKind>(desired: AnyManifest & { kind: K }, options: ApplyOptions): Promise<Applied<K>>

  /**
   * Replaces the spec of a record as a whole.
   * @throws ConflictError when the record is not at `ifVersion`, or not there.
   */
  replace<K extends RecordKind>(
    record: { kind: K; name: string; spec: SpecOf<K> },
    options: { ifVersion: string },
  ): Promise<ResourceOf<K>>

  /**
   * Writes a status as a whole; `undefined` removes it. An equal one is not written.
   * @throws ConflictError when the object lives another life than `ifUid`; NotFoundError.
   */
  patchStatus<K extends DeclaredKind>(
    ref: { kind: K; name: string },
    status: StatusOf<K> | undefined,
    options: { ifUid: string; ifVersion?: string },
  ): Promise<ResourceOf<K>>

  /** Sets the finalizers as a whole. Taking the last one off a deleted object removes it; then undefined comes back. @throws ConflictError, NotFoundError */
  setFinalizers<K extends Kind>(
    ref: { kind: K; name: string },
    finalizers: string[],
    options: { ifVersion: string },
  ): Promise<ResourceOf<K> | undefined>

  /** Sets or (with null) removes single annotations, owned by `manager`. @throws ConflictError, NotFoundError */
  annotate<K extends Kind>(
    ref: { kind: K; name: string },
    annotations: Record<string, string | null>,
    options: { manager: string; ifUid?: string },
  ): Promise<ResourceOf<K>>

  /** Deletes, or marks as deleted where finalizers are left. @returns the object as it still stands, or undefined when it is gone. @throws ConflictError, NotFoundError */
  delete<K extends Kind>(
    ref: { kind: K; name: string },
    preconditions?: { ifUid?: string; ifVersion?: string },
  ): Promise<ResourceOf<K> | undefined>

  /** Which manager owns which field: paths like `spec.roles`, `spec.memberships[acme]`, `metadata.labels[team]`. Empty for records. */
  owners(ref: { kind: Kind; name: string }): Promise<FieldOwner[]>

  readonly events: EventLog
  /** Who runs the loop. */
  readonly lease: LeaseTable
  /** What the store knows of itself. */
  info(): Promise<StoreInfo>
  /**
   * Binds mail transport and public URL to this store at its first use, so that nobody is marked as invited by mail that stayed in a folder.
   * @returns what is bound. @throws BindingError when something else is bound and `rebind` is not set.
   */
  bind(binding: Binding, options?: { rebind?: boolean }): Promise<Binding>
  /** What was noted of this store itself. */
  marks(): Promise<Marks>
  /**
   * Changes what is noted: to what `decide` makes of what is there. Asked anew where somebody else was first. Equal marks are not written.
   * @returns the marks as they are then
   */
  mark(decide: (marks: Marks) => Marks): Promise<Marks>
}

export interface ListOptions {
  /** All must be equal. */
  labels?: Record<string, string>
}
export interface List<T> {
  items: T[]
  resourceVersion: string
}
export interface WatchOptions {
  since: string
  kinds?: readonly Kind[]
  signal: AbortSignal
}
export type WatchEvent =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: AnyResource }
  /** Everything up to this version was delivered, of other kinds too. */
  | { type: 'BOOKMARK'; resourceVersion: string }

export interface NewObject<K extends Kind> {
  kind: K
  metadata: { name: string; labels?: Record<string, string>; annotations?: Record<string, string> }
  spec: SpecOf<K>
}

export interface ApplyOptions {
  manager: string
  /** Takes fields from other managers. */
  force?: boolean
  ifVersion?: string
  ifUid?: string
}
export interface Applied<K extends DeclaredKind> {
  object: ResourceOf<K>
  outcome: 'created' | 'updated' | 'unchanged'
  /** Fields with another value that were taken from other managers. */
  taken: FieldOwner[]
}
export interface FieldOwner {
  field: string
  manager: string
}

export interface StoreInfo {
  /** Random id of the realm; part of every link's signature. A restored store has a new one. */
  realm: string
  /** Grows with each restore: links, sessions and permits of an older one are dead. */
  epoch: number
  /** Version of the newest change. */
  resourceVersion: string
  /** What mail goes through and where links lead, once something was bound. */
  binding?: Binding
}
/** What a store remembers of itself beside its objects, so that a later start sees what it has lost. A restored store has that it was restored, and nothing else. */
export interface Marks {
  /** A check value of each key that is in use, by its name (`link.1`). It says nothing of the key. */
  keys?: Readonly<Record<string, string>>
  /** How many records of a kind there were at least when they were counted last. */
  records?: { readonly [kind in RecordKind]?: number }
  /** What passes of sources did, the oldest first. Bounded. */
  runs?: readonly RunRecord[]
  /** It came out of a backup, and nobody has approved yet what it would do. Times are RFC 3339: of the restore, and of the backup. */
  restored?: { readonly time: string; readonly backup?: string | undefined }
  /** Records that were seen to go while the loop ran, until somebody accepts it. */
  lost?: readonly {
    readonly kind: Exclude<RecordKind, 'RemovalSet' | 'DirectoryRecord'>
    readonly noted: number
    readonly found: number
  }[]
}
/** One pass of a source that changed something, held something or failed. */
export interface RunRecord {
  /** Counts up from 1. */
  number: number
  /** RFC 3339: when it had written. */
  time: string
  source: string
  /** A commit id, or a hash over the documents. */
  revision: string
  /** Of a commit: who wrote and who committed it, in their own words. */
  author?: string
  committer?: string
  /** `controller`, or who typed `roster apply`. */
  by: string
  created: number
  updated: number
  /** Deleted, or marked as going. */
  deleted: number
  /** No longer declared, and kept. */
  held: number
  /** Could not be written, or belongs to another source. */
  failed: number
  /** How many objects of each kind were written. */
  kinds: Readonly<Record<string, number>>
}
export interface Binding {
  /** `smtp://host:port` without credentials, or `folder:<absolute path>`. */
  mail: string
  publicUrl: string
}

/** Something that happened to an object, for people. Bounded, merged by object and reason; never a fact to build on. */
export interface StoreEvent {
  ref: ObjectRef
  type: 'Normal' | 'Warning'
  reason: Reason
  message: string
  /** RFC 3339. */
  firstTime: string
  lastTime: string
  count: number
}
export interface EventLog {
  record(event: {
    ref: ObjectRef
    type: 'Normal' | 'Warning'
    reason: Reason
    message: string
    time: string
  }): Promise<void>
  /** Newest first. */
  list(filter?: { ref?: ObjectRef; since?: string; limit?: number }): Promise<StoreEvent[]>
}

/** The lease of a store: one row; only its holder reconciles and acts. */
export interface LeaseTable {
  /** Takes the lease when it is free or ran out; waits otherwise, until the signal aborts. */
  acquire(options: { holder: string; signal: AbortSignal; onWaiting?: (state: LeaseState) => void }): Promise<HeldLease>
  read(): Promise<LeaseState | undefined>
}
export interface LeaseState {
  /** Empty when it was released. */
  holder: string
  epoch: number
  /** RFC 3339. */
  expires: string
  /** Every change up to this version is processed, and no key is ready or running. */
  idleAt: string | undefined
  /** Highest time that a holder's clock has shown; RFC 3339. */
  clockMark: string | undefined
  /** Whether a live process holds it now. */
  held: boolean
}
export interface HeldLease {
  readonly epoch: number
  /** Aborts at the moment the lease is lost; nothing may be written or done from then on. */
  readonly lost: AbortSignal
  /** The same store, each write checked against the epoch inside its own transaction. @throws LeaseLostError by its writes */
  readonly store: ResourceStore
  reportIdle(resourceVersion: string): Promise<void>
  markClock(time: string): Promise<void>
  release(): Promise<void>
}

export type { AnyResource, RecordResource }
