import type { Clock } from '../ports/clock.ts'
import type { HeldLease } from '../store/store.ts'
import { backoffDelay, WATCH_BACKOFF } from './backoff.ts'
import type { Loop } from './loop.ts'
import { type RuntimeObserver, tell } from './observer.ts'

/** Milliseconds between two reports at least. */
const PAUSE = 100

/**
 * Writes into the lease up to which version the loop is idle, whenever that has moved, at most every 100 ms.
 * A report that fails is tried again after a pause that grows.
 * @returns a function that stops it
 */
export function reportIdle(options: {
  loop: Pick<Loop, 'idleVersion' | 'onIdleChange'>
  lease: Pick<HeldLease, 'reportIdle' | 'lost'>
  clock: Clock
  /** In [0, 1). */
  random: () => number
  observer?: RuntimeObserver | undefined
}): () => void {
  const { loop, lease, clock, random, observer } = options
  let reported: string | undefined
  let next = Number.NEGATIVE_INFINITY
  let failures = 0
  let busy = false
  let stopped = false
  let cancel: (() => void) | undefined

  const wake = () => {
    if (stopped || busy || cancel || lease.lost.aborted) return
    const version = loop.idleVersion()
    if (version === undefined || version === reported) return
    if (clock.now() < next) {
      cancel = clock.at(next, () => {
        cancel = undefined
        wake()
      })
      return
    }
    busy = true
    next = clock.now() + PAUSE
    lease
      .reportIdle(version)
      .then(
        () => {
          reported = version
          failures = 0
          tell(observer, 'idle', { version })
        },
        error => {
          next = clock.now() + Math.max(PAUSE, backoffDelay(++failures, WATCH_BACKOFF, random))
          tell(observer, 'idleFailed', { error })
        },
      )
      .finally(() => {
        busy = false
        wake()
      })
  }

  const unsubscribe = loop.onIdleChange(wake)
  wake()
  return () => {
    stopped = true
    unsubscribe()
    cancel?.()
  }
}
