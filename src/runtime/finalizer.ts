import type { AnyResource } from '../api/kinds.ts'
import { FINALIZER } from '../api/names.ts'
import type { ResourceStore } from '../store/store.ts'
import type { ReconcileResult } from './reconciler.ts'

export interface FinalizerBranches<R extends AnyResource> {
  /** The object lives, and our finalizer is saved: whatever this does outside will be cleaned up. */
  apply: (object: R) => Promise<ReconcileResult | undefined>
  /**
   * The object is to go. Idempotent, and right even when `apply` never ran.
   * @returns 'done' when nothing is left to clean up: the object may go; otherwise when to run again
   */
  cleanup: (object: R) => Promise<'done' | ReconcileResult>
}

/**
 * Runs the branch that fits an object whose effects outlive it. After kube-rs' `finalizer`: saves our finalizer before the first effect, and takes it off — ours alone — only after a cleanup that is done.
 * What a branch throws leaves the finalizer where it is.
 * @throws ConflictError when the object was changed since it was read
 */
export async function withFinalizer<R extends AnyResource>(
  store: Pick<ResourceStore, 'get' | 'setFinalizers'>,
  object: R,
  branches: FinalizerBranches<R>,
): Promise<ReconcileResult | undefined> {
  const { metadata } = object
  const ref = { kind: object.kind, name: metadata.name }
  const finalizers = metadata.finalizers ?? []

  if (metadata.deletionTimestamp === undefined) {
    if (finalizers.includes(FINALIZER)) return branches.apply(object)
    const saved = await store.setFinalizers(ref, [...finalizers, FINALIZER], { ifVersion: metadata.resourceVersion })
    // The same object, of the same kind, with a finalizer more.
    return saved && branches.apply(saved as R)
  }

  if (!finalizers.includes(FINALIZER)) return undefined
  const outcome = await branches.cleanup(object)
  if (outcome !== 'done') return outcome
  // Read anew: the cleanup may have written the object, and others may have set or taken their own finalizers.
  const left = await store.get(ref.kind, ref.name)
  if (left?.metadata.uid !== metadata.uid || !left.metadata.finalizers?.includes(FINALIZER)) return undefined
  const others = left.metadata.finalizers.filter(finalizer => finalizer !== FINALIZER)
  await store.setFinalizers(ref, others, { ifVersion: left.metadata.resourceVersion })
  return undefined
}
