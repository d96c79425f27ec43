import { type Retry, RosterError } from '../api/errors.ts'
import type { Reason } from '../api/names.ts'
import { type ObjectRef, refText } from '../api/resource.ts'

/** Any failure of a store. */
export abstract class StoreError extends RosterError {}

/** The object is not there. */
export class NotFoundError extends StoreError {
  readonly retry: Retry = 'wait'
  readonly reason: Reason = 'ReferenceNotFound'
  readonly ref: ObjectRef
  constructor(ref: ObjectRef) {
    super(`${refText(ref)} does not exist`)
    this.ref = ref
  }
}

/** An object of this name is there already. */
export class AlreadyExistsError extends StoreError {
  readonly retry: Retry = 'backoff'
  readonly reason: Reason = 'Conflict'
  readonly ref: ObjectRef
  constructor(ref: ObjectRef) {
    super(`${refText(ref)} exists already`)
    this.ref = ref
  }
}

/** A precondition did not hold, or another manager owns a field. Nothing was written; read again and decide anew. */
export class ConflictError extends StoreError {
  readonly retry: Retry = 'backoff'
  readonly reason: Reason = 'Conflict'
  readonly ref: ObjectRef
  /** Fields that other managers hold, where that was the cause. */
  readonly fields: readonly { field: string; manager: string }[]
  constructor(ref: ObjectRef, cause: string, fields: readonly { field: string; manager: string }[] = []) {
    super(`${refText(ref)}: ${cause}`)
    this.ref = ref
    this.fields = fields
  }
}

/** The changes asked for are no longer known (HTTP 410 in Kubernetes): list again, then watch from there. */
export class GoneError extends StoreError {
  readonly retry: Retry = 'backoff'
  readonly reason: Reason = 'Retrying'
}

/** Another process holds the lease now. Stop at once. */
export class LeaseLostError extends StoreError {
  readonly retry: Retry = 'never'
  readonly reason: Reason = 'Conflict'
}

/** The object breaks the schema or a rule of the kind. */
export class InvalidError extends StoreError {
  readonly retry: Retry = 'never'
  readonly reason: Reason = 'InvalidSpec'
}

/** The store is bound to another mail server or public URL. */
export class BindingError extends StoreError {
  readonly retry: Retry = 'never'
  readonly reason: Reason = 'NotAllowed'
}

/** The store cannot be used: newer than this build, foreign, damaged, read-only, on a network file system, locked, or the disk is full. */
export class StoreUnusableError extends StoreError {
  /** `backoff` for what passes by itself or by somebody's doing, as a full disk: a key that met it must not rest for ever. */
  readonly retry: Retry
  readonly reason: Reason = 'NotAllowed'
  /** What to do about it. */
  readonly remedy: string
  constructor(message: string, remedy: string, options: ErrorOptions & { retry?: Retry } = {}) {
    super(message, options)
    this.remedy = remedy
    this.retry = options.retry ?? 'never'
  }
}

/** There is a place for a realm, and none in it. */
export class NoRealmError extends StoreUnusableError {}
