import type { Attempt, Grant, MembershipSpec } from '../api/membership.ts'
import { timestamp } from '../api/timestamp.ts'
import { compareAccess, isNothing } from './losses.ts'
import { milliseconds } from './time.ts'

type Spec = MembershipSpec
type Record = Pick<Spec, 'joined' | 'left' | 'ended'>

/** Whether the person belongs to the organization now: joined, neither left nor ended since. */
export const isJoined = (spec: Record): boolean =>
  spec.joined !== undefined && spec.ended === undefined && (spec.left === undefined || spec.left.released !== undefined)

/** Whether the person left by themselves, and nothing has made that void since. */
export const hasLeft = (spec: Record): boolean => spec.left !== undefined && spec.left.released === undefined

/** Whether the person declined, and nothing has made that void since. */
export const hasDeclined = (spec: Pick<Spec, 'declined'>): boolean =>
  spec.declined !== undefined && spec.declined.released === undefined

/**
 * Somebody joined, and their access is not settled yet in this life of the membership, or not since an Invitation granted them roles.
 * For this moment they count as invited, or the seat that was kept for them would go to whoever waits.
 */
export const isUnsettled = (spec: Record & Pick<Spec, 'settled' | 'grants'>): boolean => {
  const { joined, settled, grants } = spec
  if (joined === undefined || !isJoined(spec)) return false
  return settled === undefined || settled.time < joined.time || grants.some(grant => grant.time > settled.time)
}

/** When access is settled that was worked out at `now`: never before what it was worked out from. */
export const settlingTime = (spec: Pick<Spec, 'joined' | 'grants'>, now: string): string =>
  [...spec.grants.map(grant => grant.time), spec.joined?.time ?? now].reduce((a, b) => (a > b ? a : b), now)

/** When an Invitation grants at `now`: after the joining, and after access was last settled without it. */
export const grantingTime = (spec: Pick<Spec, 'joined' | 'settled'>, now: number): string =>
  timestamp(
    Math.max(
      now,
      ...(spec.joined ? [milliseconds(spec.joined.time)] : []),
      ...(spec.settled ? [milliseconds(spec.settled.time) + 1] : []),
    ),
  )

/** Grants of the present life of the membership: what was granted before somebody ended or left and joined anew counts no more. */
export const activeGrants = (spec: Pick<Spec, 'joined' | 'left' | 'ended' | 'grants'>): Grant[] => {
  const { joined } = spec
  return joined && isJoined(spec) ? spec.grants.filter(grant => grant.time >= joined.time) : []
}

export const lastAttempt = (spec: Pick<Spec, 'attempts'>, series?: number): Attempt | undefined =>
  spec.attempts.findLast(attempt => series === undefined || attempt.series === series)

/** Number of the series that is on, 0 where there is none. */
export const currentSeries = (spec: Pick<Spec, 'series' | 'attempts'>): number => spec.series.at(-1)?.number ?? 0

/** Kills every link that may still work, and ends the series that the last attempt belongs to. Gives the same object back when nothing is left to kill. */
export const withdrawAttempts = (spec: Spec, now: number): Spec => {
  const last = spec.attempts.at(-1)
  const dies = (attempt: Attempt) =>
    attempt.withdrawnTime === undefined && (attempt === last || milliseconds(attempt.expirationTime) > now)
  if (!spec.attempts.some(dies)) return spec
  const withdrawnTime = timestamp(now)
  return { ...spec, attempts: spec.attempts.map(attempt => (dies(attempt) ? { ...attempt, withdrawnTime } : attempt)) }
}

/**
 * A declaration that was absent, or said `Ended`, is there again: it is as if seen for the first time.
 * Whoever left, declined or was ended may be invited anew; what was granted before is gone.
 */
export const declarationReturns = (spec: Spec, now: number): Spec => {
  const { joined, ended: _ended, ...rest } = withdrawAttempts(forgetDeclaration(spec), now)
  return {
    ...rest,
    ...(joined && isJoined(spec) && { joined }),
    ...(spec.left && { left: { released: timestamp(now), ...spec.left } }),
    ...(spec.declined && { declined: { released: timestamp(now), ...spec.declined } }),
  }
}

/** The declaration's series is over: when it is seen again, it opens a new one. */
export const forgetDeclaration = (spec: Spec): Spec =>
  spec.series.some(series => series.openedBy === DECLARATION)
    ? { ...spec, series: spec.series.filter(series => series.openedBy !== DECLARATION) }
    : spec

/** Whether the second state has less than the first: the person no longer belongs, or the settled access lost something. Writing it needs a permit. */
export const takesAccess = (before: Spec, after: Spec): boolean => {
  if (isJoined(before) && !isJoined(after)) return true
  if (!before.settled || before.settled === after.settled) return false
  const { losses } = compareAccess(before.settled, {
    roles: [],
    groups: [],
    permissions: [],
    ...after.settled,
  })
  return !isNothing(losses)
}

/** `openedBy` of a series that a declared membership opened. */
export const DECLARATION = 'declaration'

/** A record in which nothing has happened yet. */
export const newMembership = (of: {
  organization: string
  address: string
  user?: Spec['user']
  declared?: Spec['declared']
  nonce: Buffer
  now: number
}): Spec => ({
  organization: of.organization,
  address: of.address,
  ...(of.user && { user: of.user }),
  since: timestamp(of.now),
  nonce: of.nonce.toString('base64url'),
  series: [],
  attempts: [],
  mails: [],
  ...(of.declared && { declared: of.declared }),
  grants: [],
})
