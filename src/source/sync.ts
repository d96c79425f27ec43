import type { DeclaredResource } from '../api/kinds.ts'
import { DECLARED_KINDS, MANAGERS, type Reason } from '../api/names.ts'
import type { ObjectRef } from '../api/resource.ts'
import { ConflictError, InvalidError, NotFoundError } from '../store/errors.ts'
import type { FieldOwner, ResourceStore } from '../store/store.ts'
import { keyOf, mayPrune, type Step, stepsOf } from './inventory.ts'
import type { Revision } from './revision.ts'

export interface SyncOptions {
  store: ResourceStore
  /** Name of the source; its field manager is `source/<name>`. */
  source: string
  revision: Extract<Revision, { outcome: 'Complete' }>
  prune: boolean
  /** A person said on the command line that the source may be empty. */
  allowEmpty?: boolean
  /** Leave to delete these. What it does not give back stays and is reported. */
  permit: (objects: readonly DeclaredResource[]) => Promise<{ permitted: readonly DeclaredResource[]; because: string }>
  /** Called after each object: progress on long work. */
  onStep?: (done: number, all: number) => void
  signal?: AbortSignal
}

export interface SyncResult {
  created: ObjectRef[]
  updated: ObjectRef[]
  unchanged: number
  pruned: ObjectRef[]
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
  const steps = stepsOf(source, revision, live)
  const result: SyncResult = {
    created: [],
    updated: [],
    unchanged: 0,
    pruned: [],
    conflicts: [],
    failed: [],
    kept: undefined,
    taken: [],
    objects: 0,
  }
  const places = new Map(revision.manifests.map(({ manifest, place }) => [keyOf(manifest), place]))

  let done = 0
  for (const step of steps.apply) {
    options.signal?.throwIfAborted()
    await applyStep(options, step, places, result)
    options.onStep?.(++done, steps.apply.length)
  }
  result.objects = result.created.length + result.updated.length + result.unchanged

  if (steps.prune.length > 0)
    await pruneSteps(
      options,
      steps.prune.map(step => step.live),
      result,
    )
  return result
}

const applyStep = async (
  options: SyncOptions,
  step: Step,
  places: ReadonlyMap<string, string>,
  result: SyncResult,
): Promise<void> => {
  if (step.do === 'prune') return
  const ref: ObjectRef = { kind: step.desired.kind, name: step.desired.metadata.name }
  if (step.do === 'conflict') {
    result.conflicts.push({ ref, holder: step.holder, place: places.get(keyOf(step.desired)) ?? '' })
    return
  }
  try {
    const applied = await options.store.apply(step.desired, {
      manager: MANAGERS.source(options.source),
      force: true,
      ...(step.live ? { ifUid: step.live.metadata.uid } : {}),
    })
    if (applied.outcome === 'unchanged') result.unchanged += 1
    else result[applied.outcome].push(ref)
    if (applied.taken.length > 0) result.taken.push({ ref, fields: applied.taken })
  } catch (error) {
    if (!(error instanceof ConflictError || error instanceof InvalidError || error instanceof NotFoundError))
      throw error
    result.failed.push({ ref, reason: error.reason, message: error.message })
  }
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
  const { permitted, because } = await options.permit(own)
  const held = own.filter(object => !permitted.includes(object))
  for (const object of permitted) {
    options.signal?.throwIfAborted()
    const { kind, metadata } = object
    try {
      // The version too: whoever wrote it since the list may have taken it over.
      await options.store.delete(
        { kind, name: metadata.name },
        { ifUid: metadata.uid, ifVersion: metadata.resourceVersion },
      )
      result.pruned.push({ kind, name: metadata.name, uid: metadata.uid })
    } catch (error) {
      if (error instanceof NotFoundError) continue
      if (!(error instanceof ConflictError)) throw error
      result.failed.push({ ref: { kind, name: metadata.name }, reason: error.reason, message: error.message })
    }
  }
  if (held.length > 0) {
    result.kept = { refs: refs(held), reason: 'PruneHeld', message: because }
    result.objects += held.length
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
