import { randomBytes } from 'node:crypto'
import { KINDS } from '../../api/names.ts'
import { StoreUnusableError } from '../errors.ts'
import type { HeldLease, LeaseState, ResourceStore, StoreInfo } from '../store.ts'
import { KubeClient, type KubeRequest } from './client.ts'
import { openCluster } from './cluster.ts'
import { LEASE_TIMES } from './lease.ts'
import { KubernetesRealm, type RestoreBeginning } from './realm.ts'
import { type KubernetesStoreOptions, openKubernetesStore } from './store.ts'

/** A namespace that is being filled from a backup. */
export interface KubernetesRestore extends AsyncDisposable {
  /** Writes only while the lease is held. */
  store: ResourceStore
  lease: HeldLease
  /** Whether a restore of the same backup was cut off here. */
  resumed: boolean
  /** Everything is there: the loop may run. @param backup RFC 3339: of when the backup is */
  finish(backup?: string): Promise<StoreInfo>
}

/**
 * Takes the lease of a namespace that holds no realm, or an empty one, and marks it, so that nobody runs its loop before the restore is through. What is cut off stays marked, and the same backup goes on.
 * @throws StoreUnusableError a controller runs there, something is there, or another backup is being restored
 */
export const beginKubernetesRestore = async (
  options: KubernetesStoreOptions &
    RestoreBeginning & {
      holder: string
      signal: AbortSignal
      /** Asked before the mark is set. @throws where something else is in the way */
      empty?: () => Promise<void>
    },
): Promise<KubernetesRestore> => {
  const { holder, signal, random = randomBytes, backup, after, binding } = options
  await using stack = new AsyncDisposableStack()
  const store = stack.use(await openKubernetesStore({ ...options, restoring: true }))
  const client = new KubeClient(await openCluster(options))
  stack.defer(() => client.close())
  const realm = new KubernetesRealm(client, { random, create: true, restoring: true })
  const lease = await takeLease(store, { holder, signal, ...(options.leaseTimes ?? LEASE_TIMES) })
  stack.defer(() => lease.release())
  const send = async <T>(request: KubeRequest): Promise<T> => {
    lease.lost.throwIfAborted()
    return (await client.request<T>(request)).body
  }
  const empty = async (): Promise<void> => {
    await refuseFilled(store, client.cluster.namespace)
    await options.empty?.()
  }
  const resumed = await realm.beginRestore({ backup, after, binding }, empty, send)
  const up = stack.move()
  return {
    store: lease.store,
    lease,
    resumed,
    finish: async backup => ({
      ...(await realm.finishRestore({ time: new Date(options.clock.now()).toISOString(), backup }, send)),
      resourceVersion: (await store.info()).resourceVersion,
    }),
    [Symbol.asyncDispose]: () => up.disposeAsync(),
  }
}

/** Of a holder that died it is free after its duration; one that lives keeps it. */
const takeLease = async (
  store: ResourceStore,
  { holder, signal, duration, retry }: { holder: string; signal: AbortSignal; duration: number; retry: number },
): Promise<HeldLease> => {
  const limit = AbortSignal.timeout(duration + 3 * retry)
  let other: LeaseState | undefined
  try {
    return await store.lease.acquire({
      holder,
      signal: AbortSignal.any([signal, limit]),
      onWaiting: state => {
        other = state
      },
    })
  } catch (error) {
    if (!limit.aborted || signal.aborted) throw error
    throw new StoreUnusableError(
      `${other?.holder || 'another process'} runs the loop in that namespace`,
      'stop it first (scale the Deployment to 0), or name another namespace',
    )
  }
}

const refuseFilled = async (store: ResourceStore, namespace: string): Promise<void> => {
  const found: string[] = []
  for (const kind of KINDS) {
    const { length } = (await store.list(kind)).items
    if (length > 0) found.push(`${length} ${kind}`)
  }
  if (found.length > 0)
    throw new StoreUnusableError(
      `the namespace ${namespace} is not empty: ${found.join(', ')}`,
      'a backup is restored into a namespace without resources: name another one',
    )
}
