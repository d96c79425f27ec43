import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { KINDS } from '../../src/api/names.ts'
import { accountName, membershipName } from '../../src/decide/record-names.ts'
import { timestamp } from '../../src/ports/clock.ts'
import fc from '../properties.ts'
import { attemptOf, openSite, type Site, type Visitor } from './site.ts'

const PASSWORD = 'a long walk by the sea'
const HOUR = 3_600_000
let site: Site

beforeEach(async () => {
  site = await openSite()
})
afterEach(async () => {
  expect(site.problems).toEqual([])
  await site[Symbol.asyncDispose]()
})

/** Everything in the store, in one text. */
const everything = async (): Promise<string> => {
  const lists = await Promise.all(KINDS.map(kind => site.store.list(kind)))
  return createHash('sha256')
    .update(JSON.stringify([lists.map(({ items }) => items), (await site.store.info()).resourceVersion]))
    .digest('hex')
}
const signUp = async (
  address: string,
  roles: string[] = [],
): Promise<{ visitor: Visitor; link: string; name: string }> => {
  const { link, name } = await site.invite(address, { roles })
  const visitor = site.visitor()
  await visitor.submit(await visitor.open(link), '/invitation', { password: PASSWORD, repeat: PASSWORD })
  await site.known()
  return { visitor, link, name }
}

const PAGES = [
  '/',
  '/me',
  '/sign-in',
  '/sign-in-link',
  '/invitation',
  '/invitation/declined',
  '/invitation/new-link',
  '/mail',
  '/nothing',
]

describe('looking', () => {
  it('at every page a hundred times, by whatever safe method, changes nothing', async () => {
    const { link } = await site.invite('alice@acme.example', { roles: ['editor'] })
    const { visitor } = await signUp('bob@acme.example')
    const before = [await everything(), site.audit.length]
    for (let round = 0; round < 100; round++)
      for (const who of [site.visitor(), visitor])
        for (const method of ['GET', 'HEAD', 'OPTIONS']) {
          await who.send(method, link)
          await who.send(method, PAGES[round % PAGES.length] ?? '/')
        }
    expect([await everything(), site.audit.length]).toEqual(before)
    const alice = site.visitor()
    expect(
      (await alice.submit(await alice.open(link), '/invitation', { password: PASSWORD, repeat: PASSWORD })).status,
    ).toBe(303)
  })
})

