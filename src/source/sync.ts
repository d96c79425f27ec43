import type { Grant } from '../api/grant.ts'
import type { AnyManifest, DeclaredResource } from '../api/kinds.ts'
import { ANNOTATIONS, DECLARED_KINDS, MANAGERS, type Reason } from '../api/names.ts'
import { type ObjectRef, refText } from '../api/resource.ts'
import type { Policy, Refusal } from '../decide/authority.ts'
import { AlreadyExistsError, ConflictError, InvalidError, NotFoundError } from '../store/errors.ts'
import type { FieldOwner, ResourceStore } from '../store/store.ts'
import { fieldOf, type Judge, judgeOf } from './authority.ts'
import { beyondDesired, type DeclaringStep, holderOf, keyOf, mayPrune, stepOf, stepsOf } from './inventory.ts'
import type { SyncMemory } from './memory.ts'
import type { PlacedManifest, Revision } from './revision.ts'

export interface SyncOptions {
  store: ResourceStore
  /** Name of the source; its field manager is `source/<name>`. */
  source: string
  revision: Extract<Revision, { outcome: 'Complete' }>
  prune: boolean
  /**
   * A person at the command line applies it. Only they may declare Sources: who may write into a watched repository
   * could otherwise have any folder of the machine read, or another repository taken for theirs.
   */
  byPerson?: boolean
  /** `Source.spec.may`, and the controller's own policy: what is beyond them is refused, document by document. */
  authority?: { may?: Grant | undefined; policy?: Policy | undefined; pathOf?: (file: string) => string }
  /** A person said on the command line that the source may be empty. */
  allowEmpty?: boolean
  /** Leave to delete these. What it does not give back stays and is reported. */
  permit: (objects: readonly DeclaredResource[]) => Promise<{
    permitted: readonly DeclaredResource[]
    /** These are only marked: they go when the guard lets go what they have. */
    going?: readonly DeclaredResource[]
    because: string
  }>
  /** Called after each object: progress on long work. */
  onStep?: (done: number, all: number) => void
  signal?: AbortSignal
  /** What earlier passes of this process did: objects that are still as they left them are not written again. */
  memory?: SyncMemory
}

export interface SyncResult {
  created: ObjectRef[]
  updated: ObjectRef[]
  unchanged: number
  pruned: ObjectRef[]
  /** Of these, people who were marked as going now: they are deleted when the guard lets go what they have. */
  going: ObjectRef[]
  /** Objects that another source keeps. */
  conflicts: { ref: ObjectRef; holder: string; place: string }[]
  /** Objects that could not be written, with the reason; they are tried again. */
  failed: { ref: ObjectRef; reason: Reason; message: string }[]
  /** No longer in the source, and not deleted. */
  kept: { refs: ObjectRef[]; reason: Reason; message: string } | undefined
  /** Fields with another value that were taken from other managers. */
  taken: { ref: ObjectRef; fields: FieldOwner[] }[]
  /** Size of the inventory afterwards. */
  objects: number
}

/**
 * Makes the store hold what one complete revision says: applies with force, never over another source, then prunes.
 * One object that cannot be written never stops the others. Repeating it writes nothing.
 */
