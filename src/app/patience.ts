import type { Clock } from '../ports/clock.ts'
import { type Backoff, backoffDelay } from '../runtime/backoff.ts'
import { pauseUntil } from '../runtime/pause.ts'
import { LeaseLostError, StoreUnusableError } from '../store/errors.ts'
import type { Log } from '../telemetry/log.ts'
import { RecordsLostError } from './recordloss.ts'

/** Between tries of what the cluster does not let us do now. */
const PAUSE: Backoff = { first: 500, most: 10_000 }
/** Milliseconds between two words on what lasts. */
const EVERY = 60_000

/** Passes on the first of what comes within a minute. */
export const onceAMinute = <T>(clock: Pick<Clock, 'now'>, tell: (what: T) => void): ((what: T) => void) => {
  let told = Number.NEGATIVE_INFINITY
  return what => {
    if (clock.now() - told < EVERY) return
    told = clock.now()
    tell(what)
  }
}

/** What keeps a process from its work is told to people, too: once a minute, as long as it lasts. */
export const troubleTeller = (
  clock: Pick<Clock, 'now'>,
  tell: ((sentence: string) => void) | undefined,
): ((error: unknown) => void) =>
  onceAMinute(clock, error => {
    const remedy = error instanceof StoreUnusableError ? `; ${error.remedy}` : ''
    tell?.(`${error instanceof Error ? error.message : 'unknown'}${remedy}; it is tried again`)
  })

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

/** A lease that was lost while listing is waited for again; records that are gone may come back. */
const isHopeless = (error: unknown): boolean =>
  (error as { retry?: string }).retry === 'never' &&
  !(error instanceof LeaseLostError) &&
  !(error instanceof RecordsLostError)
