import { setImmediate } from 'node:timers/promises'
import type { LicensePool } from '../api/licensepool.ts'
import type { Membership } from '../api/membership.ts'
import type { User } from '../api/user.ts'
import { isJoined, isUnsettled } from '../decide/membership.ts'
import { factsOf, type PoolMember, persons, qualify } from '../decide/qualification.ts'
import type { SeatCandidate } from '../decide/seats.ts'
import type { Cache } from '../runtime/reconciler.ts'
import { isPaused, organizationsBelow, settingsFor, type World } from './context.ts'
import { isGenerated, requestsOf } from './people.ts'

/** After so many people, everybody else gets a turn: the portal answers while a large pool is gone through. What changes meanwhile wakes the pool again. */
const TURN = 2000

/** Who qualifies for the seats of a pool, read in one go over its organization (and those below, where it is shared). */
export interface PoolMembers {
  candidates: SeatCandidate[]
  /** Holder → the memberships by which they qualify, in the order of `since`. */
  memberships: Map<string, Membership[]>
  /** Holders whose keys are mailed → their addresses. */
  mailed: Map<string, readonly string[]>
  /** When time alone may change this; milliseconds. */
  until: number | undefined
  /** What is wrong with the expression, and with how many people. */
  failing: { problem: string; people: number } | undefined
}

export const membersOf = async (
  world: Pick<World, 'cache' | 'clock' | 'groups'>,
  pool: LicensePool,
): Promise<PoolMembers> => {
  const now = world.clock.now()
  const candidates: SeatCandidate[] = []
  const memberships = new Map<string, Membership[]>()
  const mailing = new Set<string>()
  let looked = 0
  let until: number | undefined
  let failing: PoolMembers['failing']
  for (const organization of organizationsOf(world.cache, pool)) {
    const found = settingsFor(world, organization)
    if (!found) continue
    const { domains, invitations } = found.settings
    for (const membership of world.cache.by('Membership', 'organization', organization)) {
      if (++looked % TURN === 0) await setImmediate()
      const user = userOf(world.cache, membership)
      const member: PoolMember = {
        membership: membership.spec,
        user: user && {
          ...user.metadata,
          labels: user.metadata.labels ?? {},
          spec: user.spec,
          ...(user.status && { status: user.status }),
        },
        domains,
        maxAttempts: invitations.maxAttempts,
      }
      const granting = grantingRoles(world.cache, membership)
      const prospect = prospectOf(world, member, granting)
      const qualified = qualify(
        { name: pool.metadata.name, spec: pool.spec },
        { ...member, awaitsGrant: granting.length > 0, ...(prospect && { prospect }) },
        now,
      )
      if (!qualified) continue
      const { candidate, problem } = qualified
      candidates.push(candidate)
      memberships.set(candidate.holder, [...(memberships.get(candidate.holder) ?? []), membership])
      if (qualified.mailed) mailing.add(candidate.holder)
      if (qualified.until !== undefined) until = Math.min(until ?? qualified.until, qualified.until)
      if (problem !== undefined) failing = { problem: failing?.problem ?? problem, people: (failing?.people ?? 0) + 1 }
    }
  }
  for (const own of memberships.values()) own.sort((a, b) => (a.spec.since < b.spec.since ? -1 : 1))
  const people = persons(candidates)
  return {
    candidates: people,
    memberships,
    mailed: new Map(people.flatMap(one => (mailing.has(one.holder) ? [[one.holder, one.addresses] as const] : []))),
    until,
    failing,
  }
}

/** What groups would give somebody whose access is not settled: who is invited, or has just joined. */
const prospectOf = (
  { groups }: Pick<World, 'groups'>,
  member: PoolMember,
  granting: readonly string[],
): PoolMember['prospect'] => {
  const { membership, user } = member
  if (membership.joined && !isUnsettled(membership) && granting.length === 0) return undefined
  if (!user) return granting.length > 0 ? { groups: [], roles: granting } : undefined
  const candidate = { name: user.name, facts: factsOf(member), settled: [] }
  const found = groups.groupsOf(candidate, membership.organization)
  return found.length > 0
    ? { groups: found.map(one => one.group), roles: found.flatMap(one => groups.rolesThrough(one)) }
    : undefined
}

/** Roles of Invitations that somebody who joined has accepted, as long as they are not noted in the record. */
const grantingRoles = (cache: Cache, { spec }: Membership): string[] =>
  isJoined(spec)
    ? requestsOf(cache, spec.organization, spec.address)
        .filter(
          one => !isGenerated(one) && !isPaused(one) && !spec.grants.some(grant => grant.uid === one.metadata.uid),
        )
        .flatMap(one => one.spec.roles ?? [])
    : []

/** Organizations whose members may get seats of the pool. */
const organizationsOf = (cache: Cache, { spec }: LicensePool): string[] =>
  spec.shared ? organizationsBelow(cache, spec.organization) : [spec.organization]

/** How many memberships a pass over the pool looks at. */
export const sizeOf = (cache: Cache, pool: LicensePool): number =>
  organizationsOf(cache, pool).reduce((sum, name) => sum + cache.by('Membership', 'organization', name).length, 0)

/** Pools that members of an organization may have seats of: its own, and shared ones above. */
export const poolsFor = (cache: Cache, organization: string): string[] => {
  const names: string[] = []
  const seen = new Set<string>()
  for (let at: string | undefined = organization; at !== undefined && !seen.has(at); ) {
    seen.add(at)
    for (const pool of cache.by('LicensePool', 'organization', at))
      if (at === organization || pool.spec.shared) names.push(pool.metadata.name)
    at = cache.get('Organization', at)?.spec.parent
  }
  return names
}

/** Why a licence that is given to a User by name brings no seat: the pool is not there, or the person has no membership that it reaches. */
export const licenseProblem = (cache: Cache, user: User): string | undefined => {
  const places = (user.spec.memberships ?? []).filter(one => one.state !== 'Ended').map(one => one.organization)
  for (const { spec } of cache.by('Membership', 'userUid', user.metadata.uid)) places.push(spec.organization)
  for (const { pool: name } of user.spec.licenses ?? []) {
    const pool = cache.get('LicensePool', name)
    if (!pool) return `license pool ${name} does not exist`
    if (!places.some(place => poolsFor(cache, place).includes(name)))
      return `license pool ${name} belongs to ${pool.spec.organization}, where the person has no membership`
  }
  return undefined
}

/** The User that claims a membership, if it is still the same life of it. */
const userOf = (cache: Cache, { spec }: Membership): User | undefined => {
  const claimed = spec.user && cache.get('User', spec.user.name)
  return claimed?.metadata.uid === spec.user?.uid ? claimed : undefined
}
