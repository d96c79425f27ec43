import { type Retry, RosterError } from '../api/errors.ts'
import type { Reason } from '../api/names.ts'

/** Secrets of one namespace of a cluster, by name. They are never listed or watched, and no value of one stands in an error. */
export interface SecretObjects {
  readonly namespace: string
  /** @returns undefined when there is none of that name @throws SecretForbiddenError, SecretRefusedError */
  get(name: string): Promise<SecretObject | undefined>
  /**
   * Makes a Secret of type Opaque. After a broken connection it may be there all the same: whoever tries again meets a conflict.
   * @throws SecretConflictError when there is one of that name; SecretNotFoundError when there is no such namespace;
   *   SecretForbiddenError, SecretRefusedError
   */
  create(name: string, data: SecretData): Promise<SecretObject>
  /**
   * Replaces all data; labels, annotations and type stay. Costs a read beside the write.
   * @throws SecretConflictError when it is no longer at that version; SecretNotFoundError; SecretForbiddenError, SecretRefusedError
   */
  replace(name: string, data: SecretData, options: { ifVersion: string }): Promise<SecretObject>
  /**
   * One that is gone already counts as deleted.
   * @throws SecretConflictError when it is at another version; SecretForbiddenError, SecretRefusedError
   */
  delete(name: string, options?: { ifVersion?: string }): Promise<void>
}

/** What is written: a text goes in as UTF-8. */
export type SecretData = Readonly<Record<string, Uint8Array | string>>

export interface SecretObject {
  readonly name: string
  /** Opaque; for `ifVersion`. */
  readonly version: string
  readonly annotations: Readonly<Record<string, string>>
  readonly data: Readonly<Record<string, Uint8Array>>
}

/** The Secret, or its namespace, is not there. */
export class SecretNotFoundError extends RosterError {
  readonly retry: Retry = 'backoff'
  readonly reason: Reason = 'ReferenceNotFound'
}

/** Something else was first. Nothing was written; read again and decide anew. */
export class SecretConflictError extends RosterError {
  readonly retry: Retry = 'backoff'
  readonly reason: Reason = 'Conflict'
}

/** A right is missing. Tried again, since rights can be given while we run. */
export class SecretForbiddenError extends RosterError {
  readonly retry: Retry = 'backoff'
  readonly reason: Reason = 'NotAllowed'
}

/** The API server takes this request never: too large, an immutable Secret, a rule of the cluster. */
export class SecretRefusedError extends RosterError {
  readonly retry: Retry = 'never'
  readonly reason: Reason = 'NotAllowed'
}
