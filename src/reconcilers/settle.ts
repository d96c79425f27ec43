import type { Membership, MembershipSpec } from '../api/membership.ts'
import { timestamp } from '../api/timestamp.ts'
import { type DerivedAccess, type DirectRole, deriveAccess } from '../decide/access.ts'
import { type AccessComparison, compareAccess, isNothing } from '../decide/losses.ts'
import { activeGrants, isUnsettled, settlingTime, takesAccess } from '../decide/membership.ts'
import { declaredAt, recordEvent, refOf, settingsFor } from './context.ts'
import { userFacts } from './people.ts'
import { permitFor } from './permits.ts'
import type { Place, PlaceResult } from './placepass.ts'
import { explained, producerOf, quiet, sameSpec } from './placepass.ts'

/**
 * Brings the access in force to what the declarations give: gains at once, losses with a permit. Without one, all that takes nothing is written.
 * Where the place of the organization is not settled, the access stays as it is.
 * @param wanted the record as it is to be, but for the access
 */
export const settle = async (
  place: Place,
  record: Membership,
  wanted: MembershipSpec,
): Promise<{ record: Membership; result: PlaceResult }> => {
  const { world, user, organization, problem } = place
  const derived = derive(place, wanted)
  const comparison = compareAccess(wanted.settled, derived)
  const time = settlingTime(wanted, timestamp(place.now))
  const result = (spec: MembershipSpec): PlaceResult => {
    const roles = spec.settled?.roles ?? []
    return {
      organization,
      state: user.spec.suspended ? 'Suspended' : roles.length > 0 ? 'Active' : 'Restricted',
      roles,
      via: derived.via,
      ...problemOf(place, derived),
    }
  }
  // Also access that is none is settled anew in each life of a membership: until then nobody knows that it is none.
  if (problem || (comparison.equal && !isUnsettled(wanted))) {
    const written = sameSpec(record.spec, wanted)
      ? record
      : await world.effects.updateMembership(record, wanted, quiet(place))
    return { record: written, result: result(written.spec) }
  }

  const { roles, groups, permissions } = derived
  const whole: MembershipSpec = { ...wanted, settled: { roles, groups, permissions, time } }
  const what = { ...explained(place, 'grant', 'access'), changes: changesOf(place, comparison) }
  if (!takesAccess(record.spec, whole)) {
    const written = await world.effects.updateMembership(record, whole, what)
    return { record: written, result: result(written.spec) }
  }
  const because = `${declaredAt(user)} no longer gives ${listed(comparison)}`
  const decision = permitFor(world, { because, producer: producerOf(user), byClock: false })
  if ('permit' in decision) {
    const written = await world.effects.takeAccess(record, whole, decision.permit, what)
    await recordEvent(world, refOf(user), 'Normal', 'AccessTaken', because)
    return { record: written, result: result(written.spec) }
  }
  const { settledAfterGains } = comparison
  const unchanged = compareAccess(wanted.settled, settledAfterGains).equal
  const partly = unchanged ? wanted : { ...wanted, settled: { ...settledAfterGains, time } }
  const written = sameSpec(record.spec, partly) ? record : await world.effects.updateMembership(record, partly, what)
  const is = { is: 'reconciling', reason: 'Retrying', message: decision.held } as const
  return { record: written, result: { ...result(written.spec), is, isHeld: true } }
}

/** A record that is about to be made, with the access that the declarations give from the first moment: nobody can lose anything by it. */
export const withAccess = (place: Place, spec: MembershipSpec): MembershipSpec => {
  if (place.problem) return spec
  const { roles, groups, permissions } = derive(place, spec)
  return { ...spec, settled: { roles, groups, permissions, time: settlingTime(spec, timestamp(place.now)) } }
}

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
  losses.roles.length > 0
    ? `role ${losses.roles.join(', ')}`
    : losses.groups.length > 0
      ? `group ${losses.groups.join(', ')}`
      : losses.permissions.slice(0, 5).join(', ')
