import type { MailRecord, Membership } from '../api/membership.ts'
import type { User } from '../api/user.ts'
import { parseAddress } from '../decide/address.ts'
import { claimState, openClaim, reopenClaim } from '../decide/claim.ts'
import { messageId } from '../decide/record-names.ts'
import type { OrganizationSettings } from '../decide/settings.ts'
import type { MailKeeper } from '../effects/effects.ts'
import type { MailBasics } from '../ports/composer.ts'
import type { OutgoingMail } from '../ports/mailer.ts'
import { settingsFor, type World } from './context.ts'
import { stopFor } from './frozen.ts'

const MOST_MAILS = 200

/** Who a mail goes to. */
export interface Recipient {
  /** As written. */
  address: string
  displayName?: string | undefined
  givenName?: string | undefined
  locale?: string | undefined
}

/** A recipient from a User, where there is one. */
export const recipientOf = (address: string, user: User | undefined, fallback: Partial<Recipient> = {}): Recipient => {
  const { givenName, familyName } = user?.spec ?? {}
  const full = [givenName, familyName].filter(part => part !== undefined).join(' ')
  return {
    address,
    displayName: user?.spec.displayName ?? (full || fallback.displayName),
    givenName: givenName ?? fallback.givenName,
    locale: user?.spec.locale ?? fallback.locale,
  }
}

/** What every mail of an organization says, whatever it is about. */
export const mailBasics = (
  world: Pick<World, 'links'>,
  of: { settings: OrganizationSettings; record: string; purpose: string; date: string; to: Recipient },
): MailBasics => {
  const { settings, to } = of
  const parsed = parseAddress(to.address)
  const address = 'problem' in parsed ? to.address : parsed.text
  const { portal, mail } = settings
  return {
    messageId: messageId(of.record, of.purpose, new URL(world.links.publicUrl).hostname),
    date: of.date,
    to: { ...(to.displayName !== undefined && { name: to.displayName }), address },
    ...(mail.from && { from: { name: mail.from.name ?? settings.displayName, address: mail.from.email } }),
    languages: [...(to.locale === undefined ? [] : [to.locale]), mail.locale],
    organization: {
      name: settings.name,
      displayName: settings.displayName,
      ...(settings.customerId !== undefined && { customerId: settings.customerId }),
      productName: portal.productName,
      ...(portal.homeUrl !== undefined && { homeUrl: portal.homeUrl }),
      ...(portal.privacyUrl !== undefined && { privacyUrl: portal.privacyUrl }),
      timeZone: settings.timeZone,
      supportContacts: settings.contacts
        .filter(contact => contact.purpose === 'Support')
        .map(({ name, email, phone }) => ({
          name,
          ...(email !== undefined && { email }),
          ...(phone !== undefined && { phone }),
        })),
      links: portal.links.map(({ title, url, type }) => ({ title, url, type: type ?? 'Link' })),
    },
    person: {
      ...(to.givenName !== undefined && { givenName: to.givenName }),
      ...(to.displayName !== undefined && { displayName: to.displayName }),
      address,
    },
  }
}

/** Roles as a mail shows them; those that exist no more are left out. */
export const shownRoles = (world: Pick<World, 'cache'>, names: readonly string[]) =>
  names.flatMap(name => {
    const role = world.cache.get('Role', name)
    if (!role) return []
    const { displayName = name, description } = role.spec
    return [{ name, displayName, ...(description !== undefined && { description }) }]
  })

/** What became of a mail that goes once a key. */
export interface OnceResult<R extends MailKeeper = Membership> {
  record: R
  /** When to look again; absent: it is over, whatever came of it, or waits for the organization to be unfrozen. */
  again?: number
}

/** Whether a mail of this key is under way and not over: it is to be looked after. */
export const isOpen = (spec: MailKeeper['spec'], key: string, now: number): boolean => {
  const mail = spec.mails?.find(one => one.key === key)
  if (!mail) return false
  const { is } = claimState(mail, now)
  return is === 'again' || is === 'busy'
}

/** Sends a mail that goes once a key, ever: claims it, or goes on where it stands. */
export const sendOnce = async <R extends MailKeeper>(
  world: World,
  record: R,
  of: {
    key: string
    organization: string
    because: string
    to: string
    template: string
    compose: (claim: MailRecord) => OutgoingMail
  },
): Promise<OnceResult<R>> => {
  const by = { now: world.clock.now(), epoch: world.epoch }
  // Looked at again when that ends: everything that mails watches its organizations for it.
  if (stopFor(world, settingsFor(world, of.organization)?.settings.frozen)) return { record }
  const held = world.effects.mailHeldUntil()
  if (held > by.now) return { record, again: held }
  const mails = record.spec.mails ?? []
  const found = mails.find(mail => mail.key === of.key)
  let mail: MailRecord
  if (found) {
    const state = claimState(found, by.now, by.epoch)
    if (state.is === 'busy') return { record, again: state.until }
    if (state.is !== 'again') return { record }
    if (state.at > by.now) return { record, again: state.at }
    mail = reopenClaim(found, by)
  } else mail = { key: of.key, ...openClaim(by) }

  const result = await world.effects.mail({
    record,
    claimed: { ...record.spec, mails: bounded([...mails.filter(one => one.key !== of.key), mail]) },
    slot: { in: 'mails', key: of.key },
    compose: async () => of.compose(mail),
    explained: {
      actor: 'controller',
      because: of.because,
      organization: of.organization,
      changes: [
        {
          action: 'send',
          target: 'mail',
          kind: record.kind,
          name: record.metadata.name,
          organization: of.organization,
          because: of.because,
          fields: { template: of.template, to: of.to },
        },
      ],
    },
  })
  if (result.is === 'lost') return { record, again: by.now }
  const sent = result.record.spec.mails?.find(one => one.key === of.key)
  const state = sent && claimState(sent, world.clock.now())
  if (state?.is === 'again') return { record: result.record, again: state.at }
  if (state?.is === 'busy') return { record: result.record, again: state.until }
  return { record: result.record }
}

/** The newest, and never without one that is not over. */
const bounded = (mails: MailRecord[]): MailRecord[] => {
  const kept = [...mails]
  while (kept.length > MOST_MAILS) {
    const oldest = kept.findIndex(mail => mail.outcome === 'Sent' || mail.outcome === 'Refused')
    kept.splice(Math.max(oldest, 0), 1)
  }
  return kept
}
