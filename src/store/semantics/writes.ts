import { API_VERSION, type Kind } from '../../api/names.ts'
import type { Manifest, ObjectRef } from '../../api/resource.ts'
import { AlreadyExistsError, ConflictError, InvalidError, NotFoundError } from '../errors.ts'
import type { FieldOwner } from '../store.ts'
import { firstFinalizers } from './deletion.ts'
import { IMMUTABLE_FIELDS, normalized, type OwnedParts } from './fields.ts'
import { type Fields, plain, type StoredObject, sameJson, tidyMetadata } from './object.ts'
import { applyFields, ownAll, ownAnnotation } from './ownership.ts'
import {
  type Birth,
  checkedRef,
  checkPreconditions,
  isRecord,
  type Preconditions,
  type Standing,
  type Write,
} from './write.ts'

export const decideCreate = (
  standing: Standing | undefined,
  wanted: {
    kind: Kind
    metadata: { name: string; labels?: Record<string, string>; annotations?: Record<string, string> }
    spec: unknown
  },
  options: { manager: string; finalizers?: string[] },
  birth: Birth,
): Write => {
  const ref = checkedRef(wanted.kind, wanted.metadata.name)
  if (standing) throw new AlreadyExistsError(ref)
  const parts = partsOfWanted(wanted)
  const owners = isRecord(wanted.kind) ? {} : ownAll(wanted.kind, parts, options.manager)
  return {
    is: 'written',
    object: newObject(ref, parts, firstFinalizers(wanted.kind, options.finalizers), birth),
    owners,
    durable: true,
    created: true,
  }
}

/** @returns the write, and what was taken from other managers by `force` */
export const decideApply = (
  standing: Standing | undefined,
  desired: Manifest<Kind>,
  options: Preconditions & { manager: string; force?: boolean },
  birth: Birth,
): { write: Write; taken: FieldOwner[] } => {
  const ref = checkedRef(desired.kind, desired.metadata.name)
  if (isRecord(desired.kind))
    throw new InvalidError(`${ref.kind}/${ref.name} is a record; records are replaced, never applied`)
  const parts = partsOfWanted(desired)
  if (!standing) {
    if (options.ifVersion !== undefined || options.ifUid !== undefined) throw new ConflictError(ref, 'it is gone')
    const owners = ownAll(desired.kind, parts, options.manager)
    return {
      write: { is: 'written', object: newObject(ref, parts, [], birth), owners, durable: true, created: true },
      taken: [],
    }
  }
  const { object } = standing
  checkPreconditions(ref, object, options)
  if (object.metadata.deletionTimestamp !== undefined)
    throw new ConflictError(ref, 'it is being deleted; apply again when it is gone')

  const before = partsOfObject(object)
  const ownersBefore = standing.owners()
  const applied = applyFields(desired.kind, { parts: before, owners: ownersBefore }, parts, {
    manager: options.manager,
    force: options.force === true,
  })
  if (applied.conflicts.length > 0) throw new ConflictError(ref, conflictText(applied.conflicts), applied.conflicts)
  checkImmutable(ref, before.spec, applied.parts.spec)

  const specChanged = !sameJson(before.spec, applied.parts.spec)
  const changed =
    specChanged ||
    !sameJson(before.labels, applied.parts.labels) ||
    !sameJson(before.annotations, applied.parts.annotations)
  if (!changed && sameJson(ownersBefore, applied.owners)) return { write: { is: 'unchanged', object }, taken: [] }
  const next: StoredObject = {
    ...object,
    metadata: tidyMetadata({
      ...object.metadata,
      generation: object.metadata.generation + (specChanged ? 1 : 0),
      labels: applied.parts.labels,
      annotations: applied.parts.annotations,
    }),
    spec: specChanged ? applied.parts.spec : object.spec,
  }
  return {
    write: { is: 'written', object: next, owners: applied.owners, durable: true, created: false },
    taken: applied.taken,
  }
}

