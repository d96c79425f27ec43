import { html } from 'hono/html'
import type { LicensePool } from '../api/licensepool.ts'
import type { Role } from '../api/role.ts'
import type { HeldSeats } from '../decide/held-seats.ts'
import type { OrganizationSettings } from '../decide/settings.ts'
import { contactLine } from './invitation-page.ts'
import type { Html, Page } from './layout.ts'
import type { Standing } from './standing.ts'
import type { Texts } from './texts/en.ts'

/** One organization on the home page. */
export interface HomePlace {
  organization: OrganizationSettings
  standing: Standing
  roles: readonly Role[]
  licenses: readonly HomeLicense[]
}
export interface HomeLicense extends Pick<HeldSeats, 'quantity' | 'state'> {
  product: LicensePool['spec']['product']
}

export interface HomeView {
  t: Texts
  places: readonly HomePlace[]
  /** Display name of the organization that was joined just now. */
  joined: string | undefined
  /** Proven addresses. */
  addresses: readonly string[]
}

/** What one has: organizations, roles and what they allow, licences, where to go and whom to ask. */
export const homePage = ({ t, places, joined, addresses }: HomeView): Page => ({
  title: t.home.title,
  width: 'wide',
  body: html`${joined ? html`<div class="note banner" role="status"><p>${t.home.welcome(joined)}</p></div>` : ''}
<h1>${t.home.title}</h1>
${places.length === 0 ? html`<section class="sheet"><p class="lead">${t.home.none}</p><p>${t.home.noneHint}</p></section>` : ''}
${places.map(place => section(place, t))}
${addresses.length > 1 ? html`<section class="sheet"><h2>${t.home.account}</h2><h3>${t.home.proven}</h3><ul class="links">${addresses.map(address => html`<li>${address}</li>`)}</ul></section>` : ''}`,
})

const section = ({ organization, standing, roles, licenses }: HomePlace, t: Texts): Html => {
  const { portal, displayName, customerId } = organization
  return html`<section class="sheet">
<div class="place-head">
<div><h2>${displayName}</h2>${customerId ? html`<p class="small">${t.customer(customerId)}</p>` : ''}</div>
<span class="badge${standing === 'Active' ? '' : ' quiet'}">${t.home.standing[standing]}</span>
</div>
${banner(standing, displayName, t)}
${portal.homeUrl && standing !== 'Restricted' ? html`<p class="go"><a class="button" href="${portal.homeUrl}" rel="noopener">${t.home.open(portal.productName)}</a></p>` : ''}
<div class="columns">
${standing === 'Active' ? html`<div><h3>${t.home.roles}</h3><ul class="roles">${roles.map(role => roleItem(role, t))}</ul></div>` : ''}
${licenses.length > 0 ? html`<div><h3>${t.home.licenses}</h3><ul class="roles">${licenses.map(license => licenseItem(license, t))}</ul></div>` : ''}
${portal.links.length > 0 ? html`<div><h3>${t.home.links}</h3><ul class="links">${portal.links.map(({ title, url, type }) => html`<li><a href="${url}" rel="noopener noreferrer">${title}</a>${type === 'Document' ? html` <span class="small">${t.home.document}</span>` : ''}</li>`)}</ul></div>` : ''}
${organization.contacts.length > 0 || portal.feedback ? html`<div><h3>${t.home.contacts}</h3><ul class="contacts">${organization.contacts.filter(({ email, phone }) => email || phone).map(contactLine)}${portal.feedback ? contactLine({ name: t.home.feedback, email: portal.feedback.email }) : ''}</ul></div>` : ''}
${portal.help.length > 0 ? html`<div class="help"><h3>${t.home.help}</h3>${portal.help.map(({ question, answer }) => html`<details><summary>${question}</summary><p class="small">${answer}</p></details>`)}</div>` : ''}
</div>
${portal.privacyUrl ? html`<p class="aside"><a href="${portal.privacyUrl}" rel="noopener noreferrer">${t.privacy}</a></p>` : ''}
</section>`
}

const banner = (standing: Standing, organization: string, t: Texts): Html | '' => {
  if (standing === 'Restricted')
    return html`<div class="warn banner" role="status"><h2>${t.home.restrictedTitle}</h2><p>${t.home.restricted(organization)}</p></div>`
  if (standing === 'Settling') return html`<div class="note banner" role="status"><p>${t.home.settling}</p></div>`
  return ''
}

const roleItem = ({ metadata, spec }: Role, t: Texts): Html => {
  const allowed = [
    ...(spec.allow ?? []).map(permission => permissionText(permission, t)),
    ...(spec.deny ?? []).map(permission => `${t.home.except} ${permissionText(permission, t)}`),
  ]
  return html`<li><strong>${spec.displayName ?? metadata.name}</strong>${spec.description ? html`<span class="small">${spec.description}</span>` : ''}
${allowed.length > 0 ? html`<details><summary>${t.home.allows}</summary><ul class="allows">${allowed.map(text => html`<li>${text}</li>`)}</ul></details>` : ''}</li>`
}

/** `documents:*` → `documents: everything`. Areas are words of the product, so they stay as they are. */
const permissionText = (permission: string, t: Texts): string => {
  const [area = '', verb = ''] = permission.split(':')
  if (area === '*') return t.home.everything
  return `${area}: ${verb === '*' ? t.home.everything : verb}`
}

const licenseItem = ({ product, quantity, state }: HomeLicense, t: Texts): Html =>
  html`<li><strong>${product}</strong><span class="small">${t.home.quantity(quantity)} · ${t.home.licenseState[state]}</span></li>`
