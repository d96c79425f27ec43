import type { Clock } from '../ports/clock.ts'
import { type Backoff, backoffDelay } from '../runtime/backoff.ts'
import { pauseUntil } from '../runtime/pause.ts'
import { LeaseLostError } from '../store/errors.ts'
import type { Log } from '../telemetry/log.ts'

/** Between tries of what the cluster does not let us do now. */
const PAUSE: Backoff = { first: 500, most: 10_000 }
/** Milliseconds between two words on what lasts. */
const EVERY = 60_000

/** What keeps a process from its work is told to people, too: once a minute, as long as it lasts. */
export const troubleTeller = (
  clock: Pick<Clock, 'now'>,
  tell: ((sentence: string) => void) | undefined,
): ((error: unknown) => void) => {
  let told = Number.NEGATIVE_INFINITY
  return error => {
    if (clock.now() - told < EVERY) return
    told = clock.now()
    tell?.(`${error instanceof Error ? error.message : 'unknown'}; it is tried again`)
  }
}

/**
 * Tries until it works, for as long as it takes: for what passes by itself or by somebody's doing, as a server that is away, a right or a definition that is missing.
 * @returns a function that rejects with what trying again cannot mend, or with the last error once the signal aborts
 */
export const patience =
  (options: { clock: Clock; log: Log; tell: (error: unknown) => void; signal: AbortSignal }) =>
  async <T>(act: () => Promise<T>): Promise<T> => {
    const { clock, log, tell, signal } = options
    for (let failures = 1; ; failures++) {
      try {
        return await act()
      } catch (error) {
        if (signal.aborted || isHopeless(error)) throw error
        log.warn('the store cannot be used now; it is tried again', { error })
        tell(error)
      }
      await pauseUntil(clock, clock.now() + backoffDelay(failures, PAUSE, Math.random), signal)
    }
  }

/** A lease that was lost while listing is waited for again. */
const isHopeless = (error: unknown): boolean =>
  (error as { retry?: string }).retry === 'never' && !(error instanceof LeaseLostError)
