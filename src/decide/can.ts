import type { MembershipSpec } from '../api/membership.ts'
import { ADMIN_PERMISSIONS } from '../api/names.ts'
import type { Role } from '../api/role.ts'
import { hasDeclined, hasLeft } from './membership.ts'
import { permissionsOf, verdictOf, type Where } from './permissions.ts'
import { milliseconds } from './time.ts'

/** Where somebody stands in one organization, judged at a time. Only `Active` and `Restricted` may do or see anything. */
export type Standing = 'Active' | 'Restricted' | 'Invited' | 'Declined' | 'Suspended' | 'Ended' | 'Left'

/**
 * The standing that a Membership says at a time, with `until`, `ended`, `left` and the person's suspension judged on top of the settled access:
 * an end holds at its second, whether or not a pass has run since.
 */
export const standingOf = (
  membership: MembershipSpec,
  { suspended, now }: { suspended: Suspension; now: number },
): Standing => {
  if (membership.ended) return 'Ended'
  if (membership.declared?.until !== undefined && milliseconds(membership.declared.until) <= now) return 'Ended'
  if (hasLeft(membership)) return 'Left'
  if (suspended === 'shown' || isSuspensionInForce(membership, suspended)) return 'Suspended'
  if (!membership.joined) return hasDeclined(membership) ? 'Declined' : 'Invited'
  return membership.settled?.roles.length ? 'Active' : 'Restricted'
}

/** Whether a person is declared suspended; `shown`: and was seen to be so everywhere by the pass before. */
export type Suspension = boolean | 'shown'

/**
 * The suspension of a person. What their status shows counts whatever the records say: before suspensions were settled (0.1 without the guard) a declared one
 * was in force at once, and nobody who is suspended may be let in between an upgrade and the first pass after it.
 */
export const suspensionOf = (
  user: { spec: { suspended?: boolean }; status?: { state?: string } } | undefined,
): Suspension => (user?.spec.suspended !== true ? false : user.status?.state === 'Suspended' ? 'shown' : true)

/**
 * Whether a suspension counts here: of a person everywhere, or of who stands on a directory in its organization. Suspending somebody who belongs takes something from them,
 * and is in force once it is settled; until then only who has nothing yet is kept out by what is declared.
 */
const isSuspensionInForce = ({ joined, settled }: MembershipSpec, suspended: Suspension): boolean =>
  joined === undefined || settled === undefined ? suspended !== false : settled.suspended === true

/** One membership of the person in question, or of an organization above the one asked about. */
export interface CanInput {
  /** A concrete `area:verb`. */
  permission: string
  /** The organization asked about, its parent, and so on up to the root. */
  chain: readonly string[]
  /** All memberships of the person; those elsewhere do not matter. */
  memberships: Iterable<MembershipSpec>
  suspended: Suspension
  /** Milliseconds. */
  now: number
}

/** What one membership has to do with the answer. */
export interface CanWay {
  organization: string
  where: Where
  standing: Standing
  says: 'allowed' | 'denied' | 'silent'
}

export interface CanAnswer {
  may: boolean
  because: 'Allowed' | 'Denied' | 'NotGiven' | 'NoMembership' | Exclude<Standing, 'Active' | 'Restricted'>
  /** Nearest organization first. */
  ways: CanWay[]
}

/**
 * From where a membership looks at the first organization of a chain. Which organizations it reaches down to is settled with its access;
 * where that is not written down yet, all that are declared below.
 */
const whereFrom = ({ organization, settled }: MembershipSpec, chain: readonly string[]): Where | undefined => {
  const [asked = ''] = chain
  if (organization === asked) return 'here'
  const reaches = settled?.reach ? settled.reach.includes(asked) : chain.includes(organization)
  return reaches ? 'below' : undefined
}

/**
 * Whether a person may do something in an organization: some membership there or above gives it, and none denies it.
 * Reads only settled access. A membership that is not in force (invited, suspended, ended, left) neither gives nor denies.
 */
export const canDo = ({ permission, chain, memberships, suspended, now }: CanInput): CanAnswer => {
  const ways: CanWay[] = []
  for (const membership of memberships) {
    const where = whereFrom(membership, chain)
    if (where === undefined) continue
    ways.push({
      organization: membership.organization,
      where,
      standing: standingOf(membership, { suspended, now }),
      says: verdictOf(membership.settled?.permissions ?? [], permission, where),
    })
  }
  const distance = ({ organization }: CanWay) =>
    chain.includes(organization) ? chain.indexOf(organization) : chain.length
  ways.sort((a, b) => distance(a) - distance(b))
  const inForce = ways.filter(way => way.standing === 'Active' || way.standing === 'Restricted')
  if (inForce.some(way => way.says === 'denied')) return { may: false, because: 'Denied', ways }
  if (inForce.some(way => way.says === 'allowed')) return { may: true, because: 'Allowed', ways }
  const barred = ways.find(way => way.says === 'allowed') ?? ways.find(way => way.where === 'here')
  const standing = barred?.standing
  if (standing !== undefined && standing !== 'Active' && standing !== 'Restricted')
    return { may: false, because: standing, ways }
  return { may: false, because: ways.length > 0 ? 'NotGiven' : 'NoMembership', ways }
}

/** Which of these roles give or deny a permission, as declared now: the last step of `why`. */
export const rolesThatSay = (
  permission: string,
  where: Where,
  roles: Iterable<Role>,
): { role: string; says: 'allowed' | 'denied' }[] => {
  const saying: { role: string; says: 'allowed' | 'denied' }[] = []
  for (const role of roles) {
    const says = verdictOf(permissionsOf([role.spec]), permission, where)
    if (says !== 'silent') saying.push({ role: role.metadata.name, says })
  }
  return saying
}

/** Whether somebody is an admin there: an active holder of one of the permissions that make one. */
export const isAdmin = (input: Omit<CanInput, 'permission'>): boolean => {
  const memberships = [...input.memberships]
  return ADMIN_PERMISSIONS.some(permission => canDo({ ...input, memberships, permission }).may)
}
