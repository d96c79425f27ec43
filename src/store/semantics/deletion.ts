import { type Kind, RECORD_FINALIZER } from '../../api/names.ts'
import { InvalidError, NotFoundError } from '../errors.ts'
import { sameJson, tidyMetadata } from './object.ts'
import { checkedRef, checkPreconditions, isRecord, type Preconditions, type Standing, type Write } from './write.ts'

/** The finalizers of a new object: a record has one by itself. */
export const firstFinalizers = (kind: Kind, asked: readonly string[] = []): string[] => [
  ...new Set([...asked, ...(isRecord(kind) ? [RECORD_FINALIZER] : [])]),
]

/** Sets the finalizers; the last one that goes from a deleted object takes it along. @throws ConflictError, NotFoundError, InvalidError */
export const decideFinalizers = (
  standing: Standing | undefined,
  wanted: { kind: Kind; name: string },
  finalizers: string[],
  options: { ifVersion: string },
): Write => {
  const ref = checkedRef(wanted.kind, wanted.name)
  if (!standing) throw new NotFoundError(ref)
  const { object } = standing
  checkPreconditions(ref, object, options)
  const before = object.metadata.finalizers ?? []
  const next = [...new Set(finalizers)]
  const deleted = object.metadata.deletionTimestamp !== undefined
  if (deleted && next.some(finalizer => !before.includes(finalizer))) {
    throw new InvalidError(`${ref.kind}/${ref.name} is being deleted: no finalizer can be added any more`)
  }
  if (sameJson(before, next)) return { is: 'unchanged', object }
  const changed = { ...object, metadata: tidyMetadata({ ...object.metadata, finalizers: next }) }
  return deleted && next.length === 0
    ? { is: 'removed', object: changed }
    : { is: 'written', object: changed, durable: true, created: false }
}

/** Removes what has no finalizer, and marks what has one. @throws ConflictError, NotFoundError */
export const decideDelete = (
  standing: Standing | undefined,
  wanted: { kind: Kind; name: string },
  preconditions: Preconditions,
  now: string,
): Write => {
  const ref = checkedRef(wanted.kind, wanted.name)
  if (!standing) throw new NotFoundError(ref)
  const { object } = standing
  checkPreconditions(ref, object, preconditions)
  if (!object.metadata.finalizers?.length) return { is: 'removed', object }
  if (object.metadata.deletionTimestamp !== undefined) return { is: 'unchanged', object }
  return {
    is: 'written',
    object: { ...object, metadata: { ...object.metadata, deletionTimestamp: now } },
    durable: true,
    created: false,
  }
}
