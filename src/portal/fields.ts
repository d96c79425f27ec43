import { html } from 'hono/html'
import { PASSWORD_LENGTH } from '../accounts/password.ts'
import type { Html } from './layout.ts'
import type { Texts } from './texts/en.ts'

/** What was wrong with a form, said first and read out at once (WCAG 2.2, 3.3.1 and 4.1.3). */
export const problemBox = (problem: string | undefined): Html | '' =>
  problem ? html`<p class="problem" role="alert" id="problem">${problem}</p>` : ''

const invalid = (problem: string | undefined): Html | '' =>
  problem ? html` aria-invalid="true" aria-describedby="problem"` : ''

/** The address of the person, which they need not type; it stands there for password managers too. */
export const knownAddress = (t: Texts, address: string): Html => html`<div class="field">
<label for="address">${t.address}</label>
<input id="address" name="address" type="email" autocomplete="username" value="${address}" readonly>
</div>`

export const addressField = (t: Texts, address: string, problem?: string): Html => html`<div class="field">
<label for="address">${t.address}</label>
<input id="address" name="address" type="email" autocomplete="username" inputmode="email" autocapitalize="none" spellcheck="false" required maxlength="254" value="${address}"${invalid(problem)}>
</div>`

export const passwordField = (t: Texts, problem?: string): Html => html`<div class="field">
<label for="password">${t.password}</label>
<input id="password" name="password" type="password" autocomplete="current-password" required maxlength="1024"${invalid(problem)}${problem ? html` autofocus` : ''}>
</div>`

/** Twice, since nobody sees what they type and there is no other way in yet. */
export const newPasswordFields = (t: Texts, problem?: string): Html => html`<div class="field">
<label for="password">${t.invitation.newPassword}</label>
<input id="password" name="password" type="password" autocomplete="new-password" required minlength="${PASSWORD_LENGTH.least}" maxlength="1024"${problem ? html` aria-invalid="true" aria-describedby="problem password-hint" autofocus` : html` aria-describedby="password-hint"`}>
<p class="hint" id="password-hint">${t.invitation.passwordHint(PASSWORD_LENGTH.least)}</p>
</div>
<div class="field">
<label for="repeat">${t.invitation.repeatPassword}</label>
<input id="repeat" name="repeat" type="password" autocomplete="new-password" required maxlength="1024">
</div>`

export const formToken = (token: string): Html => html`<input type="hidden" name="form" value="${token}">`
