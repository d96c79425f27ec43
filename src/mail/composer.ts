import type { MailBasics, MailComposer, MailOrganization as Organization } from '../ports/composer.ts'
import type { MailAddress, OutgoingMail } from '../ports/mailer.ts'
import { headerName } from './plain.ts'
import { type ComposeOptions, composeMail } from './templates/compose.ts'
import type { MailData, MailOrganization, MailTemplate } from './templates/mails.ts'

export interface ComposerOptions {
  /** Sender of organizations that name none. */
  from: MailAddress
  /** Told when an organization's own text could not be used and ours was: a sentence for the log. */
  onProblem?: (problem: { template: MailTemplate; organization: string; problem: string }) => void
}

/** Writes mails from facts. */
export const mailComposer = ({ from, onProblem }: ComposerOptions): MailComposer => {
  const compose = <T extends MailTemplate>(template: T, facts: MailBasics, data: MailData[T]): OutgoingMail => {
    const options: ComposeOptions = { languages: facts.languages, own: facts.paragraph }
    const { subject, text, html, language, problem } = composeMail(template, data, options)
    if (problem !== undefined) onProblem?.({ template, organization: facts.organization.name, problem })
    const { messageId, date, to, replyTo } = facts
    return {
      messageId,
      date,
      to: shown(to),
      from: shown(facts.from ?? from),
      ...(replyTo && { replyTo: shown(replyTo) }),
      subject,
      text,
      html,
      language,
    }
  }
  return {
    invitation: facts =>
      compose('invitation', facts, {
        ...whom(facts),
        roles: facts.roles.map(role => role.displayName),
        validUntil: facts.expirationTime,
        link: facts.url,
        ...(facts.inviter && { inviter: facts.inviter.name }),
        ...(facts.message !== undefined && { message: facts.message }),
        ...(facts.renewed !== undefined && { renewed: facts.renewed }),
      }),
    accountCreated: facts =>
      compose('accountCreated', facts, {
        ...whom(facts),
        roles: facts.roles.map(role => role.displayName),
        validUntil: facts.expirationTime,
        link: facts.url,
        signInUrl: facts.signInUrl,
      }),
    welcome: facts =>
      compose('welcome', facts, {
        ...whom(facts),
        roles: facts.roles.map(({ displayName: name, description }) => ({
          name,
          ...(description !== undefined && { description }),
        })),
        ...(facts.organization.homeUrl !== undefined && { homeUrl: facts.organization.homeUrl }),
        portalUrl: facts.portalUrl,
        links: facts.organization.links,
        licenses: facts.licenses.map(({ product, quantity }) => (quantity > 1 ? `${product} × ${quantity}` : product)),
      }),
    licenseKeys: facts =>
      compose('licenseKeys', facts, {
        ...whom(facts),
        licenseProduct: facts.product,
        keys: facts.keys,
        ...(facts.organization.homeUrl !== undefined && { homeUrl: facts.organization.homeUrl }),
      }),
    adminNotice: facts =>
      compose(facts.notice === 'InvitationFailed' ? 'invitationFailed' : 'invitationGaveUp', facts, {
        organization: organizationOf(facts.organization),
        address: facts.person.address,
        invited: {
          address: facts.invited.address,
          ...(facts.invited.displayName !== undefined && { name: facts.invited.displayName }),
        },
        roles: facts.roles.map(role => role.displayName),
        resource: facts.resource,
        attempts: facts.attempts,
        time: facts.time,
        ...(facts.inviter && { inviter: facts.inviter.name }),
        ...(facts.declaredAt !== undefined && { declaredAt: facts.declaredAt }),
        ...(facts.response !== undefined && { response: facts.response }),
      }),
    removalsHeld: facts => compose('removalsHeld', facts, { ...admin(facts), held: facts.held }),
    invitationsHeld: facts => compose('invitationsHeld', facts, { ...admin(facts), held: facts.held }),
    directoryStale: facts => compose('directoryStale', facts, { ...admin(facts), directory: facts.directory }),
  }
}

/** An address with its name as it may stand in a header: a name that cannot, must not cost somebody their mail. */
const shown = ({ name, address }: MailAddress): MailAddress => {
  const readable = name === undefined ? undefined : headerName(name)
  return readable === undefined ? { address } : { name: readable, address }
}

const whom = ({ organization, person }: MailBasics) => {
  const name = person.displayName ?? person.givenName
  return {
    organization: organizationOf(organization),
    address: person.address,
    ...(name !== undefined && { person: name }),
  }
}

const admin = ({ organization, person }: MailBasics) => ({
  organization: organizationOf(organization),
  organizationName: organization.name,
  address: person.address,
})

const organizationOf = (organization: Organization): MailOrganization => ({
  name: organization.displayName,
  product: organization.productName,
  timeZone: organization.timeZone,
  contacts: organization.supportContacts,
  ...(organization.customerId !== undefined && { customerId: organization.customerId }),
  ...(organization.privacyUrl !== undefined && { privacyUrl: organization.privacyUrl }),
})
