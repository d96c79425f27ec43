import type { Invitation } from '../../api/invitation.ts'
import type { Membership } from '../../api/membership.ts'
import type { UserMembership } from '../../api/user.ts'
import { type DerivedAccess, type DirectRole, deriveAccess } from '../../decide/access.ts'
import { type Standing, standingOf, suspensionOf } from '../../decide/can.ts'
import type { GroupMembership } from '../../decide/groups.ts'
import { activeGrants } from '../../decide/membership.ts'
import { standingOf as declaredStanding } from '../../decide/person.ts'
import { frozenText } from '../../decide/settings.ts'
import { organizationsUnder, settingsFor } from '../../reconcilers/context.ts'
import { type Imported, meantIn, rolesFound } from '../../reconcilers/imports.ts'
import { isGenerated, membershipIn, requestsOf } from '../../reconcilers/people.ts'
import { losingText } from '../held.ts'
import { candidateOf, type Person } from '../person.ts'
import type { Snapshot } from '../snapshot.ts'
import { when } from '../when.ts'
import type { PlaceAnswer } from './answer.ts'

/** One person in one organization: what is in force, and what the declarations give. */
export interface Place {
  snapshot: Snapshot
  person: Person
  organization: string
  timeZone: string
  /** This organization and those above. */
  chain: readonly string[]
  /** The declared membership. */
  entry: UserMembership | undefined
  /** What directories give beside, or alone where nobody declares it. */
  imported: Imported | undefined
  membership: Membership | undefined
  standing: Standing | 'Waiting' | 'NoMembership'
  /** Whether settled access counts now. */
  inForce: boolean
  derived: DerivedAccess
  groups: GroupMembership[]
  /** Hand-written invitations that ask the person in. */
  requests: Invitation[]
}

/** Every organization that somebody is declared in, or has a record of; what a directory gives has one from its first pass on. */
export const placesOf = (snapshot: Snapshot, person: Person): Place[] => {
  const names = new Set([
    ...(person.user?.spec.memberships ?? []).map(entry => entry.organization),
    ...person.memberships.map(membership => membership.spec.organization),
  ])
  return [...names].sort().map(name => placeIn(snapshot, person, name))
}

export const placeIn = (snapshot: Snapshot, person: Person, organization: string): Place => {
  const { cache, now } = snapshot
  const { user } = person
  const settings = settingsFor(snapshot, organization)?.settings
  const timeZone = settings?.timeZone ?? 'UTC'
  const { entry, imported, isDeclared } = user
    ? meantIn(cache, user, organization, now)
    : { entry: undefined, imported: undefined, isDeclared: false }
  const membership = bestOf(person.memberships.filter(one => one.spec.organization === organization))
  const suspended = suspensionOf(user)
  const standing = membership ? standingOf(membership.spec, { suspended, now }) : entry ? 'Waiting' : 'NoMembership'
  const declared = declaredStanding(entry, { now, timeZone })
  const requests = person.addresses
    .flatMap(address => requestsOf(cache, organization, address))
    .filter(one => !isGenerated(one))
  const counts = declared.is === 'open' || declared.is === 'waiting'
  const own = isDeclared && user ? membershipIn(user, organization)?.roles : undefined
  const found = rolesFound({ imported, isDeclared })
  const roles: DirectRole[] = [
    ...((counts && own) || []).map((role): DirectRole => ({ role, how: 'declared' })),
    ...(counts ? found : []).map((role): DirectRole => ({ role, how: 'directory' })),
    ...(membership ? activeGrants(membership.spec) : []).flatMap(grant =>
      grant.roles.map((role): DirectRole => ({ role, how: 'grant' })),
    ),
    ...(membership?.spec.joined ? [] : requests).flatMap(({ spec }) =>
      (spec.roles ?? []).map((role): DirectRole => ({ role, how: 'grant' })),
    ),
  ]
  const candidate = candidateOf(snapshot, person, organization)
  const chain = settings?.chain ?? [organization]
  return {
    snapshot,
    person,
    organization,
    timeZone,
    chain,
    entry,
    imported,
    membership,
    standing,
    inForce: standing === 'Active' || standing === 'Restricted',
    requests,
    groups: snapshot.groups.groupsOf(candidate, organization),
    derived: deriveAccess({
      organization,
      roles,
      user: candidate,
      lookups: {
        role: name => cache.get('Role', name),
        organizationChain: name =>
          name === organization ? chain : (settingsFor(snapshot, name)?.settings.chain ?? [name]),
        organizationsBelow: name => organizationsUnder(cache, name),
        groups: snapshot.groups,
      },
    }),
  }
}