export const decideReplace = (
  standing: Standing | undefined,
  record: { kind: Kind; name: string; spec: unknown },
  options: { ifVersion: string },
): Write => {
  const ref = checkedRef(record.kind, record.name)
  if (!isRecord(record.kind))
    throw new InvalidError(`${ref.kind}/${ref.name} is declared; declared objects are applied, never replaced`)
  if (!standing) throw new ConflictError(ref, 'it is gone')
  const { object } = standing
  checkPreconditions(ref, object, options)
  if (sameJson(object.spec, record.spec)) return { is: 'unchanged', object }
  const metadata = { ...object.metadata, generation: object.metadata.generation + 1 }
  return {
    is: 'written',
    object: { ...object, metadata, spec: plain(record.spec) as Fields },
    durable: true,
    created: false,
  }
}

export const decideStatus = (
  standing: Standing | undefined,
  wanted: { kind: Kind; name: string },
  status: unknown,
  options: Preconditions,
): Write => {
  const ref = checkedRef(wanted.kind, wanted.name)
  if (isRecord(wanted.kind)) throw new InvalidError(`${ref.kind}/${ref.name} is a record; records have no status`)
  if (!standing) throw new NotFoundError(ref)
  const { object } = standing
  checkPreconditions(ref, object, options)
  if (sameJson(object.status, status)) return { is: 'unchanged', object }
  const { status: _, ...rest } = object
  return {
    is: 'written',
    object: status === undefined ? rest : { ...rest, status: plain(status) },
    durable: false,
    created: false,
  }
}

export const decideAnnotate = (
  standing: Standing | undefined,
  wanted: { kind: Kind; name: string },
  annotations: Record<string, string | null>,
  options: { manager: string; ifUid?: string },
): Write => {
  const ref = checkedRef(wanted.kind, wanted.name)
  if (!standing) throw new NotFoundError(ref)
  const { object } = standing
  checkPreconditions(ref, object, options)
  const before = object.metadata.annotations ?? {}
  const ownersBefore = isRecord(wanted.kind) ? {} : standing.owners()
  const next = new Map(Object.entries(before))
  let owners = ownersBefore
  for (const [key, value] of Object.entries(annotations)) {
    const differs = next.get(key) !== value
    if (value === null) next.delete(key)
    else next.set(key, value)
    if (!isRecord(wanted.kind))
      owners = ownAnnotation(owners, { key, manager: value === null ? null : options.manager, differs })
  }
  const changed = Object.fromEntries(next)
  if (sameJson(before, changed) && sameJson(ownersBefore, owners)) return { is: 'unchanged', object }
  return {
    is: 'written',
    object: { ...object, metadata: tidyMetadata({ ...object.metadata, annotations: changed }) },
    owners,
    durable: true,
    created: false,
  }
}

const checkImmutable = (ref: ObjectRef, before: Fields, after: Fields): void => {
  for (const field of IMMUTABLE_FIELDS[ref.kind] ?? []) {
    if (sameJson(before[field], after[field])) continue
    throw new InvalidError(
      `${ref.kind}/${ref.name}: spec.${field} cannot change; delete the ${ref.kind} and make a new one`,
    )
  }
}

const conflictText = (conflicts: readonly FieldOwner[]): string =>
  `other managers hold ${conflicts.map(({ field, manager }) => `${field} (${manager})`).join(', ')}`

const partsOfWanted = (wanted: {
  kind: Kind
  metadata: { labels?: Record<string, string>; annotations?: Record<string, string> }
  spec: unknown
}): OwnedParts =>
  normalized(
    wanted.kind,
    plain({
      spec: wanted.spec as Fields,
      labels: wanted.metadata.labels ?? {},
      annotations: wanted.metadata.annotations ?? {},
    }),
  )

const partsOfObject = (object: StoredObject): OwnedParts => ({
  spec: object.spec,
  labels: object.metadata.labels ?? {},
  annotations: object.metadata.annotations ?? {},
})

const newObject = (
  { kind, name }: ObjectRef,
  parts: OwnedParts,
  finalizers: readonly string[],
  birth: Birth,
): StoredObject => ({
  apiVersion: API_VERSION,
  kind,
  metadata: tidyMetadata({
    name,
    uid: birth.uid(),
    resourceVersion: '',
    generation: 1,
    creationTimestamp: birth.now,
    finalizers: [...new Set(finalizers)],
    labels: parts.labels,
    annotations: parts.annotations,
  }),
  spec: parts.spec,
})
