import type { Membership, MembershipSpec } from '../api/membership.ts'
import { timestamp } from '../api/timestamp.ts'
import { type DerivedAccess, type DirectRole, deriveAccess } from '../decide/access.ts'
import { suspensionOf } from '../decide/can.ts'
import { isBroughtForward, type Loss, makesAdmin, reachText, withoutLosing } from '../decide/loss.ts'
import { type AccessComparison, type AccessDifference, compareAccess, isNothing } from '../decide/losses.ts'
import { activeGrants, isJoined, isUnsettled, settlingTime, takesAccess } from '../decide/membership.ts'
import { declaredAt, organizationsUnder, recordEvent, refOf, settingsFor } from './context.ts'
import { userFacts } from './people.ts'
import { asking, permitFor, permitForNothing } from './permits.ts'
import type { Place, PlaceResult } from './placepass.ts'
import { causeOf, explained, producerOf, quiet, sameSpec, waitingFor } from './placepass.ts'

/**
 * Brings the access in force to what the declarations give: gains at once, losses with a permit. Without one, all that takes nothing is written.
 * Where the place of the organization is not settled, the access stays as it is.
 * @param wanted the record as it is to be, but for the access
 */
export const settle = async (
  place: Place,
  found: Membership,
  wished: MembershipSpec,
): Promise<{ record: Membership; result: PlaceResult }> => {
  const { world, user, organization, problem } = place
  const record = await withoutGone(place, await withSuspension(place, found))
  const wanted = record === found ? wished : { ...wished, ...(record.spec.settled && { settled: record.spec.settled }) }
  const base = withoutLosing(wanted)
  const derived = { ...derive(place, base), ...(user.spec.suspended && { suspended: true as const }) }
  const comparison = compareAccess(base.settled, derived)
  const time = settlingTime(base, timestamp(place.now))
  const result = (spec: MembershipSpec): PlaceResult => {
    const roles = spec.settled?.roles ?? []
    const suspended = user.spec.suspended && (!spec.settled || spec.settled.suspended)
    return {
      organization,
      state: suspended ? 'Suspended' : roles.length > 0 ? 'Active' : 'Restricted',
      roles,
      via: derived.via,
      ...problemOf(place, derived),
    }
  }
  const until = endThatTakes(place, record.spec, base)
  // Also access that is none is settled anew in each life of a membership: until then nobody knows that it is none.
  if (problem || (comparison.equal && until === undefined && !isUnsettled(base))) {
    const written = await write(place, record, problem ? wanted : base)
    return { record: written, result: result(written.spec) }
  }

  const { roles, groups, permissions } = derived
  const suspension = derived.suspended && { suspended: true as const }
  const whole: MembershipSpec = {
    ...base,
    settled: { roles, groups, permissions, ...reachOf(derived), ...suspension, time },
  }
  const what = { ...explained(place, 'grant', 'access'), changes: changesOf(place, comparison) }
  const takes = takesAccess(record.spec, whole)
  if (!takes && until === undefined) {
    const written = await world.effects.updateMembership(record, whole, what)
    return { record: written, result: result(written.spec) }
  }
  const because = takes
    ? `${declaredAt(user)} no longer gives ${listed(comparison)}`
    : `${declaredAt(user)} brings the end forward to ${until}`
  const loss: Loss = { is: 'access', losses: comparison.losses, ...(until !== undefined && { until }) }
  const cause = causeOf(place, because)
  const decision = permitFor(world, record, loss, cause)
  if ('permit' in decision) {
    const written = await world.effects.takeAccess(record, whole, decision.permit, what)
    await recordEvent(world, refOf(user), 'Normal', 'AccessTaken', because)
    return { record: written, result: result(written.spec) }
  }
  const { settledAfterGains } = comparison
  const unchanged = compareAccess(base.settled, settledAfterGains).equal
  const kept = until === undefined ? base : { ...base, ...endAsBefore(record.spec, base) }
  const partly = unchanged ? kept : { ...kept, settled: { ...settledAfterGains, time } }
  const isAdmin = makesAdmin(base.settled?.permissions ?? [])
  const admin = isAdmin && (until !== undefined || derived.suspended === true || !makesAdmin(permissions))
  const gains = {
    ...what,
    changes: isNothing(comparison.gains) ? [] : changesOf(place, { ...comparison, losses: NONE }),
  }
  const written = await write(place, record, asking(world, partly, record.spec, loss, cause, admin), gains)
  return { record: written, result: { ...result(written.spec), ...waitingFor(decision) } }
}

/**
 * The record with a suspension in it that was in force before such things were settled: nobody loses anything by writing down what is so,
 * and what the guard would hold as new has been old for long.
 */