describe('every answer', () => {
  it('has strict headers, whatever it is about', async () => {
    const { link } = await site.invite('alice@acme.example')
    const visitor = site.visitor()
    for (const path of [link, ...PAGES]) {
      const { headers } = await visitor.get(path)
      expect(headers.get('content-security-policy')).toBe(
        "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
      )
      expect(headers.get('cache-control')).toBe('no-store')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('referrer-policy')).toBe(path === link ? 'no-referrer' : 'same-origin')
      expect(headers.get('cross-origin-opener-policy')).toBe('same-origin')
    }
    const style = await visitor.get(/href="(\/style[^"]+)"/.exec((await visitor.get('/sign-in')).body)?.[1] ?? '')
    expect(style.headers.get('cache-control')).toContain('immutable')
    expect(style.headers.get('content-type')).toContain('text/css')
  })

  it('of an https portal keeps browsers on https, and its cookies to itself', async () => {
    await using secure = await openSite({ publicUrl: 'https://access.acme.example' })
    const { link } = await secure.invite('alice@acme.example')
    const seen = await secure.visitor().get(link)
    expect(seen.headers.get('strict-transport-security')).toBe('max-age=31536000')
    expect(seen.headers.getSetCookie()[0]).toMatch(
      /^__Host-roster-invitation=v1\..*; Max-Age=7200; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    )
  })

  it('holds no token but in its cookie, and no script', async () => {
    const { link } = await site.invite('alice@acme.example')
    const token = link.split('/').at(-1) ?? ''
    const visitor = site.visitor()
    const page = await visitor.open(link)
    await visitor.submit(page, '/invitation', { password: 'x', repeat: 'x' })
    await visitor.submit(page, '/invitation', { password: PASSWORD, repeat: PASSWORD })
    await visitor.open('/me')
    await visitor.open(link)
    for (const { body, headers } of visitor.answers) {
      expect(body).not.toContain(token)
      expect(body).not.toContain(PASSWORD)
      expect(body).not.toMatch(/<script|style="|javascript:|\son[a-z]+=/i)
      expect(headers.replace(/"__Host-roster-invitation=[^"]*"/g, '')).not.toContain(token)
    }
    const trail = JSON.stringify(site.audit)
    for (const secret of [token, token.split('.').at(-1), PASSWORD, ...visitor.cookies.values()])
      expect(trail).not.toContain(secret)
  })

  it('names as inviter nobody who only wrote the address of somebody that may', async () => {
    const bob = await site.invite('bob@acme.example', { user: { givenName: 'Bob', familyName: 'Berg' } })
    const time = timestamp(site.clock.now())
    await site.change(bob.name, spec => ({
      ...spec,
      joined: { time, how: 'Declared' },
      settled: { roles: ['inviter'], groups: [], permissions: ['invitations:create'], time },
    }))
    await site.store.create(
      { kind: 'User', metadata: { name: 'mallory' }, spec: { email: 'bob@acme.example', displayName: 'Your Bank' } },
      { manager: 'source/people' },
    )
    const asked = async (address: string, invitedBy: string) =>
      (await site.visitor().open((await site.invite(address, { invitedBy })).link)).body
    expect(await asked('alice@acme.example', 'mallory')).not.toContain('Your Bank')
    expect(await asked('carol@acme.example', 'bob')).toContain('Bob Berg')
  })

  it('shows texts of people as texts', async () => {
    const evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    await using other = await openSite({
      acme: {
        displayName: evil,
        customerId: evil.slice(0, 50),
        portal: {
          productName: evil,
          help: [{ question: evil, answer: evil }],
          links: [{ title: evil, url: 'https://acme.example/' }],
        },
        contacts: [{ name: evil, email: 'x@acme.example', purpose: 'Support' }],
      },
    })
    const { link } = await other.invite('alice@acme.example', { message: evil })
    const visitor = other.visitor()
    const page = await visitor.open(link)
    await visitor.submit(page, '/invitation', { password: PASSWORD, repeat: PASSWORD })
    const home = await visitor.get('/me')
    for (const { body } of [page, home]) {
      expect(body).not.toContain('<script')
      expect(body).not.toContain('<img')
      expect(body).toContain('&lt;script&gt;')
    }
  })
})

describe('whatever comes in', () => {
  it('is answered, and is no trouble inside', async () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.constantFrom('%E0%A4%A', '%00', '..%2f..', 'v1.1.m-', '__proto__', '%0d%0aset-cookie:x=y', 'a'.repeat(5000)),
    )
    const places = fc.constantFrom(
      '/',
      '/invitations/',
      '/sign-in-links/',
      '/mail/',
      '/mail/files/',
      '/me?joined=',
      '/sign-in?lang=',
      '/style.',
    )
    await fc.assert(
      fc.asyncProperty(
        places,
        text,
        fc.constantFrom('GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'DELETE'),
        fc.record({ session: text, invitation: text, visit: text, known: text, language: text }),
        async (place, rest, method, cookies) => {
          const visitor = site.visitor()
          for (const [name, value] of Object.entries(cookies))
            visitor.cookies.set(`__Host-roster-${name}`, encodeURIComponent(value.toWellFormed()))
          const { status } = await visitor.send(
            method,
            `${place}${encodeURI(rest.toWellFormed())}`,
            method === 'POST' ? { body: rest, headers: { 'content-type': 'application/x-www-form-urlencoded' } } : {},
          )
          expect(status).toBeLessThan(500)
        },
      ),
      { numRuns: 300 },
    )
    expect(site.problems).toEqual([])
  })

  it('cannot turn the text of a page around', async () => {
    await using other = await openSite({
      acme: { displayName: 'Acme \u202eHbmG', portal: { productName: 'Cloud\u2066Hub' } },
    })
    const { link } = await other.invite('alice@acme.example', { message: 'Hi\u202e ecilA\nsecond line' })
    const { body } = await other.visitor().open(link)
    expect(body).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/)
    expect(body).toContain('Acme \\u202eHbmG')
    expect(body).toContain('ecilA\nsecond line')
  })
})

