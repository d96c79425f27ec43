/** Time, as an argument. One per process; tests drive it. */
export interface Clock {
  /** Milliseconds since 1970, never going back within a process. */
  now(): number
  /** Calls back once, at or after `time` (same scale as `now`). @returns a function that calls it off */
  at(time: number, callback: () => void): () => void
  /** Set while the clock jumped by more than 10 minutes against expectation: removals that a clock drives are held. */
  readonly suspect: boolean
}

export { timestamp } from '../api/timestamp.ts'
