import type { Clock } from '../ports/clock.ts'

/** Resolves at `time` (the Clock's milliseconds), or as soon as the signal aborts. */
export const pauseUntil = (clock: Clock, time: number, signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal.aborted) return resolve()
    const end = () => {
      cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const cancel = clock.at(time, end)
    signal.addEventListener('abort', end, { once: true })
  })