describe('a form', () => {
  const forms = async () => {
    const { link, name } = await site.invite('alice@acme.example')
    const visitor = site.visitor()
    return { name, visitor, page: await visitor.open(link) }
  }
  const filled = { password: PASSWORD, repeat: PASSWORD }

  it.each([
    [{ origin: 'https://evil.example' }],
    [{ origin: 'null' }],
    [{ 'sec-fetch-site': 'cross-site' }],
    [{ 'sec-fetch-site': 'same-site' }],
    [{ origin: 'http://127.0.0.1:8081' }],
  ])('that another site sends (%j) is not taken', async headers => {
    const { name, visitor, page } = await forms()
    const seen = await visitor.submit(page, '/invitation', filled, headers)
    expect(seen.status).toBe(403)
    expect(seen.body).toContain('This came from another page')
    expect((await site.membership(name)).joined).toBeUndefined()
  })

  it('without its token, with that of another form, of another browser, or an old one is not taken', async () => {
    const { name, visitor, page } = await forms()
    const token = (action: string) =>
      /name="form" value="([^"]+)"/.exec(
        page.body.split('<form').find(part => part.includes(`action="${action}"`)) ?? '',
      )?.[1] ?? ''
    for (const form of ['', 'x', '1.1.1', token('/invitation/decline')])
      expect((await visitor.post('/invitation', { form, ...filled })).status).toBe(403)
    const other = site.visitor()
    other.cookies.set('__Host-roster-invitation', visitor.cookies.get('__Host-roster-invitation') ?? '')
    await other.get('/invitation')
    expect((await other.post('/invitation', { form: token('/invitation'), ...filled })).status).toBe(403)
    await site.clock.advance(12 * HOUR)
    expect((await visitor.post('/invitation', { form: token('/invitation'), ...filled })).status).toBe(403)
    expect((await site.membership(name)).joined).toBeUndefined()
  })

  it('that is no form, or too large, is not taken', async () => {
    const { visitor } = await forms()
    expect(
      (await visitor.send('POST', '/invitation', { body: '{}', headers: { 'content-type': 'application/json' } }))
        .status,
    ).toBe(400)
    expect((await visitor.post('/invitation', { form: 'x', password: 'x'.repeat(20_000) })).status).toBe(413)
  })

  it('works in browsers that do not say where it comes from', async () => {
    const { visitor, page } = await forms()
    const token = /name="form" value="([^"]+)"/.exec(page.body)?.[1] ?? ''
    const body = new URLSearchParams({ form: token, ...filled }).toString()
    expect(
      (
        await visitor.send('POST', '/invitation', {
          body,
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
        })
      ).status,
    ).toBe(303)
  })
})

describe('the host name of a request', () => {
  it('is not believed', async () => {
    const { link } = await site.invite('alice@acme.example')
    const visitor = site.visitor()
    const seen = await visitor.get(link, { host: 'evil.example', 'x-forwarded-host': 'evil.example' })
    expect(seen.location).toBe('/invitation')
    expect((await visitor.get('/invitation', { host: 'evil.example' })).body).not.toContain('evil.example')
  })
})