export const syncRevision = async (options: SyncOptions): Promise<SyncResult> => {
  const { store, source, revision } = options
  const live = await readLive(store)
  const { may, policy, pathOf } = options.authority ?? {}
  // What a source may can change while its documents do not.
  const { memory } = may === undefined && policy === undefined ? options : {}
  const steps = stepsOf(source, revision, live, (placed, object) => memory?.knows(placed, object) ?? false)
  const result: SyncResult = {
    created: [],
    updated: [],
    unchanged: steps.known,
    pruned: [],
    going: [],
    conflicts: [],
    failed: [],
    kept: undefined,
    taken: [],
    objects: 0,
  }
  const judge = judgeOf({ source, may, policy, byPerson: options.byPerson ?? false }, live, pathOf)
  const places = new Map(revision.manifests.map(placed => [keyOf(placed.manifest), placed]))

  let done = 0
  for (const together of batches(steps.apply, judge.inOrder)) {
    options.signal?.throwIfAborted()
    await Promise.all(
      together.map(async step => {
        const placed = places.get(keyOf(step.desired))
        if (placed) await applyPlaced(options, judge, placed, step, result)
        options.onStep?.(++done, steps.apply.length)
      }),
    )
  }
  const rank = new Map(steps.apply.map((step, index) => [keyOf(step.desired), index]))
  const inOrder = (a: ObjectRef, b: ObjectRef): number =>
    (rank.get(`${a.kind}/${a.name}`) ?? 0) - (rank.get(`${b.kind}/${b.name}`) ?? 0)
  result.created.sort(inOrder)
  result.updated.sort(inOrder)
  options.memory?.forget(new Set(places.keys()))
  result.objects = result.created.length + result.updated.length + result.unchanged

  const dropped = steps.prune.map(step => step.live).filter(object => mayDrop(judge, object, result))
  if (dropped.length > 0) await pruneSteps(options, dropped, result)
  return result
}

/** Writes that are under way at once: a store may put them into one transaction. */
const TOGETHER = 64

/** Runs of one kind, so that what others depend on is there before them. */
function* batches<S extends { desired: { kind: string } }>(steps: readonly S[], inOrder: boolean): Generator<S[]> {
  let batch: S[] = []
  for (const step of steps) {
    const most = inOrder && step.desired.kind === 'Group' ? 1 : TOGETHER
    if (batch.length === most || (batch[0] && batch[0].desired.kind !== step.desired.kind)) {
      yield batch
      batch = []
    }
    batch.push(step)
  }
  if (batch.length > 0) yield batch
}

const sentence = (place: string, { pointer, message }: Refusal): string =>
  `${place}: ${pointer === '' ? '' : `${fieldOf(pointer)} `}${message}`

/** What a source could not have declared any more, it cannot take away either. */
const mayDrop = (judge: Judge, object: DeclaredResource, result: SyncResult): boolean => {
  const refusal = judge.dropping(object)
  if (!refusal) return true
  const { kind, metadata } = object
  const place = metadata.annotations?.[ANNOTATIONS.sourcePath] ?? `${kind}/${metadata.name}`
  result.failed.push({
    ref: { kind, name: metadata.name, uid: metadata.uid },
    reason: 'NotAllowed',
    message: `${sentence(place, refusal)}; it stays`,
  })
  result.objects += 1
  return false
}

/** How often an object that changes under our hands is read and decided anew in one pass. */
const RACES = 3

/**
 * Makes one object so. What is beyond the source's authority stays as it was, and counts as declared: it is not pruned. Every write names the version that was decided on; so nothing that another source, or a deletion, did meanwhile is written over.
 */
const applyPlaced = async (
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
      result.failed.push({ ref, reason: 'NotAllowed', message: sentence(placed.place, refusal) })
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
      result.conflicts.push({ ref, holder: claimedBy.holder, place })
      return undefined
    }
  }
  const applied = await store.apply(await dated(options, desired, live), {
    manager,
    force: true,
    ifUid: live.metadata.uid,
    ifVersion: live.metadata.resourceVersion,
  })
  memory?.keep(desired, applied.object, placed)
  if (applied.outcome === 'unchanged') result.unchanged += 1
  else result[applied.outcome].push(ref)
  if (applied.taken.length > 0) result.taken.push({ ref, fields: applied.taken })
  return applied.object
}

/** A document that only lost a field has changed in this revision too; that the field was ours, its owner tells. */
const dated = async (options: SyncOptions, desired: AnyManifest, live: DeclaredResource): Promise<AnyManifest> => {
  const { revision, source, store } = options
  if (desired.metadata.annotations?.[ANNOTATIONS.revision] === revision.id) return desired
  const beyond = new Set(beyondDesired(live, desired))
  if (beyond.size === 0) return desired
  const owners = await store.owners({ kind: live.kind, name: live.metadata.name })
  if (!owners.some(({ field, manager }) => manager === MANAGERS.source(source) && beyond.has(field))) return desired
  const annotations = { ...desired.metadata.annotations, [ANNOTATIONS.revision]: revision.id }
  return { ...desired, metadata: { ...desired.metadata, annotations } }
}

