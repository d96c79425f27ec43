import { MANAGERS } from '../api/names.ts'
import type { RemovalSet, RemovalSetSpec } from '../api/removalset.ts'
import { normalizeAddress } from '../decide/address.ts'
import { milliseconds } from '../decide/time.ts'
import type { Held, HeldInvitations, HeldRemovals } from '../ports/composer.ts'
import { settingsFor, type World } from './context.ts'
import { ANYBODY } from './lines.ts'
import { isOpen, mailBasics, sendOnce, shownRoles } from './mails.ts'
import { adminsOf, NEWS } from './notices.ts'
import { wantedLosses } from './wantedlosses.ts'

/** Mails of this kind that one address gets in a day: a commit that comes and goes is not a mail a minute. Events and statuses tell of the rest. */
const MOST_A_DAY = 10
const DAY = 24 * 3_600_000
const SOON = 1_000
/** So many people are named in a mail. */
const NAMED = 20

/**
 * Tells the admins of an organization that a set of removals, or of mails, is held, each once. The claims are kept in the organization's open RemovalSet:
 * a set that is taken back goes, and that somebody was mailed must not be forgotten with it.
 * @returns when to look again
 */
export const tellAdmins = async (world: World, set: RemovalSet): Promise<number | undefined> => {
  const { organization, time } = set.spec
  const settings = settingsFor(world, organization)?.settings
  const recipients = settings ? adminsOf(world, settings) : []
  if (!settings || recipients.length === 0) return undefined
  const now = world.clock.now()
  const isNews = time !== undefined && now < milliseconds(time) + NEWS
  let again: number | undefined
  for (const to of recipients) {
    const address = normalizeAddress(to.address)
    const key = `held/${set.metadata.name}/${address}`.slice(0, 300)
    const known = world.cache.get('RemovalSet', organization)
    const begun = known !== undefined && isOpen(known.spec, key, now)
    if (!begun && (!isNews || isOver(known?.spec, key, address, now))) continue
    const record = known ?? (await openSet(world, organization))
    if (!record) {
      // It is there, and not known here yet.
      again = Math.min(again ?? Number.POSITIVE_INFINITY, now + SOON)
      continue
    }
    const result = await sendOnce(world, record, {
      key,
      organization,
      because: `RemovalSet/${set.metadata.name}`,
      to: to.address,
      template: set.spec.reason === 'Invitations' ? 'invitationsHeld' : 'removalsHeld',
      compose: ({ claimedTime: date }) => {
        const basics = mailBasics(world, { settings, record: organization, purpose: key, date, to })
        return set.spec.reason === 'Invitations'
          ? world.composer.invitationsHeld({ ...basics, held: invitationsOf(world, set) })
          : world.composer.removalsHeld({ ...basics, held: removalsOf(world, set) })
      },
    })
    if (result.again !== undefined) again = Math.min(again ?? result.again, result.again)
  }
  return again
}

/** Whether this mail went already, or the address had its share for a day. */
const isOver = (spec: RemovalSetSpec | undefined, key: string, address: string, now: number): boolean => {
  const mails = spec?.mails ?? []
  const lately = mails.filter(
    mail => mail.key.endsWith(`/${address}`) && milliseconds(mail.claimedTime) > now - DAY && mail.key !== key,
  )
  return mails.some(mail => mail.key === key) || lately.length >= MOST_A_DAY
}

/** The record that keeps what belongs to the organization and to no set; made where there is none. */
const openSet = async (world: World, organization: string): Promise<RemovalSet | undefined> => {
  await world.effects.writeRemovalSet(
    { name: organization, before: undefined, spec: { organization, state: 'Open' } },
    { actor: 'controller', because: `Organization/${organization}`, organization },
  )
  return world.cache.get('RemovalSet', organization)
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
