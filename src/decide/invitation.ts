import type { Attempt, MembershipSpec, Series } from '../api/membership.ts'
import { timestamp } from '../api/timestamp.ts'
import { claimState } from './claim.ts'
import { currentSeries, DECLARATION, hasDeclined, isJoined, lastAttempt, withdrawAttempts } from './membership.ts'
import { milliseconds } from './time.ts'

const MOST_SERIES = 16

/** What asks for somebody to be invited now: one Invitation that is not being deleted. */
export interface Request {
  uid: string
  /** Made for a declared membership, not written by hand. */
  generated: boolean
  /** Token of a resend that was asked for. */
  resend?: string
}

export type InvitationState = 'Queued' | 'Pending' | 'Accepted' | 'Expired' | 'Declined' | 'Failed' | 'GaveUp'

/** Where the life of one Membership stands, and what comes next. */
export interface Progress {
  state: InvitationState
  /** The last attempt of the series that is on. */
  attempt?: Attempt
  next:
    | { do: 'nothing' }
    /** Look again then: a link expires, somebody else is at it, a pause runs. */
    | { do: 'wait'; until: number }
    /** Hand the same mail over again. No limit counts it. */
    | { do: 'retry'; attempt: Attempt }
    /** Claim a new attempt. An automatic one is not counted against the inviter. */
    | { do: 'claim'; automatic: boolean }
}

/** The state is the first that fits: it needs the record, the time and the limit of attempts, and no status. */
export const progressOf = (
  spec: MembershipSpec,
  at: { now: number; maxAttempts: number; epoch?: number },
): Progress => {
  if (spec.joined) return { state: 'Accepted', next: { do: 'nothing' } }
  const series = currentSeries(spec)
  const attempt = lastAttempt(spec, series)
  const known = attempt && { attempt }
  if (hasDeclined(spec)) return { state: 'Declined', ...known, next: { do: 'nothing' } }
  if (!attempt) return { state: 'Queued', next: series === 0 ? { do: 'nothing' } : { do: 'claim', automatic: false } }
  if (attempt.withdrawnTime !== undefined) return { state: 'Expired', attempt, next: { do: 'nothing' } }

  const claim = claimState(attempt, at.now, at.epoch)
  if (claim.is === 'refused' || claim.is === 'unknown') return { state: 'Failed', attempt, next: { do: 'nothing' } }
  const expires = milliseconds(attempt.expirationTime)
  if (at.now < expires) {
    if (claim.is === 'again' && claim.at <= at.now) return { state: 'Pending', attempt, next: { do: 'retry', attempt } }
    const until = claim.is === 'busy' ? claim.until : claim.is === 'again' ? claim.at : expires
    return { state: 'Pending', attempt, next: { do: 'wait', until: Math.min(until, expires) } }
  }
  if (claim.is === 'busy') return { state: 'Expired', attempt, next: { do: 'wait', until: claim.until } }
  // A mail that certainly never left cost nobody an attempt: the server was down for longer than the link lived.
  if (attempt.outcome === 'NotSent') {
    const due = claim.is === 'again' ? claim.at : at.now
    if (due > at.now) return { state: 'Expired', attempt, next: { do: 'wait', until: due } }
    return { state: 'Expired', attempt, next: { do: 'claim', automatic: attempt.automatic } }
  }
  if (countedAttempts(spec, series) < at.maxAttempts)
    return { state: 'Expired', attempt, next: { do: 'claim', automatic: true } }
  return { state: 'GaveUp', attempt, next: { do: 'nothing' } }
}

/**
 * The record after everything that opens a series was seen: a declaration seen for the first time, an Invitation's uid or a resend token that is not in `series` yet.
 * What comes while a series is under way joins it: one mail, whoever asks. Gives the same object back when there is nothing new.
 */
export const openSeries = (
  spec: MembershipSpec,
  requests: readonly Request[],
  at: { now: number; maxAttempts: number },
): MembershipSpec => {
  const unseen = requests.flatMap(openersOf).filter(opener => !spec.series.some(series => series.openedBy === opener))
  if (unseen.length === 0) return spec
  const joined = isJoined(spec)
  const { state, attempt } = progressOf(spec, at)
  const underWay =
    currentSeries(spec) > 0 &&
    attempt?.withdrawnTime === undefined &&
    (state === 'Queued' || state === 'Pending' || state === 'Expired')
  const resend = unseen.some(opener => opener.startsWith('resend/'))
  const joins = joined || (underWay && !resend)
  const last = Math.max(currentSeries(spec), spec.attempts.at(-1)?.series ?? 0)
  const number = joins ? Math.max(last, 1) : last + 1
  const added = unseen.map((openedBy): Series => ({ number, openedBy, time: timestamp(at.now) }))
  const series = bounded([...spec.series, ...added], new Set(requests.flatMap(openersOf)))
  // More live Invitations of one address than are remembered: the surplus asks for nothing, or it would ask for ever.
  if (!series) return spec
  return joins ? { ...spec, series } : { ...released(withdrawAttempts(spec, at.now), at.now), series }
}

/** What of a request opens a series. */
export const openersOf = (request: Request): string[] => [
  request.generated ? DECLARATION : `invitation/${request.uid}`,
  ...(request.resend === undefined ? [] : [`resend/${request.resend}`]),
]

/** Nobody asks for this person any more: no link works from now on. Nothing changes for who has joined. */
export const withdraw = (spec: MembershipSpec, now: number): MembershipSpec =>
  isJoined(spec) ? spec : withdrawAttempts(spec, now)

/** Attempts of a series that may have reached somebody. */
export const countedAttempts = (spec: Pick<MembershipSpec, 'attempts'>, series: number): number =>
  spec.attempts.filter(attempt => attempt.series === series && attempt.outcome !== 'NotSent').length

/** A new series makes void what ended the one before. */
const released = (spec: MembershipSpec, now: number): MembershipSpec => {
  const { joined: _joined, ended: _ended, ...rest } = spec
  return {
    ...rest,
    ...(spec.left && { left: { released: timestamp(now), ...spec.left } }),
    ...(spec.declined && { declined: { released: timestamp(now), ...spec.declined } }),
  }
}

/** The newest, never without one that a live request opened: forgetting that would open it again. Undefined when there is no room. */
const bounded = (series: Series[], live: ReadonlySet<string>): Series[] | undefined => {
  const kept = [...series]
  while (kept.length > MOST_SERIES) {
    const oldest = kept.findIndex(one => !live.has(one.openedBy))
    if (oldest === -1) return undefined
    kept.splice(oldest, 1)
  }
  return kept
}