const pruneSteps = async (
  options: SyncOptions,
  candidates: readonly DeclaredResource[],
  result: SyncResult,
): Promise<void> => {
  const refs = (objects: readonly DeclaredResource[]): ObjectRef[] =>
    objects.map(({ kind, metadata: { name, uid } }) => ({ kind, name, uid }))
  const verdict = mayPrune({
    prune: options.prune,
    manifests: options.revision.manifests.length,
    candidates: candidates.length,
    allowEmpty: options.allowEmpty ?? false,
  })
  if (!verdict.may) {
    result.kept = { refs: refs(candidates), reason: verdict.reason, message: verdict.message }
    result.objects += candidates.length
    return
  }
  const own = await ownedBySource(options, candidates)
  const { permitted, going = [], because } = await options.permit(own)
  const held = own.filter(object => !permitted.includes(object) && !going.includes(object))
  for (const object of going) {
    options.signal?.throwIfAborted()
    await markGoing(options, object, result)
  }
  result.objects += going.length
  for (const object of permitted) {
    options.signal?.throwIfAborted()
    await pruneOne(options, object, result)
  }
  if (held.length > 0) {
    result.kept = { refs: refs(held), reason: 'PruneHeld', message: because }
    result.objects += held.length
  }
}

/** Marks somebody as no longer declared, in this source's name: applying them again takes the mark off. */
const markGoing = async (
  { store, source, revision }: SyncOptions,
  { kind, metadata }: DeclaredResource,
  result: SyncResult,
): Promise<void> => {
  if (metadata.annotations?.[ANNOTATIONS.going] !== undefined) return
  const ref = { kind, name: metadata.name }
  try {
    await store.annotate(
      ref,
      { [ANNOTATIONS.going]: revision.id },
      { manager: MANAGERS.source(source), ifUid: metadata.uid },
    )
    result.going.push({ ...ref, uid: metadata.uid })
    result.pruned.push({ ...ref, uid: metadata.uid })
  } catch (error) {
    if (!(error instanceof NotFoundError || error instanceof ConflictError)) throw error
  }
}

/** Deletes one object at the version that was judged. One that changed since is judged again: whoever wrote it may have taken it over. */
const pruneOne = async (options: SyncOptions, object: DeclaredResource, result: SyncResult): Promise<void> => {
  const { kind, metadata } = object
  const ref = { kind, name: metadata.name }
  let version = metadata.resourceVersion
  for (let race = 1; ; race++) {
    try {
      await options.store.delete(ref, { ifUid: metadata.uid, ifVersion: version })
      result.pruned.push({ ...ref, uid: metadata.uid })
      return
    } catch (error) {
      if (error instanceof NotFoundError) return
      if (!(error instanceof ConflictError)) throw error
      const now = await options.store.get(kind, metadata.name)
      if (!now || now.metadata.uid !== metadata.uid || now.metadata.deletionTimestamp !== undefined) return
      if (holderOf(now) !== options.source) return
      version = now.metadata.resourceVersion
      if (race < RACES) continue
      result.failed.push({ ref, reason: error.reason, message: error.message })
      return
    }
  }
}

/** A label alone can be written by anybody; the inventory is what this source also applied. */
const ownedBySource = async (
  { store, source }: SyncOptions,
  objects: readonly DeclaredResource[],
): Promise<DeclaredResource[]> => {
  const own: DeclaredResource[] = []
  for (const object of objects) {
    const owners = await store.owners({ kind: object.kind, name: object.metadata.name })
    if (owners.some(({ manager }) => manager === MANAGERS.source(source))) own.push(object)
  }
  return own
}

const readLive = async (store: ResourceStore): Promise<Map<string, DeclaredResource>> => {
  const live = new Map<string, DeclaredResource>()
  for (const kind of DECLARED_KINDS)
    for (const object of (await store.list(kind)).items) live.set(keyOf(object), object)
  return live
}
