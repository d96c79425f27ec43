import type { Membership } from '../api/membership.ts'
import { timestamp } from '../api/timestamp.ts'
import type { User } from '../api/user.ts'
import { normalizeAddress } from '../decide/address.ts'
import { countedAttempts, type Progress } from '../decide/invitation.ts'
import { isUnsettled } from '../decide/membership.ts'
import type { OrganizationSettings } from '../decide/settings.ts'
import { milliseconds } from '../decide/time.ts'
import { settingsFor, type World } from './context.ts'
import { isOpen, mailBasics, type Recipient, recipientOf, sendOnce, shownRoles } from './mails.ts'
import { ownerOf } from './people.ts'
import { licensesOf } from './userstatus.ts'

const DAY = 24 * 3_600_000
/** News older than this is not mailed any more: it would surprise more than help, as when the welcome mail is turned on a year after somebody joined. */
export const NEWS = 3 * DAY
/** Invitations of one organization in a day that its admins are told of by mail; of more, its Events and statuses tell. */
const MOST_NOTICES = 20
/** Admins that one piece of news is mailed to at most. */
const MOST_ADMINS = 20

/** The mail after joining, once. @returns when to look again */
export const welcome = async (
  world: World,
  record: Membership,
  settings: OrganizationSettings,
  user: User | undefined,
): Promise<number | undefined> => {
  const key = 'welcome'
  const { joined } = record.spec
  const now = world.clock.now()
  if (!joined || joined.how === 'Declared') return undefined
  const isNews = settings.onboarding.welcomeMail && now < milliseconds(joined.time) + NEWS
  if (!isNews && !isOpen(record.spec, key, now)) return undefined
  // The mail names what the person has; the roles follow the joining within moments, and those of an Invitation once more.
  const roles = record.spec.settled?.roles
  if (!roles || isUnsettled(record.spec)) return undefined
  const to = recipientOf(user?.spec.email ?? record.spec.address, user)
  const { again } = await sendOnce(world, record, {
    key,
    organization: settings.name,
    because: `joined ${settings.displayName}`,
    to: to.address,
    template: 'welcome',
    compose: claim =>
      world.composer.welcome({
        ...mailBasics(world, { settings, record: record.metadata.name, purpose: key, date: claim.claimedTime, to }),
        ...(settings.mail.templates.welcome !== undefined && { paragraph: settings.mail.templates.welcome }),
        roles: shownRoles(world, roles),
        licenses: seatsOf(world, user),
        portalUrl: world.links.publicUrl,
      }),
  })
  return again
}

/** What a welcome mail says of seats: those that are there. */
const seatsOf = (world: World, user: User | undefined): { product: string; quantity: number }[] =>
  (user ? licensesOf(world, user) : [])
    .filter(({ state }) => state === 'Used' || state === 'Reserved')
    .map(({ pool, quantity }) => ({ product: world.cache.get('LicensePool', pool)?.spec.product ?? pool, quantity }))

/** What nobody came by: an Invitation, or a User whose set-up link was never used. */
export interface Unanswered {
  /** `Invitation/carol`. */
  resource: string
  declaredAt: string
  givenName?: string | undefined
}

/** Tells the admins that nobody comes by this invitation, each once. */
export const noticeAdmins = async (
  world: World,
  record: Membership,
  settings: OrganizationSettings,
  { state, attempt }: Progress,
  of: Unanswered,
): Promise<{ record: Membership; again: number | undefined }> => {
  let latest = record
  let again: number | undefined
  if ((state !== 'Failed' && state !== 'GaveUp') || !attempt || attempt.withdrawnTime !== undefined)
    return { record, again }
  const now = world.clock.now()
  const since = state === 'GaveUp' ? attempt.expirationTime : (attempt.outcomeTime ?? attempt.deadline)
  const begun = record.spec.mails.some(mail => mail.key.startsWith(`notice/${state}/${attempt.number}/`))
  const isNews = now < milliseconds(since) + NEWS && (begun || noticesOf(world, settings.name, now) < MOST_NOTICES)
  const user = ownerOf(world.cache, record.spec.address)
  const invited = recipientOf(record.spec.address, user, { displayName: of.givenName })
  for (const to of adminsOf(world, settings)) {
    const key = `notice/${state}/${attempt.number}/${normalizeAddress(to.address)}`.slice(0, 300)
    if (!isNews && !isOpen(latest.spec, key, now)) continue
    const result = await sendOnce(world, latest, {
      key,
      organization: settings.name,
      because: `invitation of ${record.spec.address}: ${state}`,
      to: to.address,
      template: 'adminNotice',
      compose: claim =>
        world.composer.adminNotice({
          ...mailBasics(world, {
            settings,
            record: record.metadata.name,
            purpose: key,
            date: claim.claimedTime,
            to,
          }),
          notice: state === 'Failed' ? 'InvitationFailed' : 'InvitationGaveUp',
          invited: {
            address: record.spec.address,
            ...(invited.displayName !== undefined && { displayName: invited.displayName }),
          },
          roles: shownRoles(world, attempt.roles),
          resource: of.resource,
          time: attempt.outcomeTime ?? attempt.claimedTime,
          attempts: countedAttempts(latest.spec, attempt.series),
          ...(attempt.response !== undefined && { response: attempt.response }),
          declaredAt: of.declaredAt,
        }),
    })
    latest = result.record
    if (result.again !== undefined) again = Math.min(again ?? result.again, result.again)
  }
  return { record: latest, again }
}

/** Invitations of an organization that its admins were told of on this day (UTC): a list of a thousand wrong addresses is not a thousand mails. */
const noticesOf = ({ cache }: World, organization: string, now: number): number =>
  cache.by('Membership', 'noticed', `${organization}/${timestamp(now).slice(0, 10)}`).length

/** Admins of an organization, else its contacts with an address, else those of its parent, and so on. */
export const adminsOf = (world: World, settings: OrganizationSettings): Recipient[] => {
  for (const organization of settings.chain) {
    const admins = world.cache.by('Membership', 'admins', organization).flatMap(({ spec }) => {
      const user = ownerOf(world.cache, spec.address)
      return user?.spec.suspended === true ? [] : [recipientOf(user?.spec.email ?? spec.address, user)]
    })
    const contacts = (settingsFor(world, organization)?.settings.contacts ?? []).flatMap(({ name, email }) =>
      email === undefined ? [] : [{ address: email, displayName: name }],
    )
    const found = admins.length > 0 ? admins : contacts
    if (found.length > 0) return found.slice(0, MOST_ADMINS)
  }
  return []
}
