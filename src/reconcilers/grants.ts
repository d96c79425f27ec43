import type { Invitation } from '../api/invitation.ts'
import type { Grant, Membership, MembershipSpec } from '../api/membership.ts'
import { activeGrants, grantingTime } from '../decide/membership.ts'
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
  const unseen = invitations.filter(({ metadata }) => !spec.grants.some(grant => grant.uid === metadata.uid))
  const kept = unseen.length === 0 ? spec.grants : withRoom(spec, unseen.length, invitations)
  // More live Invitations of one address than are remembered: the surplus grants nothing, or it would grant for ever.
  const missing = unseen.slice(0, MOST_GRANTS - kept.length)
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
    { ...spec, grants: missing.length === 0 ? spec.grants : [...kept, ...grants] },
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

/** The grants without the oldest that can be forgotten, where there is no room for so many more: nobody may lose a role by it, and no Invitation grant twice. */
const withRoom = (spec: MembershipSpec, more: number, live: readonly Invitation[]): readonly Grant[] => {
  const kept = [...spec.grants]
  const active = new Set(activeGrants(spec))
  const isCovered = (grant: Grant) =>
    grant.roles.every(role => kept.some(other => other !== grant && active.has(other) && other.roles.includes(role)))
  while (kept.length + more > MOST_GRANTS) {
    const oldest = kept.findIndex(
      grant => !live.some(({ metadata }) => metadata.uid === grant.uid) && (!active.has(grant) || isCovered(grant)),
    )
    if (oldest === -1) break
    kept.splice(oldest, 1)
  }
  return kept
}
