import type { AnyManifest, DeclaredResource } from '../api/kinds.ts'
import { ANNOTATIONS, MANAGERS } from '../api/names.ts'
import { type ObjectRef, refText } from '../api/resource.ts'
import { AlreadyExistsError, ConflictError, InvalidError, NotFoundError } from '../store/errors.ts'
import { type Judge, refusedAt } from './authority.ts'
import { keepingFrozen } from './frozen.ts'
import { beyondDesired, changeAt, type DeclaringStep, keyOf, stepOf } from './inventory.ts'
import { RACES, type SyncOptions, type SyncResult } from './pass.ts'
import type { PlacedManifest } from './revision.ts'
import { finishTakeOver, takenFrom, takeOver } from './takeover.ts'

/**
 * Makes one object so. What is beyond the source's authority stays as it was, and counts as declared: it is not pruned. Every write names the version that was decided on; so nothing that another source, or a deletion, did meanwhile is written over.
 */
export const applyPlaced = async (
  options: SyncOptions,
  judge: Judge,
  placed: PlacedManifest,
  first: DeclaringStep,
  result: SyncResult,
): Promise<void> => {
  const { store, source, revision } = options
  const ref: ObjectRef = { kind: first.desired.kind, name: first.desired.metadata.name }
  let step = first
  for (let race = 1; ; race++) {
    const refusal = judge.declaring(placed, step.live)
    if (refusal) {
      result.failed.push({ ref, reason: 'NotAllowed', message: refusedAt(placed.place, refusal) })
      return
    }
    const moved = options.planned?.get(keyOf(first.desired))?.(step.live)
    if (moved !== undefined) {
      result.failed.push({ ref, reason: 'Conflict', message: moved })
      return
    }
    try {
      const left = await applyStep(options, step, placed, result)
      if (left) judge.applied(left)
      return
    } catch (error) {
      const lost = error instanceof ConflictError || error instanceof AlreadyExistsError
      if (lost && race < RACES) {
        step = stepOf(source, revision.id, placed, await store.get(first.desired.kind, ref.name))
        continue
      }
      if (!(lost || error instanceof InvalidError || error instanceof NotFoundError)) throw error
      result.failed.push({ ref, reason: error.reason, message: error.message })
      return
    }
  }
}

/** @returns what is there now, where that changed */
const applyStep = async (
  options: SyncOptions,
  step: DeclaringStep,
  placed: PlacedManifest,
  result: SyncResult,
): Promise<DeclaredResource | undefined> => {
  const { store, memory } = options
  const { desired, live } = step
  const { place } = placed
  const manager = MANAGERS.source(options.source)
  const ref: ObjectRef = { kind: desired.kind, name: desired.metadata.name }
  if (step.do === 'wait') {
    const message = `${refText(ref)} (${place}) is being deleted; it is made again when it is gone`
    result.failed.push({ ref, reason: 'Deleting', message })
    return undefined
  }
  if (!live) {
    // Made, not applied: what came into being since the list belongs to whoever made it.
    const made = await store.create(desired, { manager })
    memory?.keep(desired, made, placed)
    result.created.push(ref)
    return made
  }
  const unfinished = takenFrom(options.source, live)
  if (unfinished !== undefined) {
    const left = await finishTakeOver(options, { desired, live }, unfinished)
    memory?.keep(desired, left, placed)
    result.updated.push(ref)
    result.was.push({ object: live, place })
    return left
  }
  if (memory?.holds(desired, live)) {
    memory.keep(desired, live, placed)
    result.unchanged += 1
    return undefined
  }
  const { claimedBy } = step
  if (claimedBy) {
    // A label alone can be written by anybody.
    const owners = await store.owners(ref)
    if (owners.some(({ manager }) => manager === claimedBy.manager)) {
      const from = claimedBy.source
      if (from !== undefined && options.others?.letsGo(from, keyOf(desired))) {
        const left = await takeOver(options, { desired, live }, from)
        memory?.keep(desired, left, placed)
        result.updated.push(ref)
        result.was.push({ object: live, place })
        result.takenOver.push({ ref, from })
        return left
      }
      result.conflicts.push({ ref, holder: claimedBy.holder, place })
      return undefined
    }
  }
  const kept = await keepingFrozen(store, desired, live)
  if (kept.by !== undefined) result.frozen.push({ ref, by: kept.by, place })
  const applied = await store.apply(await dated(options, kept.desired, live, placed), {
    manager,
    force: true,
    ifUid: live.metadata.uid,
    ifVersion: live.metadata.resourceVersion,
  })
  memory?.keep(desired, applied.object, placed)
  if (applied.outcome === 'unchanged') result.unchanged += 1
  else {
    result[applied.outcome].push(ref)
    result.was.push({ object: live, place: live.metadata.annotations?.[ANNOTATIONS.sourcePath] ?? place })
  }
  if (applied.taken.length > 0) result.taken.push({ ref, fields: applied.taken })
  return applied.object
}

/** A document that only lost a field has changed in this revision too; that the field was ours, its owner tells. */
const dated = async (
  options: SyncOptions,
  desired: AnyManifest,
  live: DeclaredResource,
  placed: PlacedManifest,
): Promise<AnyManifest> => {
  const { revision, source, store } = options
  if (desired.metadata.annotations?.[ANNOTATIONS.revision] === revision.id) return desired
  const beyond = new Set(beyondDesired(live, desired))
  if (beyond.size === 0) return desired
  const owners = await store.owners({ kind: live.kind, name: live.metadata.name })
  if (!owners.some(({ field, manager }) => manager === MANAGERS.source(source) && beyond.has(field))) return desired
  const {
    [ANNOTATIONS.commit]: _commit,
    [ANNOTATIONS.author]: _author,
    [ANNOTATIONS.unchangedSince]: _unchanged,
    ...others
  } = desired.metadata.annotations as Record<string, string>
  const annotations = { ...others, ...changeAt(revision.id, placed) }
  return { ...desired, metadata: { ...desired.metadata, annotations } }
}
