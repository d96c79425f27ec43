import { findCondition } from '../../api/conditions.ts'
import type { Group } from '../../api/group.ts'
import { ANNOTATIONS } from '../../api/names.ts'
import type { Way as DerivedWay } from '../../decide/access.ts'
import { activeGrants } from '../../decide/membership.ts'
import { when } from '../when.ts'
import { placeText as placedAt, whenceOf } from '../whence.ts'
import type { Fact, Way } from './answer.ts'
import { type Place, placeText } from './place.ts'

/** A role in one organization: how it came, or why it is not there. */
export const roleFact = (place: Place, role: string): Fact => {
  const { membership, derived, inForce, organization } = place
  const settled = membership?.spec.settled?.roles.includes(role) ?? false
  const ways = (derived.via[role] ?? []).flatMap(way => roleWays(place, role, way))
  const has = settled && inForce
  if (settled && ways.length === 0)
    ways.push({
      how: 'Settled',
      text: 'no declaration gives it any more; it is in force until the loss is carried out',
    })
  return {
    thing: 'role',
    name: role,
    organization,
    has,
    ways,
    notes: has ? [] : missingRole(place, role, ways.length > 0),
  }
}

/** A group of one organization: how somebody is in it. */
export const groupFact = (place: Place, name: string): Fact => {
  const { groups, organization, membership, inForce } = place
  const found = groups.find(one => one.group === name)
  const settled = membership?.spec.settled?.groups.includes(name) ?? false
  const has = settled && inForce
  const ways = found ? [groupWay(place, found.path, undefined)] : []
  if (settled && !found)
    ways.push({
      how: 'Settled',
      text: 'nothing puts them in it any more; it is in force until the loss is carried out',
    })
  return {
    thing: 'group',
    name,
    organization,
    has,
    ways,
    notes: has ? [] : missingGroup(place, name, found !== undefined),
  }
}

const roleWays = (place: Place, role: string, way: DerivedWay): Way[] => {
  switch (way.how) {
    case 'declared':
      return [declaredWay(place, role)]
    case 'directory':
      return directoryWays(place, role)
    case 'grant':
      return [...grantWays(place, role), ...requestWays(place, role)]
    case 'group':
      return [groupWay(place, way.path ?? [], role)]
    default:
      return way.how satisfies never
  }
}

const declaredWay = ({ person, organization }: Place, role: string): Way => {
  if (!person.user) return { how: 'Declared', text: 'declared' }
  const whence = whenceOf(person.user)
  const { place, source } = whence
  return {
    how: 'Declared',
    at: place,
    text:
      source === undefined
        ? `declared in ${place}, which no source holds`
        : `declared in ${placedAt(whence)} (source ${source})`,
    change: `take ${role} out of the roles of ${organization} in ${place}${source === undefined ? ', and apply it' : ''}`,
  }
}

/** Of every directory that gives it. */
const directoryWays = ({ imported, organization, snapshot }: Place, role: string): Way[] =>
  snapshot.cache
    .by('Directory', 'organization', organization)
    .filter(({ spec, metadata }) => spec.import?.roles?.includes(role) && imported?.directories.includes(metadata.name))
    .map(directory => {
      const whence = whenceOf(directory)
      return {
        how: 'Directory',
        at: whence.place,
        text: `given to everybody in Directory/${directory.metadata.name} (${placedAt(whence)})`,
        change: `take ${role} out of import.roles in ${whence.place} (for all its people), or take the person out of the directory`,
      }
    })

const grantWays = ({ person, organization, membership, timeZone }: Place, role: string): Way[] =>
  (membership ? activeGrants(membership.spec) : [])
    .filter(grant => grant.roles.includes(role))
    .map(grant => ({
      how: 'Granted',
      at: `Invitation/${grant.invitation}`,
      text: `granted by the invitation ${grant.invitation}, written by ${grant.by} and accepted ${when(grant.time, timeZone)}`,
      change: `roster revoke ${person.called} ${role} --org ${organization}`,
    }))

const requestWays = ({ membership, requests }: Place, role: string): Way[] =>
  (membership?.spec.joined ? [] : requests)
    .filter(({ spec }) => spec.roles?.includes(role))
    .map(invitation => {
      const whence = whenceOf(invitation)
      const { place, source } = whence
      return {
        how: 'Asked',
        at: place,
        text: `comes with the invitation ${invitation.metadata.name} (${placedAt(whence)}), once it is accepted`,
        change:
          source === undefined
            ? `roster delete invitation ${invitation.metadata.name}`
            : `take ${role} out of the roles in ${place}`,
      }
    })

