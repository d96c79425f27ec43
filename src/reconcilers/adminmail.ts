import type { RemovalSet, RemovalSetSpec } from '../api/removalset.ts'
import { normalizeAddress } from '../decide/address.ts'
import { milliseconds } from '../decide/time.ts'
import type { MailBasics } from '../ports/composer.ts'
import type { OutgoingMail } from '../ports/mailer.ts'
import { settingsFor, type World } from './context.ts'
import { isOpen, mailBasics, sendOnce } from './mails.ts'
import { adminsOf } from './notices.ts'

/** Mails of one sort that one address gets in a day: a commit that comes and goes is not a mail a minute. Events and statuses tell of the rest. */
const MOST_A_DAY = 10
const DAY = 24 * 3_600_000
const SOON = 1_000

/** Something that the admins of an organization are told of. */
export interface AdminMail {
  organization: string
  /** `held`; what is told so often is counted by it. */
  sort: string
  /** What it is about, once each. */
  about: string
  /** Otherwise only what was begun is brought to an end. */
  isNews: boolean
  because: string
  template: string
  compose(basics: MailBasics): OutgoingMail
}

/**
 * Mails each admin of an organization once about something that concerns no single person. The claims are kept in the organization's open RemovalSet:
 * what it is about may go, and that somebody was mailed must not be forgotten with it.
 * @returns when to look again
 */
export const mailAdmins = async (world: World, of: AdminMail): Promise<number | undefined> => {
  const { organization, sort } = of
  const settings = settingsFor(world, organization)?.settings
  const recipients = settings ? adminsOf(world, settings) : []
  if (!settings || recipients.length === 0) return undefined
  const now = world.clock.now()
  let again: number | undefined
  for (const to of recipients) {
    const address = normalizeAddress(to.address)
    const key = `${sort}/${of.about}/${address}`.slice(0, 300)
    const known = world.cache.get('RemovalSet', organization)
    const begun = known !== undefined && isOpen(known.spec, key, now)
    if (!begun && (!of.isNews || isOver(known?.spec, { key, sort, address }, now))) continue
    const record = known ?? (await openSet(world, organization))
    if (!record) {
      // It is there, and not known here yet.
      again = Math.min(again ?? Number.POSITIVE_INFINITY, now + SOON)
      continue
    }
    const result = await sendOnce(world, record, {
      key,
      organization,
      because: of.because,
      to: to.address,
      template: of.template,
      compose: ({ claimedTime: date }) =>
        of.compose(mailBasics(world, { settings, record: organization, purpose: key, date, to })),
    })
    if (result.again !== undefined) again = Math.min(again ?? result.again, result.again)
  }
  return again
}

/** Whether this mail went already, or the address had its share for a day. */
const isOver = (
  spec: RemovalSetSpec | undefined,
  { key, sort, address }: { key: string; sort: string; address: string },
  now: number,
): boolean => {
  const mails = spec?.mails ?? []
  const lately = mails.filter(
    mail =>
      mail.key.startsWith(`${sort}/`) &&
      mail.key.endsWith(`/${address}`) &&
      milliseconds(mail.claimedTime) > now - DAY &&
      mail.key !== key,
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
