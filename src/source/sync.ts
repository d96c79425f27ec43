import type { ObjectRef } from '../api/resource.ts'
import { applyPlaced } from './apply.ts'
import { judgeOf } from './authority.ts'
import { keyOf, stepsOf } from './inventory.ts'
import { listedLive } from './live.ts'
import type { SyncOptions, SyncResult } from './pass.ts'
import { mayDrop, pruneObjects } from './prune.ts'

export type { SyncOptions, SyncResult } from './pass.ts'

/**
 * Makes the store hold what one complete revision says: applies with force, never over another source, then prunes.
 * One object that cannot be written never stops the others. Repeating it writes nothing.
 */
export const syncRevision = async (options: SyncOptions): Promise<SyncResult> => {
  const { store, source, revision } = options
  const live = options.live ?? (await listedLive(store))
  const { may, policy, pathOf } = options.authority ?? {}
  // What a source may can change while its documents do not.
  const { memory } = may === undefined && policy === undefined ? options : {}
  const steps = within(
    options.planned,
    stepsOf(source, revision, live, (placed, object) => memory?.knows(placed, object) ?? false),
  )
  const result: SyncResult = {
    created: [],
    updated: [],
    unchanged: steps.known,
    pruned: [],
    going: [],
    conflicts: [],
    takenOver: [],
    moving: [],
    waitsFor: [],
    failed: [],
    kept: undefined,
    was: [],
    taken: [],
    frozen: [],
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
  if (dropped.length > 0) await pruneObjects(options, dropped, result)
  return result
}

/** What was not planned is left as it is. */
const within = (planned: SyncOptions['planned'], steps: ReturnType<typeof stepsOf>): typeof steps => {
  if (!planned) return steps
  const apply = steps.apply.filter(({ desired }) => planned.has(keyOf(desired)))
  const prune = steps.prune.filter(step => planned.has(keyOf(step.live)))
  return { apply, prune, known: steps.known + steps.apply.length - apply.length }
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
