import { setTimeout as sleep } from 'node:timers/promises'
import { FINALIZERS, KINDS } from '../api/names.ts'
import { type ObjectRef, refText } from '../api/resource.ts'
import { ConflictError, NotFoundError, StoreUnusableError } from '../store/errors.ts'
import { NamespaceDeletedError } from '../store/kubernetes/errors.ts'
import type { LeaseState, ResourceStore } from '../store/store.ts'

/** What an uninstall would do. */
export interface UninstallPlan {
  /** Objects that wait for Roster's leave before they can be deleted. */
  held: ObjectRef[]
  /** Of them, those that were deleted already: they go at once, and what follows from their deletion is never done. */
  going: ObjectRef[]
  /** Who runs the loop. */
  running: LeaseState | undefined
}

export const planUninstall = async (store: ResourceStore): Promise<UninstallPlan> => {
  const lease = await store.lease.read()
  const plan: UninstallPlan = { held: [], going: [], running: lease?.held ? lease : undefined }
  for (const kind of KINDS.toReversed())
    for (const { metadata } of (await store.list(kind)).items) {
      if (!metadata.finalizers?.some(one => FINALIZERS.includes(one))) continue
      const ref = { kind, name: metadata.name, uid: metadata.uid }
      plan.held.push(ref)
      if (metadata.deletionTimestamp !== undefined) plan.going.push(ref)
    }
  return plan
}

/** An object that could not be changed. */
export interface Failure {
  ref: ObjectRef
  error: Error
}

/** How often an object is read anew because another was first. */
const TRIES = 10

/**
 * Takes Roster's finalizers, and no others, off every object, and does nothing else: no mail, no removal, nobody's access ends. What fails is passed over; done again, it goes on.
 * @param options.store of the lease's holder, so that no controller puts them back meanwhile
 */
export const uninstall = async (options: {
  store: ResourceStore
  held: readonly ObjectRef[]
  signal: AbortSignal
}): Promise<{ released: number; failures: Failure[] }> => {
  const { store, held, signal } = options
  const failures: Failure[] = []
  for (const ref of held) {
    signal.throwIfAborted()
    await release(store, ref).catch((error: Error) => void failures.push({ ref, error }))
  }
  return { released: held.length - failures.length, failures }
}

const release = async (store: ResourceStore, ref: ObjectRef): Promise<void> => {
  for (let tries = 1; ; tries++) {
    const found = await store.get(ref.kind, ref.name)
    const finalizers = found?.metadata.finalizers ?? []
    const others = finalizers.filter(one => !FINALIZERS.includes(one))
    if (!found || others.length === finalizers.length) return
    try {
      await store.setFinalizers({ kind: ref.kind, name: ref.name }, others, {
        ifVersion: found.metadata.resourceVersion,
      })
      return
    } catch (error) {
      if (error instanceof NotFoundError) return
      if (!(error instanceof ConflictError) || tries === TRIES) throw error
      await sleep(50 * tries)
    }
  }
}

/** `User/alice: why`. */
export const failureText = ({ ref, error }: Failure): string => `${refText(ref)}: ${error.message}`

/**
 * Uninstalls under the lease, so that no controller starts meanwhile and puts the finalizers back; with `beside`, without it.
 * @throws StoreUnusableError a controller runs, and `beside` is not set
 */
export const uninstallUnderLease = async (options: {
  store: ResourceStore
  plan: UninstallPlan
  holder: string
  beside: boolean
  signal: AbortSignal
}): Promise<{ released: number; failures: Failure[] }> => {
  const { store, plan, holder, beside, signal } = options
  if (beside) return uninstall({ store, held: plan.held, signal })
  refuseRunning(plan)
  const limit = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)])
  const lease = await store.lease.acquire({ holder, signal: limit }).catch((error: unknown) => {
    if (error instanceof NamespaceDeletedError) return undefined
    throw error
  })
  // In a namespace that is being deleted nobody can lead.
  if (!lease) return uninstall({ store, held: plan.held, signal })
  try {
    return await uninstall({ store: lease.store, held: plan.held, signal: AbortSignal.any([signal, lease.lost]) })
  } finally {
    await lease.release()
  }
}

/** Longer than a holder that died keeps a lease. */
const PATIENCE = 20_000

/** @throws StoreUnusableError */
export const refuseRunning = ({ running }: UninstallPlan): void => {
  if (running)
    throw new StoreUnusableError(
      `a controller runs here (${running.holder}) and would put everything back`,
      'stop it first (in Kubernetes: scale the Deployment to 0), or say --beside-controller',
    )
}
