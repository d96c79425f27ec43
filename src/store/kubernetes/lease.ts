import { setTimeout as sleep } from 'node:timers/promises'
import { RosterError } from '../../api/errors.ts'
import type { HeldLease, LeaseState, LeaseTable, ResourceStore } from '../store.ts'
import { Held, type LeaseTimes } from './heldlease.ts'
import { epochOf, type LeaseRecord, type RawLease, stateOf, takenBy } from './leaserecord.ts'
import type { Fence } from './objectwriter.ts'
import { Stopwatch } from './stopwatch.ts'

/** As the controllers of Kubernetes have them: 15 s, 10 s, 2 s. */
export const LEASE_TIMES: LeaseTimes = { duration: 15_000, deadline: 10_000, retry: 2_000 }

export interface KubernetesLeaseOptions {
  record: Pick<LeaseRecord, 'read' | 'write'>
  times: LeaseTimes
  random: () => number
  /** Milliseconds since 1970. */
  now: () => number
  fenced: (fence: Fence) => ResourceStore
  /** Asked before the lease is taken, and again when it is held. @throws where nobody may run the loop */
  admit?: () => Promise<void>
}

/**
 * The lease of a realm: a Lease of `coordination.k8s.io/v1`, written by compare-and-swap. Who waits for it takes it when it has no holder, or when it did not change for its whole duration as measured
 * here: the clocks of two machines are never compared. By then its holder has given up ({@link Held}), and what it had begun has ended.
 */
export class KubernetesLease implements LeaseTable {
  readonly #options: KubernetesLeaseOptions
  readonly #held = new Set<Held>()

  constructor(options: KubernetesLeaseOptions) {
    this.#options = options
  }

  async acquire(options: {
    holder: string
    signal: AbortSignal
    onWaiting?: (state: LeaseState) => void
  }): Promise<HeldLease> {
    const { record, times, random, now } = this.#options
    const { signal } = options
    let seen: { version: string | undefined; since: Stopwatch } | undefined
    let waiting = false
    for (;;) {
      signal.throwIfAborted()
      try {
        await this.#options.admit?.()
        const lease = await record.read()
        const version = lease?.metadata.resourceVersion
        if (seen?.version !== version || !seen) seen = { version, since: Stopwatch.start() }
        if (!lease || isFree(lease) || seen.since.elapsed() >= durationOf(lease, times)) {
          const held = await this.#take(lease, options.holder)
          if (held) return await this.#admitted(held)
          continue
        }
        if (!waiting) options.onWaiting?.(stateOf(lease, now()))
        waiting = true
      } catch (error) {
        // Whoever stands by outlives an outage; at the start its cause is worth more than patience.
        if (!waiting || !(error instanceof RosterError) || error.retry === 'never') throw error
      }
      await sleep(times.retry * (0.8 + 0.4 * random()), undefined, { signal })
    }
  }

  /** Who restores a realm does so under the lease: now that it is ours, nobody begins to. */
  async #admitted(held: Held): Promise<Held> {
    try {
      await this.#options.admit?.()
      return held
    } catch (error) {
      await held.release()
      throw error
    }
  }

  async read(): Promise<LeaseState | undefined> {
    const lease = await this.#options.record.read()
    return lease && epochOf(lease) > 0 ? stateOf(lease, this.#options.now()) : undefined
  }

  /** Gives up what is held, as the process is about to end. */
  async close(): Promise<void> {
    for (const held of [...this.#held]) await held.release()
  }

  async #take(before: RawLease | undefined, holder: string): Promise<Held | undefined> {
    const { record, times, now, fenced } = this.#options
    const since = Stopwatch.start()
    const durationSeconds = Math.max(1, Math.round(times.duration / 1_000))
    const { lease, epoch } = takenBy(before, { holder, now: now(), durationSeconds })
    const written = await record.write(lease, times.deadline)
    if (!written) return undefined
    const ended = () => this.#held.delete(held)
    const held = new Held({ record, lease: written, epoch, since, times, now, fenced, ended })
    this.#held.add(held)
    return held
  }
}

const isFree = (lease: RawLease): boolean => !lease.spec.holderIdentity

/** How long the holder, which may be of another version, keeps it unrenewed. */
const durationOf = (lease: RawLease, times: LeaseTimes): number =>
  (lease.spec.leaseDurationSeconds ?? 0) * 1_000 || times.duration
