import type { LicensePoolSpec } from '../api/licensepool.ts'
import type { MembershipSpec } from '../api/membership.ts'
import type { UserSpec } from '../api/user.ts'
import { isExternal, normalizeAddress } from './address.ts'
import { standingOf, suspensionOf } from './can.ts'
import { compileExpression, type ExpressionUser } from './cel.ts'
import { matchesGlob } from './glob.ts'
import { progressOf } from './invitation.ts'
import { isUnsettled } from './membership.ts'
import type { SeatCandidate } from './seats.ts'
import { milliseconds } from './time.ts'

/** One membership of somebody, with what else decides whether it brings a seat. */
export interface PoolMember {
  membership: MembershipSpec
  /** The User that claims the membership; undefined while nobody does. */
  user:
    | {
        name: string
        uid: string
        labels: Readonly<Record<string, string>>
        spec: UserSpec
        status?: { state?: string }
      }
    | undefined
  /** Of the organization of the membership. */
  domains: readonly string[]
  maxAttempts: number
  /** Whether an accepted Invitation's roles are still to be noted in the record. */
  awaitsGrant?: boolean
  /** Of somebody whose access is not settled: what the groups that name them and Invitations just accepted would give. */
  prospect?: { roles: readonly string[]; groups: readonly string[] }
}

/** That somebody qualifies, or that it cannot be said because the expression of the pool fails. */
export interface Qualification {
  candidate: SeatCandidate
  /** When time alone may change the answer: an invitation runs out, a membership ends. Milliseconds. */
  until?: number
  /** What is wrong with the expression. */
  problem?: string
  /** Each key is mailed to them. */
  mailed: boolean
}

/**
 * Whether a membership brings its person seats of a pool, how many, and which place in line. Undefined: it does not.
 *
 * Reads settled access alone, with `until`, `ended`, `left` and suspension judged on top. An invited person has none yet:
 * theirs are the declared roles, those that the mail named, and their prospect; and so for somebody who has just joined ({@link isPending}). They qualify from the first claim of a mail until they decline, the link is withdrawn, or all attempts are used up.
 *
 * A licence given by name (`User.spec.licenses`) needs no selector, says how many seats, and takes the place of what the selector would give: one person, one allotment.
 */
export const qualify = (
  pool: { name: string; spec: LicensePoolSpec },
  member: PoolMember,
  now: number,
): Qualification | undefined => {
  const { membership, user } = member
  const { spec } = pool
  const suspended = suspensionOf(user)
  const standing = standingOf(membership, { suspended, now })
  const until: number[] = []
  if (membership.declared?.until !== undefined) until.push(milliseconds(membership.declared.until))

  let state: SeatCandidate['state']
  if (standing === 'Active' || standing === 'Restricted') state = isPending(member) ? 'Reserved' : 'Used'
  else if (standing === 'Invited' && (spec.reserveForInvited ?? true)) {
    const open = openInvitation(member, now)
    if (!open) return undefined
    until.push(open.expires)
    state = 'Reserved'
  } else return undefined

  const license = user?.spec.licenses?.find(one => one.pool === pool.name)
  const access = accessOf(member)
  let problem: string | undefined
  if (!license) {
    if (!spec.selector || !matches(spec.selector, access)) return undefined
    const { external, skip, expression } = spec.selector
    if (skip?.some(pattern => matchesAddress(pattern, membership.address))) return undefined
    // Only where it is asked for: domains take longer to compare than all the rest.
    const facts = external === 'Exclude' || expression !== undefined ? factsOf(member) : undefined
    if (external === 'Exclude' && facts?.external) return undefined
    if (expression !== undefined && facts) {
      const evaluation = compileExpression(expression).evaluate(facts)
      if ('error' in evaluation) problem = evaluation.error
      else if (!evaluation.ok) return undefined
    }
  }

  const step = spec.priority?.findIndex(one => matches(one, access)) ?? -1
  const due = until.filter(time => time > now)
  return {
    candidate: {
      holder: user ? `user/${user.uid}` : `address/${membership.address}`,
      addresses: [...new Set([membership.address, ...addressesOf(user?.spec)])],
      quantity: license?.quantity ?? spec.perUser ?? 1,
      state,
      rank: step === -1 ? (spec.priority?.length ?? 0) : step,
      since: membership.since,
      ...(problem !== undefined && { unsure: true }),
    },
    ...(due.length > 0 && { until: Math.min(...due) }),
    ...(problem !== undefined && { problem }),
    mailed: license?.sendToEmail ?? spec.sendToEmail ?? false,
  }
}