const withSuspension = async (place: Place, record: Membership): Promise<Membership> => {
  const { world, user } = place
  const { settled, losing } = record.spec
  if (suspensionOf(user) !== 'shown' || !isJoined(record.spec) || !settled || settled.suspended || losing?.suspended)
    return record
  const { permit } = permitForNothing(`${declaredAt(user)} was suspended before`, producerOf(user))
  const spec: MembershipSpec = { ...record.spec, settled: { ...settled, suspended: true } }
  return world.effects.takeAccess(record, spec, permit, quiet(place))
}

/** The record without organizations below that are no more: nobody had anything there, and who makes one of the same name anew starts without them. */
const withoutGone = async (place: Place, record: Membership): Promise<Membership> => {
  const { world, user } = place
  const { settled } = record.spec
  const reach = settled?.reach?.filter(one => world.cache.get('Organization', one))
  if (!settled || !reach || reach.length === settled.reach?.length) return record
  const { permit } = permitForNothing(`${declaredAt(user)} reached down to what is gone`, producerOf(user))
  return world.effects.takeAccess(record, { ...record.spec, settled: { ...settled, reach } }, permit, quiet(place))
}

const NONE: AccessDifference = { roles: [], groups: [], permissions: [] }

const write = (
  { world, user, organization }: Place,
  record: Membership,
  spec: MembershipSpec,
  what = quiet({ user, organization }),
): Promise<Membership> | Membership =>
  sameSpec(record.spec, spec) ? record : world.effects.updateMembership(record, spec, what)

/** The declared end, where it is brought forward so near that it takes something. */
const endThatTakes = ({ now }: Place, before: MembershipSpec, wanted: MembershipSpec): string | undefined => {
  const [was, is] = [before.declared?.until, wanted.declared?.until]
  return before.settled && isJoined(before) && isBroughtForward(was, is, now) ? is : undefined
}

const endAsBefore = (before: MembershipSpec, { declared }: MembershipSpec): Pick<MembershipSpec, 'declared'> => {
  if (!declared) return {}
  const { until: _, ...rest } = declared
  const until = before.declared?.until
  return { declared: { ...rest, ...(until !== undefined && { until }) } }
}

/** A record that is about to be made, with the access that the declarations give from the first moment: nobody can lose anything by it. */
export const withAccess = (place: Place, spec: MembershipSpec): MembershipSpec => {
  if (place.problem) return spec
  const derived = derive(place, spec)
  const { roles, groups, permissions } = derived
  const suspension = place.user.spec.suspended && { suspended: true as const }
  const time = settlingTime(spec, timestamp(place.now))
  return { ...spec, settled: { roles, groups, permissions, ...reachOf(derived), ...suspension, time } }
}

const reachOf = ({ reach }: DerivedAccess) => reach && { reach }

/** What the declarations give this person here. */
const derive = (
  { world, user, organization, settings, entry, standing }: Place,
  spec: MembershipSpec,
): DerivedAccess => {
  const declared = standing.is === 'open' || standing.is === 'waiting' ? (entry?.roles ?? []) : []
  const direct: DirectRole[] = [
    ...declared.map(role => ({ role, how: 'declared' as const })),
    ...activeGrants(spec).flatMap(grant => grant.roles.map(role => ({ role, how: 'grant' as const }))),
  ]
  return deriveAccess({
    organization,
    roles: direct,
    user: {
      name: user.metadata.name,
      facts: userFacts(user, settings.domains),
      settled: spec.settled?.groups ?? [],
    },
    lookups: {
      role: name => world.cache.get('Role', name),
      organizationChain: name =>
        name === organization ? settings.chain : (settingsFor(world, name)?.settings.chain ?? [name]),
      organizationsBelow: name => organizationsUnder(world.cache, name),
      groups: world.groups,
    },
  })
}

/** A declared role that cannot be given; what came by a grant or a group is those objects' own trouble. */
const problemOf = (
  { user, entry, organization, problem }: Place,
  { missing }: DerivedAccess,
): Pick<PlaceResult, 'is'> => {
  if (problem) return { is: { is: 'stalled', ...problem } }
  const first = missing.find(one => entry?.roles?.includes(one.role))
  if (!first) return {}
  const what = first.problem === 'NotFound' ? 'does not exist' : `cannot be given in ${organization}`
  return {
    is: { is: 'stalled', reason: 'ReferenceNotFound', message: `role ${first.role} in ${declaredAt(user)} ${what}` },
  }
}

const changesOf = (place: Place, { gains, losses }: AccessComparison) => [
  ...(isNothing(gains) ? [] : explained(place, 'grant', 'access', { ...gains }).changes),
  ...(isNothing(losses) ? [] : explained(place, 'take', 'access', { ...losses }).changes),
]

const listed = ({ losses }: AccessComparison): string =>
  losses.suspended
    ? 'anything, by suspension'
    : losses.roles.length > 0
      ? `role ${losses.roles.join(', ')}`
      : losses.groups.length > 0
        ? `group ${losses.groups.join(', ')}`
        : losses.permissions.length > 0
          ? losses.permissions.slice(0, 5).join(', ')
          : reachText(losses.reach ?? [])
