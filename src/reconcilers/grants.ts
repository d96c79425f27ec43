import type { Invitation } from '../api/invitation.ts'
import type { Grant, Membership, MembershipSpec } from '../api/membership.ts'
import { grantingTime } from '../decide/membership.ts'
import { declaredAt, type World } from './context.ts'
import { inviterOf } from './lines.ts'

const MOST_GRANTS = 100

/**
 * Notes the roles of accepted Invitations in the record of somebody who has joined, each once: an Invitation that granted before grants nothing again.
 * @param spec the record as it is to be; written together with the grants, or not at all where both say nothing new
 */
export const grantRoles = async (
  world: World,
  record: Membership,
  spec: MembershipSpec,
  invitations: readonly Invitation[],
): Promise<Membership> => {
  const { joined } = spec
  const missing = invitations.filter(({ metadata }) => !spec.grants.some(grant => grant.uid === metadata.uid))
  if (!joined || (missing.length === 0 && spec === record.spec)) return record
  const time = grantingTime(spec, world.clock.now())
  const grants: Grant[] = []
  for (const { metadata, spec: asked } of missing) {
    const owners = await world.store.owners({ kind: 'Invitation', name: metadata.name })
    grants.push({
      invitation: metadata.name,
      uid: metadata.uid,
      roles: [...(asked.roles ?? [])].sort(),
      by: inviterOf(owners.find(owner => owner.field === 'spec.email')?.manager ?? ''),
      time,
    })
  }
  const [first] = missing
  const because = first ? declaredAt(first) : 'accepted'
  return world.effects.updateMembership(
    record,
    { ...spec, grants: [...spec.grants, ...grants].slice(-MOST_GRANTS) },
    {
      actor: grants[0]?.by ?? 'controller',
      because,
      organization: spec.organization,
      changes: grants
        .filter(grant => grant.roles.length > 0)
        .map(grant => ({
          action: 'grant',
          target: 'membership',
          kind: 'Membership',
          name: record.metadata.name,
          organization: spec.organization,
          because,
          fields: { invitation: grant.invitation, roles: grant.roles },
        })),
    },
  )
}
