import type { Context, Hono } from 'hono'
import { html } from 'hono/html'
import { type LinkToken, parseToken } from '../accounts/links.ts'
import { hashToken } from '../accounts/token.ts'
import { INVITATION_LIMITS } from '../accounts/tries.ts'
import { accountName } from '../decide/record-names.ts'
import { type Acceptance, accept, type OpenInvitation, readInvitation } from './acceptance.ts'
import type { Desk, Frames, Visit } from './desk.ts'
import { formToken } from './fields.ts'
import { invitationFacts } from './invitation-facts.ts'
import { invitationPage } from './invitation-page.ts'
import { messagePage } from './message-page.ts'
import { requestNewLink } from './new-link.ts'
import { decline } from './refusal.ts'

const PAGE = '/invitation'

/**
 * Everything behind the link of a mail. The link itself only leads on: to a clean address, with what it says in a cookie for two hours.
 * Following it, looking at the page, and any number of scanners that do so change nothing.
 */
export const invitationRoutes = (app: Hono, desk: Desk): void => {
  app.get('/invitations/:token', c => {
    const text = c.req.param('token')
    desk.cookies.set(c, 'invitation', parseToken(text) ? text : 'none')
    c.header('referrer-policy', 'no-referrer')
    return c.redirect(PAGE, 303)
  })

  app.get(PAGE, async c => {
    const { token } = held(desk, c)
    const invitation = await readInvitation(desk, token)
    const visit = await desk.visit(c, hintOf(desk, invitation))
    if (invitation.is === 'joined' && visit.person?.account.metadata.name === invitation.account)
      return c.redirect('/me', 303)
    return showInvitation(desk, c, visit, invitation)
  })

  app.post(PAGE, async c => {
    const { token, about } = held(desk, c)
    const fields = await desk.forms.read(c, 'accept', about)
    const invitation = await readInvitation(desk, token)
    const visit = await desk.visit(c, hintOf(desk, invitation))
    if (!(await desk.tries.within(INVITATION_LIMITS.answer, 'accept', visit.client)))
      return showInvitation(desk, c, visit, invitation, visit.t.signInPage.tooMany, 429)
    const result = await accept(desk, {
      token,
      person: visit.person,
      password: fields.get('password') ?? '',
      repeated: fields.get('repeat'),
      language: visit.language,
      client: visit.client,
      known:
        invitation.is === 'open' &&
        desk.isKnown(c, invitation.account?.metadata.name ?? accountName(invitation.membership.spec.address)),
    })
    if (result.is !== 'accepted') {
      const { problem, status } = said(result, visit)
      return showInvitation(
        desk,
        c,
        visit,
        result.is === 'dead' ? { is: 'dead' } : await readInvitation(desk, token),
        problem,
        status,
      )
    }
    if (visit.person?.account.metadata.name !== result.account.metadata.name) await desk.letIn(c, result.account)
    // The cookie stays: a second tab that sends the same form sees the same.
    return c.redirect(`/me?joined=${encodeURIComponent(result.organization)}`, 303)
  })

  app.post(`${PAGE}/decline`, async c => {
    const { token, about } = held(desk, c)
    const fields = await desk.forms.read(c, 'decline', about)
    const done = await decline(desk, { token, reported: fields.get('report') === 'yes' })
    if (!done) return showInvitation(desk, c, await desk.visit(c), { is: 'dead' })
    return c.redirect(`${PAGE}/declined`, 303)
  })
  app.get(`${PAGE}/declined`, async c => {
    const { token } = held(desk, c)
    const visit = await desk.visit(c, hintOf(desk, await readInvitation(desk, token)))
    return desk.show(c, visit, {
      ...messagePage(visit.t.declined.title, [visit.t.declined.text]),
      path: `${PAGE}/declined`,
    })
  })

  app.post(`${PAGE}/new-link`, async c => {
    const { token, about } = held(desk, c)
    await desk.forms.read(c, 'new-link', about)
    await requestNewLink(desk, { token, client: (await desk.visit(c)).client })
    return c.redirect(`${PAGE}/new-link`, 303)
  })
  app.get(`${PAGE}/new-link`, async c => {
    const visit = await desk.visit(c)
    const { title, text, spam } = visit.t.newLink
    return desk.show(c, visit, { ...messagePage(title, [text, spam]), path: `${PAGE}/new-link` })
  })
}

/** The link that this browser followed last, and a short name for it that forms are bound to. */
const held = ({ cookies }: Desk, c: Context): { token: LinkToken | undefined; about: string } => {
  const text = cookies.get(c, 'invitation') ?? 'none'
  return { token: parseToken(text), about: hashToken(text) }
}

/** Only of an open invitation: a dead link looks the same whether it was ever made or not, in the language too. */
const hintOf = (desk: Desk, invitation: OpenInvitation): string | undefined =>
  invitation.is === 'open' ? invitationFacts(desk, invitation)?.locale : undefined

/** The page of an open invitation, or the one page for every link that is none. */
const showInvitation = async (
  desk: Desk,
  c: Context,
  visit: Visit,
  invitation: OpenInvitation,
  problem?: string,
  status?: Frames['status'],
): Promise<Response> => {
  const facts = invitation.is === 'open' ? invitationFacts(desk, invitation) : undefined
  if (invitation.is !== 'open' || !facts) return showDead(desk, c, visit)
  const { about } = held(desk, c)
  const { person, language, t } = visit
  const page = invitationPage({
    facts,
    language,
    t,
    way: person ? (person.addresses.includes(facts.address) ? 'AsYourself' : 'SomebodyElse') : invitation.way,
    signedInAs: person?.account.spec.address,
    tokens: {
      accept: desk.forms.token(c, 'accept', about),
      decline: desk.forms.token(c, 'decline', about),
      signOut: desk.forms.token(c, 'sign-out'),
    },
    problem,
  })
  const { productName, privacyUrl } = facts.organization.portal
  return desk.show(c, visit, { ...page, path: PAGE, brand: productName, privacyUrl, ...(status ? { status } : {}) })
}

/** Too old, used, withdrawn, never made: nobody can tell them apart, and everybody has a way on. */
const showDead = (desk: Desk, c: Context, visit: Visit): Promise<Response> => {
  const { dead, signIn } = visit.t
  const action = html`<form method="post" action="${PAGE}/new-link">
${formToken(desk.forms.token(c, 'new-link', held(desk, c).about))}
<button class="main" type="submit">${dead.newLink}</button>
<p class="hint">${dead.newLinkHint}</p>
</form>
<p class="go">${dead.signInHint} <a href="/sign-in">${signIn}</a></p>`
  return desk.show(c, visit, { ...messagePage(dead.title, [dead.text], action), path: PAGE, status: 404 })
}

const said = (
  result: Exclude<Acceptance, { is: 'accepted' }>,
  { t }: Visit,
): { problem?: string; status?: Frames['status'] } => {
  switch (result.is) {
    case 'passwordProblem':
      return { problem: t.passwordProblem[result.problem], status: 422 }
    case 'wrongPassword':
      return { problem: t.signInPage.wrong, status: 401 }
    case 'tooManyTries':
      return { problem: t.signInPage.tooMany, status: 429 }
    case 'somebodyElse':
      return { status: 403 }
    case 'dead':
      return {}
  }
}
