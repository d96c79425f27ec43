import { ParagraphError } from '../errors.ts'
import { OWN_TEMPLATES, type OwnTemplate, type PlaceholderValues, renderParagraphs } from '../liquid.ts'
import { labelText, personText, plainLine } from '../plain.ts'
import { accountLetter } from './account.ts'
import { catalogueFor } from './catalogue.ts'
import { heldLetter } from './held.ts'
import { invitationLetter } from './invitation.ts'
import { invitationsHeldLetter } from './invitationsheld.ts'
import type { Letter } from './letter.ts'
import { licensesLetter } from './licenses.ts'
import type { MailData, MailTemplate } from './mails.ts'
import { noticeLetter } from './notice.ts'
import { letterHtml } from './page.ts'
import { staleLetter } from './stale.ts'
import { letterText } from './text.ts'
import { welcomeLetter } from './welcome.ts'
import { type Writer, writer } from './writer.ts'

export interface ComposedMail {
  subject: string
  text: string
  html: string
  /** BCP 47: the language that the mail is in, which need not be the one that was wished for. */
  language: string
  /** Why the organization's own text was not used; the built-in one stands in its place. */
  problem?: string
}

export interface ComposeOptions {
  /** Wishes, best first: the person's `locale`, the organization's `mail.locale`. English when there is none of them. */
  languages: readonly (string | undefined)[]
  /** The organization's own text (`mail.templates`), in Liquid without logic. It replaces greeting and lead, nothing else. */
  own?: string | undefined
}

/**
 * Writes one mail, as text and as HTML that say the same. Deterministic: the same data give the same mail.
 * Whatever a person typed adds no link, no line of its own outside of its quotation, and no markup.
 *
 * @throws TypeError for a link that is no https address
 */
export function composeMail<T extends MailTemplate>(
  template: T,
  data: MailData[T],
  { languages, own }: ComposeOptions,
): ComposedMail {
  const { catalogue, locale } = catalogueFor(languages)
  const letters = LETTERS as { [K in MailTemplate]: (data: MailData[K], write: Writer) => Letter }
  let paragraphs: string[] | undefined
  let problem: string | undefined
  if (own !== undefined && isOwn(template)) {
    try {
      paragraphs = renderParagraphs(
        template,
        own,
        valuesOf(data, writer(data.organization, catalogue, locale, undefined)),
      ).map(text => labelText(text, 4_000))
    } catch (error) {
      if (!(error instanceof ParagraphError)) throw error
      problem = error.message
    }
  }
  const letter = letters[template](data, writer(data.organization, catalogue, locale, paragraphs))
  return {
    subject: plainLine(letter.subject, 200),
    text: letterText(letter),
    html: letterHtml(letter),
    language: letter.language,
    ...(problem === undefined ? {} : { problem }),
  }
}

const LETTERS: { [K in MailTemplate]: (data: MailData[K], write: Writer) => Letter } = {
  invitation: invitationLetter,
  accountCreated: accountLetter,
  welcome: welcomeLetter,
  licenseKeys: licensesLetter,
  invitationFailed: (data, write) => noticeLetter('failed', data, write),
  invitationGaveUp: (data, write) => noticeLetter('gaveUp', data, write),
  removalsHeld: heldLetter,
  invitationsHeld: invitationsHeldLetter,
  directoryStale: staleLetter,
}

function isOwn(template: MailTemplate): template is OwnTemplate {
  return (OWN_TEMPLATES as readonly string[]).includes(template)
}

/** What placeholders stand for; `liquid.ts` says which template may use which. */
function valuesOf(data: MailData[MailTemplate], write: Writer): PlaceholderValues {
  const { organization, address } = data
  const person = 'person' in data && data.person !== undefined ? personText(data.person) : ''
  const roles = 'roles' in data ? data.roles.map(role => (typeof role === 'string' ? role : role.name)) : []
  return {
    'person.name': person,
    'person.email': plainLine(address, 254),
    'organization.name': write.organization,
    'organization.customerId': organization.customerId === undefined ? '' : labelText(organization.customerId, 50),
    'product.name': write.product,
    'inviter.name': 'inviter' in data && data.inviter !== undefined ? personText(data.inviter) : '',
    roles: write.roles(roles),
    validUntil: 'validUntil' in data ? write.time(data.validUntil) : '',
    'license.product': 'licenseProduct' in data ? labelText(data.licenseProduct) : '',
    'license.count': 'keys' in data ? String(data.keys.length) : '',
  }
}