/** The candidates as persons: several memberships of one holder are one allotment, at the best of their places. */
export const persons = (candidates: Iterable<SeatCandidate>): SeatCandidate[] => {
  const all = new Map<string, SeatCandidate>()
  for (const one of candidates) {
    const known = all.get(one.holder)
    all.set(one.holder, known ? united(known, one) : one)
  }
  return [...all.values()]
}

const united = (a: SeatCandidate, b: SeatCandidate): SeatCandidate => {
  const sure = !(a.unsure && b.unsure)
  const [first, second] = a.since < b.since || (a.since === b.since && firstOf(a) <= firstOf(b)) ? [a, b] : [b, a]
  const { unsure: _, ...rest } = first
  return {
    ...rest,
    addresses: [...new Set([...first.addresses, ...second.addresses])],
    quantity: Math.max(a.quantity, b.quantity),
    state: a.state === 'Used' || b.state === 'Used' ? 'Used' : 'Reserved',
    rank: Math.min(a.rank, b.rank),
    ...(!sure && { unsure: true }),
  }
}
const firstOf = (candidate: SeatCandidate): string => candidate.addresses[0] ?? ''

/** What an expression sees of the person behind a membership. */
export const factsOf = ({ membership, user, domains }: Omit<PoolMember, 'maxAttempts'>): ExpressionUser => {
  const email = normalizeAddress(user?.spec.email ?? membership.address)
  return {
    name: user?.name ?? '',
    labels: user?.labels ?? {},
    email,
    external: isExternal(email, domains),
    locale: user?.spec.locale,
    givenName: user?.spec.givenName,
    familyName: user?.spec.familyName,
  }
}

/** The invitation that may still bring the person in; `expires` is when its state may change next. */
const openInvitation = ({ membership, maxAttempts }: PoolMember, now: number): { expires: number } | undefined => {
  const { state, attempt } = progressOf(membership, { now, maxAttempts })
  if (!attempt || attempt.withdrawnTime !== undefined) return undefined
  const expires = milliseconds(attempt.expirationTime)
  if (state === 'Pending' || state === 'Expired') return { expires }
  // The mail may have arrived though nobody knows: the link works.
  return state === 'Failed' && attempt.outcome !== 'Refused' && now < expires ? { expires } : undefined
}

interface Access {
  roles: readonly string[]
  groups: readonly string[]
}

/** Whether somebody joined and has not got yet what they were invited for: in between they count as invited, or their seat would go to whoever waits. */
const isPending = ({ membership, awaitsGrant }: PoolMember): boolean => isUnsettled(membership) || awaitsGrant === true

const accessOf = (member: PoolMember): Access => {
  const { membership, prospect } = member
  const { settled, declared, attempts } = membership
  const { roles, groups } = settled ?? { roles: [], groups: [] }
  if (membership.joined && !isPending(member)) return { roles, groups }
  return {
    roles: [...roles, ...(declared?.roles ?? []), ...(attempts.at(-1)?.roles ?? []), ...(prospect?.roles ?? [])],
    groups: [...groups, ...(prospect?.groups ?? [])],
  }
}

/** AND between the fields, OR within one. */
const matches = (
  criteria: { roles?: readonly string[]; groups?: readonly string[] },
  { roles, groups }: Access,
): boolean =>
  (criteria.roles?.some(role => roles.includes(role)) ?? true) &&
  (criteria.groups?.some(group => groups.includes(group)) ?? true)

const addressesOf = (user: UserSpec | undefined): string[] =>
  user ? [user.email, ...(user.aliases ?? [])].map(normalizeAddress) : []

/** `*` is any run of characters; upper and lower case are the same. */
export const matchesAddress = (pattern: string, address: string): boolean =>
  matchesGlob(normalizeAddress(pattern), address)
