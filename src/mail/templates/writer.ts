import { labelText, personText, plainLine } from '../plain.ts'
import type { Catalogue } from './catalogue.ts'
import { type Block, type Fact, type Letter, linkable } from './letter.ts'
import type { MailOrganization } from './mails.ts'

/** What every letter is written with: the words of one language, and the organization's names, made harmless. */
export interface Writer {
  readonly words: Catalogue
  readonly organization: string
  /** With the customer number. */
  readonly company: string
  readonly product: string
  /** `Monday, 23 November 2026 at 09:14 CET`, in the organization's time zone. */
  time(rfc3339: string): string
  /** Names in the order given; the word for "none" where there are none. */
  roles(names: readonly string[]): string
  /** The paragraphs that an organization may replace. */
  opening(person: string | undefined, lead: string): Block[]
  facts(facts: readonly (Fact | undefined)[]): Block
  letter(
    parts: Pick<Letter, 'subject' | 'preview' | 'heading' | 'blocks'>,
    to: { address: string; admin?: boolean; secret?: boolean },
  ): Letter
}

/**
 * @param locale in which times are written, `de-AT`
 * @param own paragraphs of the organization that replace greeting and lead
 */
export function writer(
  organization: MailOrganization,
  words: Catalogue,
  locale: string,
  own: readonly string[] | undefined,
): Writer {
  const name = labelText(organization.name)
  const customer = organization.customerId === undefined ? undefined : labelText(organization.customerId, 50)
  const company = words.company(name, customer)
  const privacy = linkable(organization.privacyUrl)
  const clock = timeFormat(locale, organization.timeZone)
  return {
    words,
    organization: name,
    company,
    product: labelText(organization.product, 60),
    time: rfc3339 => plainLine(clock.format(new Date(rfc3339))),
    roles: names => (names.length === 0 ? words.noRoles : names.map(role => labelText(role)).join(', ')),
    opening: (person, lead) => (own ?? [words.greeting(person), lead]).map(text => ({ is: 'paragraph', text })),
    facts: facts => ({ is: 'facts', facts: facts.filter(fact => fact !== undefined) }),
    letter: (parts, { address, admin = false, secret = false }) => ({
      language: words.language,
      direction: words.direction,
      ...parts,
      footer: [
        { text: admin ? words.footer.admin(address, company) : words.footer.why(address, company) },
        ...(secret ? [{ text: words.footer.secret }] : []),
        ...(organization.contacts ?? [])
          .slice(0, 3)
          .map(contact => ({ text: words.footer.contact(contactText(contact)) })),
        ...(privacy === undefined ? [] : [{ text: words.footer.privacy, url: privacy }]),
      ],
    }),
  }
}

function contactText({ name, email, phone }: NonNullable<MailOrganization['contacts']>[number]): string {
  return [personText(name), email, phone].flatMap(part => (part === undefined ? [] : [labelText(part, 254)])).join(', ')
}

function timeFormat(locale: string, timeZone = 'UTC'): Intl.DateTimeFormat {
  const fields = {
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZoneName: 'short',
  } as const
  try {
    return new Intl.DateTimeFormat(locale, { ...fields, timeZone })
  } catch {
    return new Intl.DateTimeFormat(locale, { ...fields, timeZone: 'UTC' }) // a zone that this machine does not know
  }
}
