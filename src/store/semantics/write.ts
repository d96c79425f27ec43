import { DECLARED_KINDS, type Kind, RECORD_KINDS } from '../../api/names.ts'
import type { ObjectRef } from '../../api/resource.ts'
import { ConflictError, InvalidError } from '../errors.ts'
import type { Owners, StoredObject } from './object.ts'

/**
 * What each write of a store comes to, decided over the object as it stands. Pure: no version is given and nothing is written here, so every store
 * that keeps its objects itself decides alike. An error means that nothing changes.
 */
export type Write =
  /** Nothing changes: no version, no event. */
  | { is: 'unchanged'; object: StoredObject }
  /** To be written under the next version; `owners` only where they changed. `durable`: a spec, a record or metadata, which must outlive a power cut. */
  | { is: 'written'; object: StoredObject; owners?: Owners; durable: boolean; created: boolean }
  /** To be removed under the next version; `object` is its last state. */
  | { is: 'removed'; object: StoredObject }

/** An object as it stands. Owners are asked for only where they matter. */
export interface Standing {
  object: StoredObject
  owners: () => Owners
}

/** What a store adds to a new object. */
export interface Birth {
  /** RFC 3339. */
  now: string
  uid: () => string
}

export interface Preconditions {
  ifVersion?: string | undefined
  ifUid?: string | undefined
}

export const isRecord = (kind: Kind): boolean => (RECORD_KINDS as readonly Kind[]).includes(kind)

/** The name of what is written. @throws InvalidError */
export const checkedRef = (kind: Kind, name: string): ObjectRef => {
  if (!isRecord(kind) && !(DECLARED_KINDS as readonly Kind[]).includes(kind))
    throw new InvalidError(`${JSON.stringify(kind)} is no kind of Roster`)
  if (typeof name !== 'string' || name === '') throw new InvalidError(`a ${kind} without a name cannot be stored`)
  return { kind, name }
}

/** @throws ConflictError */
export const checkPreconditions = (ref: ObjectRef, object: StoredObject, { ifUid, ifVersion }: Preconditions): void => {
  if (ifUid !== undefined && object.metadata.uid !== ifUid)
    throw new ConflictError(ref, 'it was deleted and made again since it was read')
  if (ifVersion !== undefined && object.metadata.resourceVersion !== ifVersion)
    throw new ConflictError(ref, 'it was changed since it was read')
}
