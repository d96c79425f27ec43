import { LeaseLostError } from '../store/errors.ts'
import type { HeldLease, LeaseState } from '../store/store.ts'
import { reportIdle } from './idle.ts'
import { type Loop, type LoopOptions, openLoop, type World } from './loop.ts'

export interface ManagerOptions extends LoopOptions<LeasedWorld> {
  /** Who holds the lease: host and process, for people. */
  holder: string
  /** Stops gracefully; while the lease is waited for, gives up. */
  signal: AbortSignal
  /** Called while another process holds the lease. */
  onWaiting?: (state: LeaseState) => void
  /** Called when the lease is held, before anything is listed; when it throws, the lease is given back. */
  prepare?: (lease: HeldLease) => Promise<void>
  /** How long runs in hand may go on at a graceful stop; milliseconds, default 10,000. */
  grace?: number
}

/** The world of a loop that holds the lease: `store` refuses each write once it is lost. */
export interface LeasedWorld extends World {
  lease: HeldLease
}

/** Why a manager ended: asked to · the lease is somebody else's · the store cannot be used any more. */
export type Ending = { why: 'stopped'; finished: boolean } | { why: 'lost' } | { why: 'failed'; error: unknown }

export interface Manager {
  readonly loop: Loop
  readonly lease: HeldLease
  /** Resolves when everything has ended, whatever the cause. Never rejects. */
  readonly ended: Promise<Ending>
  /** Ends gracefully: runs in hand finish, then the lease is free. */
  stop(): Promise<Ending>
}

/**
 * Takes the lease, lists — only now, so that nothing of the last holder is missed —, and runs every reconciler until it is stopped or the lease is lost.
 * While it runs, it reports in the lease up to which version it is idle. When the lease is lost, no further run starts at that moment, and what comes of those in hand counts for nothing.
 * @returns when the workers are running
 * @throws LeaseLostError when it was lost while listing; the signal's reason when it aborted meanwhile; what the store and `prepare` throw
 */
export async function startManager(options: ManagerOptions): Promise<Manager> {
  const { store, holder, signal, clock, observer, grace = 10_000 } = options
  const lease = await store.lease.acquire({
    holder,
    signal,
    ...(options.onWaiting && { onWaiting: options.onWaiting }),
  })
  let loop: Loop
  try {
    await options.prepare?.(lease)
    loop = await openLoop<LeasedWorld>({
      ...options,
      store: lease.store,
      extend: world => ({ ...world, lease }),
      signal: AbortSignal.any([signal, lease.lost]),
    })
  } catch (error) {
    await lease.release()
    if (!lease.lost.aborted) throw error
    throw new LeaseLostError(`${holder} lost the lease of the store while it was listing`)
  }

  const { promise: ended, resolve } = Promise.withResolvers<Ending>()
  let ending = false
  const stopReporting = reportIdle({ loop, lease, clock, random: options.random, observer })
  const end = (how: () => Promise<Ending>) => {
    if (ending) return
    ending = true
    stopReporting()
    signal.removeEventListener('abort', stop)
    how().then(resolve, error => resolve({ why: 'failed', error }))
  }
  const lost = () => {
    loop.abort()
    end(async () => ({ why: 'lost' }))
  }
  const stop = () =>
    end(async () => {
      const finished = await loop.stop(grace)
      lease.lost.removeEventListener('abort', lost)
      await lease.release()
      return lease.lost.aborted ? { why: 'lost' } : { why: 'stopped', finished }
    })
  const fail = (error: unknown) => {
    loop.abort()
    end(async () => {
      lease.lost.removeEventListener('abort', lost)
      await lease.release()
      return { why: 'failed', error }
    })
  }

  lease.lost.addEventListener('abort', lost, { once: true })
  signal.addEventListener('abort', stop, { once: true })
  loop.ended.catch(fail)
  // Either may have come in the moment between the list and here.
  if (lease.lost.aborted) lost()
  else if (signal.aborted) stop()
  else loop.start()
  return {
    loop,
    lease,
    ended,
    stop() {
      stop()
      return ended
    },
  }
}
