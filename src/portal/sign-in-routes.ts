import type { Context, Hono } from 'hono'
import { html } from 'hono/html'
import { parseToken } from '../accounts/links.ts'
import { hashToken, isToken } from '../accounts/token.ts'
import type { Account } from '../api/account.ts'
import { isConflict } from '../api/errors.ts'
import { normalizeAddress } from '../decide/address.ts'
import { accountName } from '../decide/record-names.ts'
import { timestamp } from '../ports/clock.ts'
import { readInvitation } from './acceptance.ts'
import type { Desk, Frames, Visit } from './desk.ts'
import { addressField, formToken, passwordField, problemBox } from './fields.ts'
import { messagePage } from './message-page.ts'

/** Signing in with a password or a link that works once, and signing out. */
export const signInRoutes = (app: Hono, desk: Desk): void => {
  const { audit, clock, credentials, cookies, forms, passwords, people, store, tries } = desk

  app.get('/sign-in', async c => {
    const visit = await desk.visit(c)
    return visit.person ? c.redirect('/me', 303) : showSignIn(desk, c, visit, {})
  })

  app.post('/sign-in', async c => {
    const fields = await forms.read(c, 'sign-in')
    const visit = await desk.visit(c)
    const { t, client } = visit
    const typed = (fields.get('address') ?? '').trim().slice(0, 254)
    const address = normalizeAddress(typed)
    const account = await people.accountOf(address)
    const name = account?.metadata.name ?? accountName(address)
    if (!(await tries.signIn({ address, client, known: desk.isKnown(c, name) })))
      return showSignIn(desk, c, visit, { typed, problem: t.signInPage.tooMany, status: 429 })
    const password = fields.get('password') ?? ''
    const hash = account && (await credentials.passwordHash(name))
    const { right, stale } = await passwords.verify(password, hash)
    if (!account || !right) {
      await audit.append({
        phase: 'change',
        actor: `account/${name}`,
        action: 'account.signInRefused',
        target: `Account/${name}`,
        because: 'address or password was not right',
      })
      return showSignIn(desk, c, visit, { typed, problem: t.signInPage.wrong, status: 401 })
    }
    if (stale) await credentials.replacePassword(name, await passwords.hash(password))
    return enter(desk, c, visit, account, 'the password was right')
  })

  app.post('/sign-out', async c => {
    const fields = await forms.read(c, 'sign-out')
    // Whoever may no longer be in may still go out.
    const session = await desk.sessions.find(cookies.get(c, 'session'))
    await desk.letOut(c, session)
    if (session)
      await audit.append({
        phase: 'change',
        actor: `account/${session.account}`,
        action: 'account.signOut',
        target: `Account/${session.account}`,
      })
    return c.redirect(fields.get('to') === 'invitation' ? '/invitation' : '/sign-in', 303)
  })

  app.get('/sign-in-links/:token', c => {
    const token = c.req.param('token')
    cookies.set(c, 'signInLink', isToken(token) ? token : 'none')
    c.header('referrer-policy', 'no-referrer')
    return c.redirect('/sign-in-link', 303)
  })

  app.get('/sign-in-link', async c => showSignInLink(desk, c, await desk.visit(c)))

  app.post('/sign-in-link', async c => {
    const token = cookies.get(c, 'signInLink') ?? 'none'
    await forms.read(c, 'sign-in-link', hashToken(token))
    const visit = await desk.visit(c)
    const ticket = await desk.signInLinks.take(token)
    cookies.clear(c, 'signInLink')
    const account = ticket && (await store.get('Account', ticket.account))
    if (!account || account.spec.closed) return showDeadSignInLink(desk, c, visit)
    return enter(desk, c, visit, await proveByLink(account), 'a sign-in link was used')
  })

  /** Whoever was handed the link by an operator is taken for the owner of the address. */
  const proveByLink = async (account: Account): Promise<Account> => {
    for (
      let current: Account | undefined = account;
      current && !current.spec.proven;
      current = await store.get('Account', account.metadata.name)
    ) {
      const { metadata, spec } = current
      try {
        return await store.replace(
          {
            kind: 'Account',
            name: metadata.name,
            spec: { ...spec, proven: { time: timestamp(clock.now()), how: 'SignInLink' } },
          },
          { ifVersion: metadata.resourceVersion },
        )
      } catch (error) {
        if (!isConflict(error)) throw error
      }
    }
    return (await store.get('Account', account.metadata.name)) ?? account
  }
}

/** The last step of every way in: whoever is suspended or was ended stays out, whatever they know. */
const enter = async (desk: Desk, c: Context, visit: Visit, account: Account, because: string): Promise<Response> => {
  const { entry, places } = await desk.people.person(account)
  const line = {
    phase: 'change' as const,
    actor: actorName(account, places[0]?.membership.spec.user?.name),
    target: `Account/${account.metadata.name}`,
  }
  if (!entry.may) {
    await desk.audit.append({ ...line, action: 'account.signInRefused', because: `${because}, but: ${entry.because}` })
    return showSignIn(desk, c, visit, { typed: account.spec.address, problem: visit.t.signInPage.refused, status: 403 })
  }
  await desk.audit.append({ ...line, action: 'account.signIn', because })
  await desk.letOut(c, visit.session)
  await desk.letIn(c, account)
  const invitation = await readInvitation(desk, parseToken(desk.cookies.get(c, 'invitation') ?? ''))
  return c.redirect(invitation.is === 'open' ? '/invitation' : '/me', 303)
}

const actorName = (account: Account, user: string | undefined): string =>
  user ? `user/${user}` : `account/${account.metadata.name}`

const showSignIn = (
  desk: Desk,
  c: Context,
  visit: Visit,
  { typed = '', problem, status = 200 }: { typed?: string; problem?: string; status?: Frames['status'] },
): Promise<Response> => {
  const { t } = visit
  const body = html`<section class="sheet">
<h1>${t.signInPage.title}</h1>
<form method="post" action="/sign-in">
${problemBox(problem)}
${formToken(desk.forms.token(c, 'sign-in'))}
${addressField(t, typed, problem)}
${passwordField(t, problem)}
<button class="main" type="submit">${t.signIn}</button>
</form>
</section>
<p class="aside">${t.signInPage.noAccount}</p>`
  return desk.show(c, visit, {
    title: t.signInPage.title,
    body,
    problem: problem !== undefined,
    path: '/sign-in',
    status,
  })
}

/** The same page whatever the link is worth: only the button finds out. */
const showSignInLink = (desk: Desk, c: Context, visit: Visit): Promise<Response> => {
  const { title, text, button } = visit.t.signInLink
  const token = desk.forms.token(c, 'sign-in-link', hashToken(desk.cookies.get(c, 'signInLink') ?? 'none'))
  const action = html`<form method="post" action="/sign-in-link">
${formToken(token)}
<button class="main" type="submit">${button}</button>
</form>`
  return desk.show(c, visit, { ...messagePage(title, [text], action), path: '/sign-in-link' })
}

const showDeadSignInLink = (desk: Desk, c: Context, visit: Visit): Promise<Response> => {
  const { dead, signIn } = visit.t
  return desk.show(c, visit, {
    ...messagePage(dead.title, [dead.text], html`<p class="go"><a href="/sign-in">${signIn}</a></p>`),
    path: '/sign-in',
    status: 404,
  })
}