/** @param path from the group that names or matches the person to the one in question */
const groupWay = ({ snapshot: { cache }, person }: Place, path: readonly string[], role: string | undefined): Way => {
  const [first = ''] = path
  const last = path.at(-1) ?? first
  const [entrance, exit] = [cache.get('Group', first), cache.get('Group', last)]
  const listed = entrance?.spec.members?.includes(person.name) ?? false
  const at = exit ? whenceOf(exit).place : `Group/${last}`
  const expression = entrance?.spec.membersWhere
  const { directory, name: there } = entrance?.spec.importFrom ?? {}
  const how = listed
    ? `listed in ${fullPlaceOf(entrance)}`
    : directory !== undefined
      ? `by being in ${there} of Directory/${directory} (${fullPlaceOf(entrance)})`
      : expression === undefined
        ? `kept in it from before, while ${placeOf(entrance)} cannot be judged`
        : `by the expression ${expression} in ${fullPlaceOf(entrance)}`
  const through = path.length > 1 ? `, which is in ${path.slice(1).join(', which is in ')}` : ''
  const subject = role === undefined ? `in the group ${first}` : `through the group ${last} (${fullPlaceOf(exit)})`
  const member = role === undefined ? `, ${how}${through}` : `: in ${first}, ${how}${through}`
  const leave = listed
    ? `take ${person.name} out of the members in ${placeOf(entrance)}`
    : directory !== undefined
      ? `take them out of ${there} there`
      : `change the expression in ${placeOf(entrance)}, or what it looks at`
  return {
    how: 'Group',
    at,
    text: `${subject}${member}`,
    change: role === undefined ? leave : `${leave}, or take ${role} out of the roles in ${at} (for all its members)`,
  }
}

const placeOf = (group: Group | undefined): string => (group ? whenceOf(group).place : 'a group that is gone')

const fullPlaceOf = (group: Group | undefined): string => (group ? placedAt(whenceOf(group)) : 'a group that is gone')

/** Why somebody is not in a group. */
const missingGroup = (place: Place, name: string, given: boolean): string[] => {
  if (given) return place.inForce ? [unsettled(place)] : notInForce(place)
  const at = placeOf(place.snapshot.cache.get('Group', name))
  return [
    'neither listed in it nor there by an expression',
    `to put them in: write ${place.person.name} into the members in ${at}`,
    ...notInForce(place),
  ]
}

/** Why a role that was asked for is not in force. */
const missingRole = (place: Place, role: string, given: boolean): string[] => {
  const { organization, person, derived, snapshot } = place
  if (given) return place.inForce ? [unsettled(place)] : notInForce(place)
  const problem = derived.missing.find(one => one.role === role)?.problem
  const found = snapshot.cache.get('Role', role)
  if (!found || problem === 'NotFound') return [`there is no role ${role}`]
  if (problem === 'OtherOrganization' || !place.chain.includes(found.spec.organization))
    return [`role ${role} belongs to ${found.spec.organization} and cannot be given in ${organization}`]
  const groups = snapshot.cache
    .by('Group', 'role', role)
    .filter(group => group.spec.organization === organization)
    .map(group => group.metadata.name)
  const where = person.user ? whenceOf(person.user).place : undefined
  return [
    `nothing gives it: no declaration, no invitation, no group`,
    `to give it: ${[
      ...(where === undefined ? [] : [`write ${role} into the roles of ${organization} in ${where}`]),
      ...(groups.length > 0 ? [`put them into the group ${groups.join(' or ')}`] : []),
      ...(where === undefined ? [`roster invite ${person.called} --org ${organization} --roles ${role}`] : []),
    ].join(', or ')}`,
    ...notInForce(place),
  ]
}

/** Why what is declared has not come into force for a member. */
const unsettled = ({ person: { user } }: Place): string => {
  if (user?.metadata.annotations?.[ANNOTATIONS.pause] !== undefined)
    return `not in force yet: User/${user.metadata.name} is paused; roster resume user/${user.metadata.name}`
  const ready = findCondition(user?.status?.conditions, 'Ready')
  return ready?.status === 'False'
    ? `not in force yet: ${ready.message}`
    : 'not in force yet: the next pass of the controller settles it'
}

/** Where nothing is in force for the person there, why. */
export const notInForce = (place: Place): string[] => {
  if (place.inForce) return []
  const { person, organization, standing } = place
  if (standing === 'NoMembership') return [`${person.called} has no membership in ${organization}`]
  if (standing === 'Invited') return [`not in force yet: ${person.called} has not joined ${organization}`]
  return [`not in force: ${placeText(place).text || standing}`]
}
