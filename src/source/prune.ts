import type { DeclaredResource } from '../api/kinds.ts'
import { ANNOTATIONS, MANAGERS } from '../api/names.ts'
import type { ObjectRef } from '../api/resource.ts'
import { ConflictError, NotFoundError } from '../store/errors.ts'
import type { FieldOwner } from '../store/store.ts'
import { type Judge, refusedAt } from './authority.ts'
import { holderOf, keyOf, mayPrune } from './inventory.ts'
import { RACES, type SyncOptions, type SyncResult } from './pass.ts'

/** What a source could not have declared any more, it cannot take away either. */
export const mayDrop = (judge: Judge, object: DeclaredResource, result: SyncResult): boolean => {
  const refusal = judge.dropping(object)
  if (!refusal) return true
  const { kind, metadata } = object
  const place = metadata.annotations?.[ANNOTATIONS.sourcePath] ?? `${kind}/${metadata.name}`
  result.failed.push({
    ref: { kind, name: metadata.name, uid: metadata.uid },
    reason: 'NotAllowed',
    message: `${refusedAt(place, refusal)}; it stays`,
  })
  result.objects += 1
  return false
}

/** Takes away what is no longer declared, where it may. */
export const pruneObjects = async (
  options: SyncOptions,
  dropped: readonly DeclaredResource[],
  result: SyncResult,
): Promise<void> => {
  const candidates = withoutMoving(options, dropped, result)
  if (candidates.length === 0) return
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
  result.waitsFor = options.others?.unread() ?? []
  if (result.waitsFor.length > 0) {
    const sources = result.waitsFor.map(name => `Source/${name}`).join(', ')
    const message = `resources that are no longer in this source stay until ${sources} was read: they may have moved there`
    result.kept = { refs: refs(candidates), reason: 'PruneHeld', message }
    result.objects += candidates.length
    return
  }
  const own = (await ownedBySource(options, candidates)).filter(object => isAsPlanned(options, object, result))
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

const isAsPlanned = (
  { planned }: SyncOptions,
  object: DeclaredResource,
  result: Pick<SyncResult, 'failed' | 'objects'>,
): boolean => {
  const moved = planned?.get(keyOf(object))?.(object)
  if (moved === undefined) return true
  const { kind, metadata } = object
  result.failed.push({ ref: { kind, name: metadata.name, uid: metadata.uid }, reason: 'Conflict', message: moved })
  result.objects += 1
  return false
}

/** What another source declares, that one takes over. An empty source lets nothing go: it is a mistake until a person says otherwise. */
const withoutMoving = (
  { others, revision }: SyncOptions,
  objects: readonly DeclaredResource[],
  result: SyncResult,
): readonly DeclaredResource[] => {
  if (revision.manifests.length === 0) return objects
  return objects.filter(object => {
    const to = others?.declaring(keyOf(object))
    if (to === undefined) return true
    const { name, uid } = object.metadata
    result.moving.push({ ref: { kind: object.kind, name, uid }, to })
    return false
  })
}

/** Marks somebody as no longer declared, in this source's name: applying them again takes the mark off. */
const markGoing = async (
  { store, source, revision }: SyncOptions,
  object: DeclaredResource,
  result: SyncResult,
): Promise<void> => {
  const { kind, metadata } = object
  if (metadata.annotations?.[ANNOTATIONS.going] !== undefined) return
  const ref = { kind, name: metadata.name }
  try {
    await store.annotate(
      ref,
      { [ANNOTATIONS.going]: revision.id },
      { manager: MANAGERS.source(source), ifUid: metadata.uid },
    )
    result.going.push({ ...ref, uid: metadata.uid })
    result.was.push(asItWas(object))
    result.pruned.push({ ...ref, uid: metadata.uid })
  } catch (error) {
    if (!(error instanceof NotFoundError || error instanceof ConflictError)) throw error
  }
}

const asItWas = (object: DeclaredResource): SyncResult['was'][number] => ({
  object,
  place: object.metadata.annotations?.[ANNOTATIONS.sourcePath] ?? `${object.kind}/${object.metadata.name}`,
})

/** Deletes one object at the version that was judged. One that changed since is judged again: whoever wrote it may have taken it over. */
const pruneOne = async (options: SyncOptions, object: DeclaredResource, result: SyncResult): Promise<void> => {
  const { kind, metadata } = object
  const ref = { kind, name: metadata.name }
  let version = metadata.resourceVersion
  for (let race = 1; ; race++) {
    try {
      await options.store.delete(ref, { ifUid: metadata.uid, ifVersion: version })
      result.pruned.push({ ...ref, uid: metadata.uid })
      result.was.push(asItWas(object))
      return
    } catch (error) {
      if (error instanceof NotFoundError) return
      if (!(error instanceof ConflictError)) throw error
      const now = await options.store.get(kind, metadata.name)
      if (!now || now.metadata.uid !== metadata.uid || now.metadata.deletionTimestamp !== undefined) return
      if (holderOf(now) !== options.source) return
      if (!isAsPlanned(options, now as DeclaredResource, result)) return
      version = now.metadata.resourceVersion
      if (race < RACES) continue
      result.failed.push({ ref, reason: error.reason, message: error.message })
      return
    }
  }
}

/** A label alone can be written by anybody; the inventory is what this source also applied. What somebody else deleted meanwhile is no longer there to be taken. */
const ownedBySource = async (
  { store, source }: SyncOptions,
  objects: readonly DeclaredResource[],
): Promise<DeclaredResource[]> => {
  const own: DeclaredResource[] = []
  for (const object of objects) {
    let owners: FieldOwner[]
    try {
      owners = await store.owners({ kind: object.kind, name: object.metadata.name })
    } catch (error) {
      if (error instanceof NotFoundError) continue
      throw error
    }
    if (owners.some(({ manager }) => manager === MANAGERS.source(source))) own.push(object)
  }
  return own
}
