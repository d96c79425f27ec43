import { html } from 'hono/html'
import { formToken, knownAddress, newPasswordFields, passwordField, problemBox } from './fields.ts'
import type { InvitationFacts } from './invitation-facts.ts'
import { type Language, timeText } from './language.ts'
import type { Html, Page } from './layout.ts'
import type { Texts } from './texts/en.ts'

export interface InvitationView {
  facts: InvitationFacts
  language: Language
  t: Texts
  /** What is asked for before joining. */
  way: 'SetPassword' | 'SignIn' | 'AsYourself' | 'SomebodyElse'
  /** Address of who is signed in. */
  signedInAs: string | undefined
  tokens: { accept: string; decline: string; signOut: string }
  problem?: string | undefined
}

/** The same facts as in the mail, then one decision. */
export const invitationPage = (view: InvitationView): Page => {
  const { facts, t, problem, language } = view
  const { organization } = facts
  const product = organization.portal.productName
  const isSetUp = facts.purpose === 'SetUp'
  return {
    title: isSetUp ? t.invitation.setUpHeading(product) : t.invitation.title(product),
    problem: problem !== undefined,
    body: html`<section class="sheet">
<h1>${isSetUp ? t.invitation.setUpHeading(product) : t.invitation.heading(organization.displayName, product)}</h1>
${isSetUp ? html`<p class="lead">${t.invitation.setUpLead(organization.displayName)}</p>` : ''}
<dl class="facts">
<div><dt>${t.invitation.from}</dt><dd>${facts.inviters.map(inviter => html`${inviter}<br>`)}${organization.displayName}${organization.customerId ? html`<span class="small">${t.customer(organization.customerId)}</span>` : ''}</dd></div>
<div><dt>${t.invitation.forWhom}</dt><dd>${facts.address}</dd></div>
<div><dt>${facts.roles.length > 1 ? t.invitation.rolesMany : t.invitation.roles}</dt><dd>${roles(facts, t)}</dd></div>
<div><dt>${t.invitation.until}</dt><dd><time datetime="${facts.expirationTime}">${timeText(facts.expirationTime, language, organization.timeZone)}</time></dd></div>
</dl>
${facts.messages.map(
  ({ from, text }) => html`<figure class="quote">
<figcaption>${from ? t.invitation.quote(from) : t.invitation.quoteUnknown}</figcaption>
<blockquote dir="auto">${text}</blockquote>
</figure>`,
)}
${answer(view)}
${isSetUp ? '' : refusal(view)}
</section>
${contacts(facts, t)}`,
  }
}

const roles = ({ roles }: InvitationFacts, t: Texts): Html =>
  roles.length === 0
    ? html`${t.invitation.noRoles}`
    : html`<ul>${roles.map(({ displayName, description }) => html`<li>${displayName}${description ? html`<span class="small">${description}</span>` : ''}</li>`)}</ul>`

const answer = ({ facts, t, way, tokens, problem, signedInAs }: InvitationView): Html => {
  if (way === 'SomebodyElse')
    return html`<div class="warn"><p>${t.invitation.somebodyElse(signedInAs ?? '')}</p></div>
<form method="post" action="/sign-out">
${formToken(tokens.signOut)}
<input type="hidden" name="to" value="invitation">
<button class="main" type="submit">${t.invitation.switch}</button>
</form>`
  const isSetUp = facts.purpose === 'SetUp'
  const button = isSetUp ? t.invitation.setUp : way === 'SignIn' ? t.invitation.signInAndAccept : t.invitation.accept
  return html`${isSetUp ? '' : html`<p class="note">${t.invitation.nothingYet}</p>`}
<form method="post" action="/invitation">
${problemBox(problem)}
${formToken(tokens.accept)}
${way === 'AsYourself' ? html`<p>${t.invitation.asYourself(signedInAs ?? '')}</p>` : ''}
${way === 'SignIn' ? html`<p>${t.invitation.existing}</p>` : ''}
${way === 'AsYourself' ? '' : knownAddress(t, facts.address)}
${way === 'SetPassword' ? newPasswordFields(t, problem) : ''}
${way === 'SignIn' ? passwordField(t, problem) : ''}
<button class="main" type="submit">${button}</button>
</form>`
}

const refusal = ({ t, tokens }: InvitationView): Html => html`<details>
<summary>${t.invitation.declineSummary}</summary>
<p class="small">${t.invitation.declineText}</p>
<form method="post" action="/invitation/decline">
${formToken(tokens.decline)}
<div class="field"><label class="check"><input type="checkbox" name="report" value="yes"> <span>${t.invitation.report}</span></label></div>
<button class="second" type="submit">${t.invitation.decline}</button>
</form>
</details>`

const contacts = ({ organization }: InvitationFacts, t: Texts): Html | '' => {
  const support = organization.contacts.filter(({ purpose, email, phone }) => purpose === 'Support' && (email || phone))
  if (support.length === 0) return ''
  return html`<div class="aside"><p class="small">${t.invitation.help(organization.displayName)}</p>
<ul class="contacts">${support.map(contactLine)}</ul></div>`
}

/** Name, mail address and telephone number, as links. */
export const contactLine = ({
  name,
  email,
  phone,
}: {
  name: string
  email?: string | undefined
  phone?: string | undefined
}): Html =>
  html`<li>${name}${email ? html` · <a href="mailto:${encodeURIComponent(email).replace('%40', '@')}">${email}</a>` : ''}${phone ? html` · <a href="tel:${phone.replace(/[^+0-9]/g, '')}">${phone}</a>` : ''}</li>`
