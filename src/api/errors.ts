import type { Reason } from './names.ts'

/** How an error is met: tried again with growing pauses, again at the next change, or never. */
export type Retry = 'backoff' | 'wait' | 'never'

/** Base of all errors that Roster throws on purpose. `reason` becomes the condition, `message` says what is wrong, where, and what to do. */
export abstract class RosterError extends Error {
  abstract readonly retry: Retry
  abstract readonly reason: Reason
  override get name(): string {
    return this.constructor.name
  }
}

/** Whether a write lost a race: something else was first. Nothing was written; read again and decide anew. */
export const isConflict = (error: unknown): error is RosterError =>
  error instanceof RosterError && error.reason === 'Conflict' && error.retry === 'backoff'
