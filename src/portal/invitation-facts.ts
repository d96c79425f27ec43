import type { Invitation } from '../api/invitation.ts'
import { canDo, suspensionOf } from '../decide/can.ts'
import type { OrganizationSettings } from '../decide/settings.ts'
import type { OpenInvitation } from './acceptance.ts'
import { placeKey } from './lookups.ts'
import type { Parts } from './parts.ts'

/** What the page of an invitation says: the same facts as the mail. */
export interface InvitationFacts {
  organization: OrganizationSettings
  address: string
  purpose: 'Invitation' | 'SetUp'
  /** RFC 3339. */
  expirationTime: string
  roles: readonly RoleFacts[]
  /** Only people who may invite there. */
  inviters: readonly string[]
  /** Words of inviters, plain. */
  messages: readonly { from: string | undefined; text: string }[]
  /** Language tag of the invited person, where it is known; the browser knows better than the organization. */
  locale: string | undefined
}
export interface RoleFacts {
  name: string
  displayName: string
  description: string | undefined
}

/** Undefined where the organization is gone. */
export const invitationFacts = (
  parts: Parts,
  { membership, purpose, attempt, expirationTime }: OpenInvitation & { is: 'open' },
): InvitationFacts | undefined => {
  const { lookups, settings } = parts
  const { organization: name, address, attempts, declared } = membership.spec
  const organization = settings(name)
  if (!organization) return undefined
  const invitations = lookups
    .by('Invitation', 'place', placeKey(name, address))
    .filter(({ metadata }) => !metadata.deletionTimestamp)
  const roles = new Set([
    ...(attempts.find(one => one.number === attempt)?.roles ?? []),
    ...invitations.flatMap(({ spec }) => spec.roles ?? []),
    ...(declared?.present ? declared.roles : []),
  ])
  const named = membership.spec.user && lookups.get('User', membership.spec.user.name)
  const user = named?.metadata.uid === membership.spec.user?.uid ? named : undefined
  const inviterOf = (invitation: Invitation): string | undefined => inviter(parts, invitation, organization)
  return {
    organization,
    address,
    purpose,
    expirationTime,
    roles: [...roles].flatMap(role => roleFacts(parts, role)),
    inviters: [...new Set(invitations.map(inviterOf))].filter(inviter => inviter !== undefined),
    messages: invitations.flatMap(invitation =>
      invitation.spec.message ? [{ from: inviterOf(invitation), text: invitation.spec.message }] : [],
    ),
    locale: user?.spec.locale ?? invitations.find(({ spec }) => spec.locale)?.spec.locale,
  }
}

/** A role that is gone is not promised. */
export const roleFacts = ({ lookups }: Pick<Parts, 'lookups'>, name: string): RoleFacts[] => {
  const role = lookups.get('Role', name)
  return role ? [{ name, displayName: role.spec.displayName ?? name, description: role.spec.description }] : []
}

/** Who invites, shown only where that person holds the permission: anybody who writes an Invitation can write a name into it. */
const inviter = (
  { lookups, clock }: Parts,
  { spec }: Invitation,
  { chain }: OrganizationSettings,
): string | undefined => {
  const user = spec.invitedBy === undefined ? undefined : lookups.get('User', spec.invitedBy)
  if (!user) return undefined
  // Those of this very User: anybody who writes a User can write somebody else's address into it.
  const memberships = lookups.by('Membership', 'userUid', user.metadata.uid).map(membership => membership.spec)
  const { may } = canDo({
    permission: 'invitations:create',
    chain,
    memberships,
    suspended: suspensionOf(user),
    now: clock.now(),
  })
  if (!may) return undefined
  const name = [user.spec.givenName, user.spec.familyName].filter(Boolean).join(' ')
  return user.spec.displayName ?? (name || user.metadata.name)
}