/** The one that counts where somebody has several records in one organization: joined before not joined. */
const bestOf = (memberships: readonly Membership[]): Membership | undefined =>
  memberships.find(({ spec }) => spec.joined && !spec.ended) ?? memberships[0]

/** Where the person stands there, in words. */
export const placeText = (place: Place): PlaceAnswer => {
  const { organization, standing, membership, timeZone, entry } = place
  const at = (time: string): string => when(time, timeZone)
  const losing = membership && losingText(place.snapshot.cache, membership, timeZone)
  const answer = (text: string): PlaceAnswer => ({
    organization,
    standing,
    text,
    ...(losing !== undefined && { losing }),
  })
  const spec = membership?.spec
  const last = spec?.attempts.at(-1)
  switch (standing) {
    case 'Active':
    case 'Restricted': {
      const how =
        spec?.joined?.how === 'Declared'
          ? spec.declared?.directory
            ? `by being in Directory/${spec.declared.directory.name}`
            : 'as declared'
          : spec?.joined?.how === 'SignIn'
            ? 'by signing in'
            : 'by the link'
      const until = spec?.declared?.until === undefined ? '' : `, until ${at(spec.declared.until)}`
      return answer(spec?.joined ? `joined ${at(spec.joined.time)} ${how}${until}` : '')
    }
    case 'Invited':
      if (!last) return answer(`the invitation has not been sent yet${frozenIn(place)}`)
      if (last.withdrawnTime !== undefined) return answer('the link was withdrawn')
      if (last.outcome === 'NotSent')
        return answer(`the invitation has not been sent yet${frozenIn(place) || heard(last.response)}`)
      if (last.outcome === 'Refused') return answer(`the mail server refused the invitation${heard(last.response)}`)
      return answer(
        Date.parse(last.expirationTime) > place.snapshot.now
          ? `not joined yet; the link works until ${at(last.expirationTime)}`
          : `not joined; the link expired ${at(last.expirationTime)}`,
      )
    case 'Declined':
      return answer(spec?.declined ? `declined ${at(spec.declined.time)}` : '')
    case 'Left':
      return answer(spec?.left ? `left ${at(spec.left.time)}` : '')
    case 'Ended':
      return answer(
        spec?.ended
          ? `ended ${at(spec.ended.time)} by ${spec.ended.by}: ${spec.ended.because}`
          : spec?.declared?.until
            ? `ended ${at(spec.declared.until)}, as declared`
            : '',
      )
    case 'Suspended':
      return answer(
        place.person.user?.spec.suspended
          ? 'suspended everywhere; nothing is in force until that is taken back'
          : `suspended here: ${place.imported?.because || 'nothing says so any more; the next pass lets them in again'}`,
      )
    case 'Waiting':
      return answer(entry?.from === undefined ? 'nothing has happened yet' : `begins on ${entry.from}`)
    case 'NoMembership':
      return answer('')
    default:
      return standing satisfies never
  }
}

/** Why no mail leaves there, where that is so. */
const frozenIn = ({ snapshot, organization }: Place): string => {
  const by = settingsFor(snapshot, organization)?.settings.frozen
  return by === undefined ? '' : `: ${frozenText(by)}`
}

/** The words of a mail server behind what it did. */
const heard = (response: string | undefined): string => (response === undefined ? '' : `: ${response}`)
