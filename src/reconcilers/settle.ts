import type { Membership, MembershipSpec } from '../api/membership.ts'
import { MANAGERS } from '../api/names.ts'
import { timestamp } from '../api/timestamp.ts'
import type { User } from '../api/user.ts'
import { type DerivedAccess, type DirectRole, deriveAccess } from '../decide/access.ts'
import { suspensionOf } from '../decide/can.ts'
import { isBroughtForward, type Loss, type LossCause, makesAdmin, reachText, withoutLosing } from '../decide/loss.ts'
import { type AccessComparison, type AccessDifference, compareAccess, isNothing } from '../decide/losses.ts'
import { activeGrants, isJoined, isUnsettled, settlingTime, takesAccess } from '../decide/membership.ts'
import { declaredAt, organizationsUnder, recordEvent, refOf, settingsFor } from './context.ts'
import { rolesFound } from './imports.ts'
import { membershipIn, userFacts } from './people.ts'
import { asking, permitFor, permitForNothing } from './permits.ts'
import type { Place, PlaceResult } from './placepass.ts'
import { causeOf, explained, isSuspended, originAt, producerOf, quiet, sameSpec, waitingFor } from './placepass.ts'

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
  const derived = { ...derive(place, base), ...(isSuspended(place) && { suspended: true as const }) }
  const comparison = compareAccess(base.settled, derived)
  const time = settlingTime(base, timestamp(place.now))
  const result = (spec: MembershipSpec): PlaceResult => {
    const roles = spec.settled?.roles ?? []
    const suspended = isSuspended(place) && (!spec.settled || spec.settled.suspended)
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
  const cause = takes
    ? causeOfTaking(place, record, comparison)
    : causeOf(place, `${originAt(place)} brings the end forward to ${until}`)
  const loss: Loss = { is: 'access', losses: comparison.losses, ...(until !== undefined && { until }) }
  const decision = permitFor(world, record, loss, cause)
  if ('permit' in decision) {
    const written = await world.effects.takeAccess(record, whole, decision.permit, what)
    await recordEvent(world, refOf(user), 'Normal', 'AccessTaken', cause.because)
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
  const { permit } = permitForNothing(`${declaredAt(user)} was suspended before`, producerOf(place))
  const spec: MembershipSpec = { ...record.spec, settled: { ...settled, suspended: true } }
  return world.effects.takeAccess(record, spec, permit, quiet(place))
}

/** The record without organizations below that are no more: nobody had anything there, and who makes one of the same name anew starts without them. */
const withoutGone = async (place: Place, record: Membership): Promise<Membership> => {
  const { world, user } = place
  const { settled } = record.spec
  const reach = settled?.reach?.filter(one => world.cache.get('Organization', one))
  if (!settled || !reach || reach.length === settled.reach?.length) return record
  const { permit } = permitForNothing(`${declaredAt(user)} reached down to what is gone`, producerOf(place))
  return world.effects.takeAccess(record, { ...record.spec, settled: { ...settled, reach } }, permit, quiet(place))
}

const NONE: AccessDifference = { roles: [], groups: [], permissions: [] }

const write = (
  place: Place,
  record: Membership,
  spec: MembershipSpec,
  what = quiet(place),
): Promise<Membership> | Membership =>
  sameSpec(record.spec, spec) ? record : place.world.effects.updateMembership(record, spec, what)

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
  const suspension = isSuspended(place) && { suspended: true as const }
  const time = settlingTime(spec, timestamp(place.now))
  return { ...spec, settled: { roles, groups, permissions, ...reachOf(derived), ...suspension, time } }
}

const reachOf = ({ reach }: DerivedAccess) => reach && { reach }

/** What the declarations give this person here. */
const derive = (
  { world, user, organization, settings, imported, isDeclared, standing }: Place,
  spec: MembershipSpec,
): DerivedAccess => {
  const counts = standing.is === 'open' || standing.is === 'waiting'
  const declared = (counts && isDeclared && membershipIn(user, organization)?.roles) || []
  const found = counts ? rolesFound({ imported, isDeclared }) : []
  const direct: DirectRole[] = [
    ...declared.map(role => ({ role, how: 'declared' as const })),
    ...found.map(role => ({ role, how: 'directory' as const })),
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
const problemOf = (place: Place, { missing }: DerivedAccess): Pick<PlaceResult, 'is'> => {
  const { entry, organization, problem } = place
  if (problem) return { is: { is: 'stalled', ...problem } }
  const first = missing.find(one => entry?.roles?.includes(one.role))
  if (!first) return {}
  const what = first.problem === 'NotFound' ? 'does not exist' : `cannot be given in ${organization}`
  return {
    is: { is: 'stalled', reason: 'ReferenceNotFound', message: `role ${first.role} in ${originAt(place)} ${what}` },
  }
}

const changesOf = (place: Place, { gains, losses }: AccessComparison) => [
  ...(isNothing(gains) ? [] : explained(place, 'grant', 'access', { ...gains }).changes),
  ...(isNothing(losses) ? [] : explained(place, 'take', 'access', { ...losses }).changes),
]

/** Why and by whom access is taken: by a directory what it gave, by whoever declared the membership until now what no directory gives, else by who declares it. */
const causeOfTaking = (place: Place, record: Membership, comparison: AccessComparison): LossCause => {
  const { world, user, imported, isDeclared } = place
  const { losses } = comparison
  const what = listed(comparison)
  if (!isDeclared) {
    if (losses.suspended && !user.spec.suspended && imported) return causeOf(place, imported.because)
    const former = formerOf(place, record)
    if (!former) return causeOf(place, `${originAt(place)} no longer gives ${what}`)
    const because = `${declaredAt(former)} is gone, and ${originAt(place)} does not give ${what}`
    return causeOf({ user: former, imported: undefined, isDeclared: true }, because)
  }
  if (!losses.suspended) {
    const of = (directory: string, because: string): LossCause => ({
      because,
      producer: MANAGERS.directory(directory),
      urgent: false,
    })
    if (record.spec.declared?.beside && imported && imported.is !== 'in')
      return of(imported.directory, imported.because)
    const left = losses.groups.map(group => world.cache.get('Group', group)?.spec.importFrom).find(one => one)
    if (left) return of(left.directory, `Directory/${left.directory} no longer has them in ${left.name}`)
  }
  return causeOf(place, `${originAt(place)} no longer gives ${what}`)
}

/** Who declared the membership until now, and goes, where a directory gives it from now on. */
const formerOf = ({ world, user }: Place, { spec }: Membership): User | undefined => {
  if (!spec.user || spec.user.uid === user.metadata.uid || spec.declared?.directory) return undefined
  return world.cache.by('User', 'uid', spec.user.uid)[0]
}

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
