import { GROUP, MANAGED_BY } from '../../api/names.ts'
import type { LeaseState } from '../store.ts'
import type { KubeClient } from './client.ts'
import { ClusterUnreachableError, clusterError, StatusError } from './errors.ts'

/** The Lease of a realm, as other controllers name theirs. */
export const LEASE_NAME = 'roster'

/** A Lease of `coordination.k8s.io/v1`. */
export interface RawLease {
  metadata: {
    name: string
    resourceVersion?: string
    labels?: Record<string, string>
    annotations?: Record<string, string>
  }
  spec: {
    holderIdentity?: string
    leaseDurationSeconds?: number
    acquireTime?: string
    renewTime?: string
    leaseTransitions?: number
  }
}

/** What Roster keeps beside the standard fields. Epochs are ours, since `leaseTransitions` stays where it is when a holder comes back under its old name. */
export const ANNOTATION = {
  epoch: `${GROUP}/epoch`,
  idleAt: `${GROUP}/idle-at`,
  clockMark: `${GROUP}/clock-mark`,
} as const

/** Reads and writes one Lease; each write names the version that it follows. */
export class LeaseRecord {
  readonly #client: KubeClient
  readonly #collection: string

  constructor(client: KubeClient) {
    this.#client = client
    this.#collection = `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(client.cluster.namespace)}/leases`
  }

  /** @throws ClusterUnreachableError and others of the cluster */
  async read(): Promise<RawLease | undefined> {
    try {
      const path = `${this.#collection}/${LEASE_NAME}`
      return (await this.#client.request<RawLease>({ method: 'GET', path, urgent: true })).body
    } catch (error) {
      if (error instanceof StatusError && error.code === 404) return undefined
      throw clusterErrorOf(error)
    }
  }

  /**
   * Writes the Lease over the version that it carries; one without a version is made.
   * @param limit milliseconds that this may take
   * @returns as it is now; undefined when another was first, or it is gone
   */
  async write(lease: RawLease, limit: number): Promise<RawLease | undefined> {
    const until = performance.now() + limit
    const fence = () => {
      const left = until - performance.now()
      if (left <= 0) throw new ClusterUnreachableError(`the Lease could not be written within ${limit} ms`)
      return left
    }
    const body = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', ...lease }
    const isNew = lease.metadata.resourceVersion === undefined
    const path = isNew ? this.#collection : `${this.#collection}/${LEASE_NAME}`
    try {
      const method = isNew ? 'POST' : 'PUT'
      return (await this.#client.request<RawLease>({ method, path, body, fence, urgent: true })).body
    } catch (error) {
      if (error instanceof StatusError && (error.code === 409 || (error.code === 404 && !isNew))) return undefined
      throw clusterErrorOf(error)
    }
  }
}

/** A new Lease over the present one, if there is one. */
export const takenBy = (
  before: RawLease | undefined,
  options: { holder: string; now: number; durationSeconds: number },
): { lease: RawLease; epoch: number } => {
  const { idleAt, epoch: epochKey } = ANNOTATION
  const { [idleAt]: _, ...annotations } = before?.metadata.annotations ?? {}
  // Whoever deletes the Lease, or makes an empty one, must not bring back epochs that were used: seconds since 1970 are more than all transfers so far.
  const epoch = before && epochOf(before) > 0 ? epochOf(before) + 1 : Math.floor(options.now / 1_000)
  const time = microTime(options.now)
  return {
    epoch,
    lease: {
      metadata: {
        name: LEASE_NAME,
        labels: { 'app.kubernetes.io/managed-by': MANAGED_BY },
        ...before?.metadata,
        annotations: { ...annotations, [epochKey]: String(epoch) },
      },
      spec: {
        holderIdentity: options.holder,
        leaseDurationSeconds: options.durationSeconds,
        acquireTime: time,
        renewTime: time,
        leaseTransitions: (before?.spec.leaseTransitions ?? -1) + 1,
      },
    },
  }
}

/** 0 when it was never held: somebody else made it. */
export const epochOf = (lease: RawLease): number => Number(lease.metadata.annotations?.[ANNOTATION.epoch] ?? 0)

/** RFC 3339 with six fractional digits, as `meta/v1 MicroTime` must have them. */
export const microTime = (time: number): string => new Date(time).toISOString().replace('Z', '000Z')

/** `held` is a guess by the clocks of two machines: only who waits for the lease knows, by its own. */
export const stateOf = (lease: RawLease, now: number): LeaseState => {
  const { holderIdentity = '', renewTime, leaseDurationSeconds = 0 } = lease.spec
  const expires = renewTime === undefined ? 0 : Date.parse(renewTime) + leaseDurationSeconds * 1_000
  return {
    holder: holderIdentity,
    epoch: epochOf(lease),
    expires: holderIdentity === '' ? '' : new Date(expires).toISOString(),
    idleAt: lease.metadata.annotations?.[ANNOTATION.idleAt],
    clockMark: lease.metadata.annotations?.[ANNOTATION.clockMark],
    held: holderIdentity !== '' && expires > now,
  }
}

const clusterErrorOf = (error: unknown): unknown => (error instanceof StatusError ? clusterError(error) : error)
