import type { AnyResource } from '../api/kinds.ts'
import { FINALIZER } from '../api/names.ts'
import type { ReconcileResult } from '../runtime/reconciler.ts'
import type { ResourceStore } from '../store/store.ts'

export interface FinalizerBranches<R extends AnyResource> {
  /** The object lives, and our finalizer is saved: whatever this does outside will be cleaned up. */
  apply: (object: R) => Promise<ReconcileResult | undefined>
  /**
   * The object is to go. Idempotent, and right even when `apply` never ran.
   * @returns 'done' when nothing is left to clean up: the object may go; otherwise when to run again
   */
  cleanup: (object: R) => Promise<'done' | ReconcileResult>
}

type Finalizing = Pick<ResourceStore, 'get' | 'setFinalizers'>

/**
 * Runs the branch that fits an object whose end must be met here. After kube-rs' `finalizer`: saves our finalizer before the first effect, and takes it off — ours alone — only after a cleanup that is done.
 * What a branch throws leaves the finalizer where it is.
 * @throws ConflictError when the object was changed since it was read
 */
export async function withFinalizer<R extends AnyResource>(
  store: Finalizing,
  object: R,
  branches: FinalizerBranches<R>,
): Promise<ReconcileResult | undefined> {
  const { kind, metadata } = object
  if (metadata.deletionTimestamp === undefined) {
    const saved = await addFinalizer(store, object)
    return saved && branches.apply(saved)
  }
  if (!metadata.finalizers?.includes(FINALIZER)) return undefined
  const outcome = await branches.cleanup(object)
  if (outcome !== 'done') return outcome
  // Read anew: the cleanup may have written the object, and others may have set or taken their own finalizers.
  const left = await store.get(kind, metadata.name)
  if (left?.metadata.uid === metadata.uid) await dropFinalizer(store, left)
  return undefined
}

/**
 * Saves our finalizer on an object that lives.
 * @returns the object with it; undefined where the object is gone
 * @throws ConflictError when the object was changed since it was read
 */
export async function addFinalizer<R extends AnyResource>(
  store: Pick<ResourceStore, 'setFinalizers'>,
  object: R,
): Promise<R | undefined> {
  const { name, finalizers = [], resourceVersion: ifVersion } = object.metadata
  if (finalizers.includes(FINALIZER)) return object
  const saved = await store.setFinalizers({ kind: object.kind, name }, [...finalizers, FINALIZER], { ifVersion })
  // The same object, of the same kind, with a finalizer more.
  return saved as R | undefined
}

/**
 * Takes our finalizer off, ours alone; with the last one a deleted object is gone.
 * @throws ConflictError when the object was changed since it was read
 */
export async function dropFinalizer(
  store: Pick<ResourceStore, 'setFinalizers'>,
  { kind, metadata: { name, finalizers = [], resourceVersion: ifVersion } }: AnyResource,
): Promise<void> {
  if (!finalizers.includes(FINALIZER)) return
  const others = finalizers.filter(finalizer => finalizer !== FINALIZER)
  await store.setFinalizers({ kind, name }, others, { ifVersion })
}
