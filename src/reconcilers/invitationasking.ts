import type { Readiness } from '../api/conditions.ts'
import type { Invitation } from '../api/invitation.ts'
import type { MembershipSpec } from '../api/membership.ts'
import { ANNOTATIONS, MANAGERS } from '../api/names.ts'
import type { User } from '../api/user.ts'
import { parseAddress } from '../decide/address.ts'
import { openersOf, type Request } from '../decide/invitation.ts'
import { currentSeries } from '../decide/membership.ts'
import { type Standing, standingOf, turnsAt } from '../decide/person.ts'
import { linkLife, type OrganizationSettings } from '../decide/settings.ts'
import { declaredAt, type settingsFor, type World } from './context.ts'
import type { Pass } from './invitationstatus.ts'
import { inviterOf } from './lines.ts'
import { isGenerated, membershipIn, userFacts } from './people.ts'

/** What keeps this Invitation from being carried out, until somebody changes something. */
export const obstacle = (
  world: World,
  { spec }: Invitation,
  { settings, problem }: NonNullable<ReturnType<typeof settingsFor>>,
): Readiness | undefined => {
  if (problem) return { is: 'stalled', ...problem }
  const address = parseAddress(spec.email)
  if ('problem' in address)
    return { is: 'stalled', reason: 'InvalidSpec', message: `spec.email ${address.problem}; write one address` }
  for (const name of spec.roles ?? []) {
    const role = world.cache.get('Role', name)
    if (!role) return { is: 'stalled', reason: 'ReferenceNotFound', message: `role ${name} does not exist` }
    if (!settings.chain.includes(role.spec.organization))
      return {
        is: 'stalled',
        reason: 'ReferenceNotFound',
        message: `role ${name} belongs to ${role.spec.organization} and cannot be given in ${settings.name}`,
      }
  }
  return undefined
}

/** What the declaration of the invited person says of this membership. */
const declared = ({ invitation, settings, user, now }: Pass): Standing =>
  standingOf(user && membershipIn(user, invitation.spec.organization), { now, timeZone: settings.timeZone })

/** When the declaration comes to another verdict by itself. */
export const barTime = (pass: Pass): number | undefined => turnsAt(declared(pass))

/** A declaration that says the membership is over, which no Invitation overrules. */
export const bar = (pass: Pass): Readiness | undefined => {
  const { user, invitation } = pass
  const standing = declared(pass)
  if (!user || standing.is !== 'over') return undefined
  const until = membershipIn(user, invitation.spec.organization)?.until
  const says = standing.why === 'Ended' ? 'is ended' : `lasted until ${until}`
  const message = `${declaredAt(user)} says that this membership ${says}; change it there to invite again`
  return { is: 'stalled', reason: 'NotAllowed', message }
}

/** An Invitation as the decision reads it. */
export const requestOf = ({ metadata }: Invitation): Request => {
  const token = metadata.annotations?.[ANNOTATIONS.resendRequestedAt]
  return { uid: metadata.uid, generated: isGenerated({ metadata }), ...(token !== undefined && { resend: token }) }
}

/** The union of what is asked for and what groups would give, as far as it may be given here: the roles that the mail names. */
export const openRoles = ({ world, settings, requests, user }: Pass): string[] =>
  [...new Set([...requests.flatMap(({ spec }) => spec.roles ?? []), ...rolesOfGroups(world, settings, user)])]
    .filter(name => settings.chain.includes(world.cache.get('Role', name)?.spec.organization ?? ''))
    .sort()

const rolesOfGroups = ({ groups }: Pick<World, 'groups'>, settings: OrganizationSettings, user: User | undefined) =>
  user
    ? groups
        .groupsOf({ name: user.metadata.name, facts: userFacts(user, settings.domains), settled: [] }, settings.name)
        .flatMap(membership => groups.rolesThrough(membership))
    : []

/** Who caused the mails of a series: the manager that asked for the resend, wrote the Invitation, or declared the membership which opened it. */
export const inviterOfSeries = async (
  { world, invitation, requests, user }: Pass,
  spec: MembershipSpec,
): Promise<string> => {
  const number = currentSeries(spec)
  const openers = spec.series.filter(series => series.number === number).map(series => series.openedBy)
  const manager = async (kind: 'Invitation' | 'User', name: string, field: string) =>
    (await world.store.owners({ kind, name })).find(owner => owner.field === field)?.manager
  for (const opener of openers) {
    const request = requests.find(one => openersOf(requestOf(one)).includes(opener))
    if (!request) continue
    const { name } = request.metadata
    const found = opener.startsWith('resend/')
      ? await manager('Invitation', name, `metadata.annotations[${ANNOTATIONS.resendRequestedAt}]`)
      : isGenerated(request)
        ? user &&
          (spec.declared?.directory
            ? MANAGERS.directory(spec.declared.directory.name)
            : await manager('User', user.metadata.name, `spec.memberships[${invitation.spec.organization}]`))
        : await manager('Invitation', name, 'spec.email')
    if (found !== undefined) return inviterOf(found)
  }
  return inviterOf('')
}

export const linkLifeOf = (requests: readonly Invitation[], settings: OrganizationSettings): number => {
  const written = requests.flatMap(({ spec }) => (spec.validFor === undefined ? [] : [linkLife(spec.validFor)]))
  return written.length > 0 ? Math.max(...written) : settings.invitations.validFor
}