describe('a link that no longer works', () => {
  it('looks the same whatever the reason: expired, used, withdrawn, replaced, declined, changed, cut short, made up, of nobody', async () => {
    const links: Record<string, string> = {}
    const now = timestamp(site.clock.now())
    for (const [why, address] of Object.entries({
      used: 'u@acme.example',
      withdrawn: 'w@acme.example',
      replaced: 'r@acme.example',
      declined: 'd@acme.example',
      suspended: 's@acme.example',
      ended: 'e@acme.example',
    })) {
      const { link, name } = await site.invite(address, {
        user: why === 'suspended' ? { suspended: true, locale: 'de' } : { locale: 'de' },
      })
      links[why] = link
      if (why === 'used')
        await site.change(name, spec => ({
          ...spec,
          joined: { time: now, how: 'Link', attempt: 1, account: accountName(address) },
        }))
      if (why === 'withdrawn')
        await site.change(name, spec => ({
          ...spec,
          attempts: spec.attempts.map(attempt => ({ ...attempt, withdrawnTime: now })),
        }))
      if (why === 'replaced')
        await site.change(name, spec => ({
          ...spec,
          attempts: [...spec.attempts, attemptOf({ number: 2, series: 2, now: site.clock.now() })],
        }))
      if (why === 'declined')
        await site.change(name, spec => ({ ...spec, declined: { time: now, attempt: 1, reported: false } }))
      if (why === 'ended')
        await site.change(name, spec => ({ ...spec, ended: { time: now, by: 'source/people', because: 'gone' } }))
    }
    links.expired = (await site.invite('x@acme.example', { validFor: 60_000, user: { locale: 'de' } })).link
    await site.clock.advance(60_000)
    const fresh = (await site.invite('f@acme.example', { user: { locale: 'de' } })).link
    links.changed = `${fresh.slice(0, -1)}${fresh.endsWith('A') ? 'B' : 'A'}`
    links.cut = fresh.slice(0, -5)
    links.madeUp = '/invitations/hello'
    links.nobody = fresh.replace(
      membershipName('acme', 'f@acme.example'),
      membershipName('acme', 'nobody@acme.example'),
    )
    const pages = new Map<string, string[]>()
    for (const [why, link] of Object.entries(links)) {
      const { status, body } = await site.visitor().open(link)
      const page = `${status} ${body.replace(/name="form" value="[^"]+"/g, '')}`
      pages.set(page, [...(pages.get(page) ?? []), why])
    }
    expect([...pages.values()]).toEqual([Object.keys(links)])
    expect([...pages.keys()][0]).toMatch(/^404 /)
  })
})

describe('send me a new link', () => {
  const ask = async (link: string, visitor = site.visitor()) =>
    visitor.submit(await visitor.open(link), '/invitation/new-link')
  const requested = async (name = 'alice') =>
    (await site.store.get('Invitation', name))?.metadata.annotations?.['roster.dev/resendRequestedAt']

  it('writes a request on the invitation, and the answer is the same whatever is known', async () => {
    const { link } = await site.invite('alice@acme.example', { validFor: 60_000 })
    await site.clock.advance(60_000)
    const visitor = site.visitor()
    const first = await ask(link, visitor)
    expect(first).toMatchObject({ status: 303, location: '/invitation/new-link' })
    const token = await requested()
    expect(token).toMatch(/^portal-[A-Za-z0-9_-]{16}$/)
    await ask(link, visitor)
    expect(await requested()).not.toBe(token)
    const stranger = await ask('/invitations/hello')
    expect(stranger).toMatchObject({ status: 303, location: '/invitation/new-link' })
  })

  it('is nothing that a stranger can ask for with a link of their own making', async () => {
    const { link } = await site.invite('alice@acme.example', { validFor: 60_000 })
    await site.clock.advance(60_000)
    await ask(`${link.slice(0, -1)}${link.endsWith('A') ? 'B' : 'A'}`)
    expect(await requested()).toBeUndefined()
  })

  it('does nothing for who joined, was ended, or is suspended', async () => {
    const now = timestamp(site.clock.now())
    for (const [short, how] of [
      ['joined', {}],
      ['gone', { ended: { time: now, by: 'source/people', because: 'gone' } }],
      ['barred', { user: { suspended: true } }],
    ] as const) {
      const { link, name } = await site.invite(`${short}@acme.example`, 'user' in how ? { user: how.user } : {})
      if (short === 'joined')
        await site.change(name, spec => ({
          ...spec,
          joined: { time: now, how: 'Link', attempt: 1, account: accountName(`${short}@acme.example`) },
        }))
      if ('ended' in how) await site.change(name, spec => ({ ...spec, ended: how.ended }))
      await ask(link)
      expect(await requested(short)).toBeUndefined()
    }
  })

  it('has a limit for each link', async () => {
    const { link } = await site.invite('alice@acme.example', { validFor: 60_000 })
    await site.clock.advance(60_000)
    const tokens = new Set<string | undefined>()
    for (let number = 0; number < 6; number++) {
      await ask(link, site.visitor({ client: `192.0.2.${number}` }))
      tokens.add(await requested())
    }
    expect(tokens.size).toBe(3)
  })
})
