import { MANAGERS } from '../api/names.ts'
import type { RemovalSet } from '../api/removalset.ts'
import { milliseconds } from '../decide/time.ts'
import type { Held, HeldInvitations, HeldRemovals } from '../ports/composer.ts'
import { mailAdmins } from './adminmail.ts'
import type { World } from './context.ts'
import { ANYBODY } from './lines.ts'
import { shownRoles } from './mails.ts'
import { NEWS } from './notices.ts'
import { wantedLosses } from './wantedlosses.ts'

/** So many people are named in a mail. */
const NAMED = 20

/** Tells the admins of an organization that a set of removals, or of mails, is held, each once. @returns when to look again */
export const tellAdmins = async (world: World, set: RemovalSet): Promise<number | undefined> => {
  const { organization, time, reason } = set.spec
  const isOfMails = reason === 'Invitations'
  return mailAdmins(world, {
    organization,
    sort: 'held',
    about: set.metadata.name,
    isNews: time !== undefined && world.clock.now() < milliseconds(time) + NEWS,
    because: `RemovalSet/${set.metadata.name}`,
    template: isOfMails ? 'invitationsHeld' : 'removalsHeld',
    compose: basics =>
      isOfMails
        ? world.composer.invitationsHeld({ ...basics, held: invitationsOf(world, set) })
        : world.composer.removalsHeld({ ...basics, held: removalsOf(world, set) }),
  })
}

const invitationsOf = ({ cache }: World, set: RemovalSet): HeldInvitations => {
  const invited = [...wantedLosses(cache, set.spec)].map(({ person }) => person).sort()
  return { ...heldOf(set, invited.length), invited: invited.slice(0, NAMED) }
}

const removalsOf = ({ cache }: World, set: RemovalSet): HeldRemovals => {
  const { reason } = set.spec
  const losses = [...wantedLosses(cache, set.spec)].map(({ person, losing }) => ({
    name: person,
    membership: losing?.organization === true,
    suspended: losing?.suspended === true,
    roles: shownRoles({ cache }, losing?.roles ?? []).map(role => role.displayName),
    groups: (losing?.groups ?? []).map(name => cache.get('Group', name)?.spec.displayName ?? name),
  }))
  return {
    ...heldOf(set, losses.length),
    losses: losses.sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, NAMED),
    ...(reason !== undefined && reason !== 'Invitations' && { reason }),
  }
}

const heldOf = ({ metadata, spec }: RemovalSet, counted: number): Held => ({
  ...(spec.producer !== undefined &&
    spec.producer !== MANAGERS.controller &&
    spec.producer !== ANYBODY && { producer: spec.producer }),
  people: spec.people ?? counted,
  time: spec.time ?? metadata.creationTimestamp,
  resource: `RemovalSet/${metadata.name}`,
})
