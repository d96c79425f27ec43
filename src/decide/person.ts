import type { UserMembership } from '../api/user.ts'
import { endOf, startOf } from './time.ts'

/** What a declaration says of one membership at one time. Times in milliseconds. */
export type Standing =
  /** Not yet: from then on; or never, where `until` comes first. */
  | { is: 'waiting'; from: number; until?: number }
  | { is: 'open'; until?: number }
  | { is: 'over'; why: 'Ended' | 'Until'; until?: number }
  /** No such membership is declared. */
  | { is: 'absent' }

/** `Ended` before all; then `until`, so that a membership whose time has passed never begins; then `from`. */
export const standingOf = (entry: UserMembership | undefined, at: { now: number; timeZone: string }): Standing => {
  if (!entry) return { is: 'absent' }
  if (entry.state === 'Ended') return { is: 'over', why: 'Ended' }
  const until = entry.until === undefined ? undefined : endOf(entry.until, at.timeZone)
  if (until !== undefined && until <= at.now) return { is: 'over', why: 'Until', until }
  const from = entry.from === undefined ? undefined : startOf(entry.from, at.timeZone)
  if (from !== undefined && at.now < from) return { is: 'waiting', from, ...(until !== undefined && { until }) }
  return { is: 'open', ...(until !== undefined && { until }) }
}

export type PlaceState = 'Invited' | 'Active' | 'Restricted' | 'Suspended' | 'Ended' | 'Left' | 'Waiting'

/** The most that somebody is anywhere, for display. */
export const mostOf = (states: readonly PlaceState[]): Exclude<PlaceState, 'Waiting'> | undefined =>
  (['Active', 'Restricted', 'Invited', 'Suspended', 'Left', 'Ended'] as const).find(state => states.includes(state))

/** When a standing changes by itself, undefined for one that does not. */
export const turnsAt = (standing: Standing): number | undefined => {
  if (standing.is === 'open') return standing.until
  if (standing.is === 'waiting') return Math.min(standing.from, standing.until ?? standing.from)
  return undefined
}
