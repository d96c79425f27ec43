import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SIGN_IN_LIMITS } from '../../src/accounts/tries.ts'
import { API_VERSION } from '../../src/api/names.ts'
import { accountName } from '../../src/decide/record-names.ts'
import { createSignInLink } from '../../src/portal/sign-in-link.ts'
import { timestamp } from '../../src/ports/clock.ts'
import { openSite, type Site, type Visitor } from './site.ts'

const PASSWORD = 'a long walk by the sea'
const ALICE = 'alice@acme.example'
let site: Site

beforeEach(async () => {
  site = await openSite()
})
afterEach(async () => {
  expect(site.problems).toEqual([])
  await site[Symbol.asyncDispose]()
})

const signUp = async (address = ALICE): Promise<{ visitor: Visitor; name: string }> => {
  const { link, name } = await site.invite(address, { roles: ['editor'] })
  const visitor = site.visitor()
  await visitor.submit(await visitor.open(link), '/invitation', { password: PASSWORD, repeat: PASSWORD })
  await site.known()
  return { visitor, name }
}
const signIn = async (address: string, password: string, visitor = site.visitor()) =>
  visitor.submit(await visitor.open('/sign-in'), '/sign-in', { address, password })
const setSuspended = async (suspended: boolean) => {
  await site.store.apply(
    { apiVersion: 'roster.dev/v1alpha1', kind: 'User', metadata: { name: 'alice' }, spec: { email: ALICE, suspended } },
    { manager: 'source/people' },
  )
  await site.known()
}

describe('signing in', () => {
  it('with the right password leads home, however the address is spelled', async () => {
    await signUp()
    for (const address of [ALICE, 'Alice@ACME.example', `  ${ALICE} `]) {
      const visitor = site.visitor()
      expect(await signIn(address, PASSWORD, visitor)).toMatchObject({ status: 303, location: '/me' })
      expect((await visitor.get('/me')).status).toBe(200)
    }
    expect(site.audit.filter(({ action }) => action === 'account.signIn')).toHaveLength(3)
  })

  it('says the same whether the address is known or not', async () => {
    await signUp()
    await site.invite('invited@acme.example')
    const seen = new Set<string>()
    for (const address of [ALICE, 'nobody@acme.example', 'invited@acme.example', 'no address at all', '']) {
      const { status, body } = await signIn(address, 'wrong password')
      seen.add(`${status} ${body.replace(/name="form" value="[^"]+"/, '').replace(/ value="[^"]*"/, '')}`)
    }
    expect(seen.size).toBe(1)
    expect([...seen][0]).toContain('Address or password is not right.')
  })

  it('has an end of tries for one place, the same for an address that nobody has', async () => {
    await signUp()
    for (const address of [ALICE, 'nobody@acme.example']) {
      const stranger = site.visitor({ client: '192.0.2.1' })
      for (let number = 0; number < SIGN_IN_LIMITS.pair.most; number++)
        expect((await signIn(address, `wrong ${number}`, stranger)).status).toBe(401)
      expect((await signIn(address, PASSWORD, stranger)).status).toBe(429)
    }
    expect((await signIn(ALICE, PASSWORD, site.visitor({ client: '192.0.2.2' }))).status).toBe(303)
  })

  it('stays open to a browser that was let in before while strangers try', async () => {
    const { visitor } = await signUp()
    await visitor.submit(await visitor.open('/me'), '/sign-out')
    for (let number = 0; number < SIGN_IN_LIMITS.address.most + 5; number++)
      await signIn(ALICE, 'wrong password', site.visitor({ client: `192.0.2.${number}` }))
    expect((await signIn(ALICE, PASSWORD, site.visitor({ client: '198.51.100.1' }))).status).toBe(429)
    expect((await signIn(ALICE, PASSWORD, visitor)).status).toBe(303)
  })

  it('is refused to somebody suspended, and open again afterwards', async () => {
    await signUp()
    await setSuspended(true)
    const refused = await signIn(ALICE, PASSWORD)
    expect(refused.status).toBe(403)
    expect(refused.body).toContain('You cannot sign in at present.')
    await setSuspended(false)
    expect((await signIn(ALICE, PASSWORD)).status).toBe(303)
  })

  it('stays open to somebody whose address is claimed by whoever is suspended elsewhere', async () => {
    await signUp()
    const claim = { email: 'eve@partner.example', aliases: [ALICE], suspended: true }
    await site.store.create({ kind: 'User', metadata: { name: 'eve' }, spec: claim }, { manager: 'source/partner' })
    await site.known()
    expect((await signIn(ALICE, PASSWORD)).status).toBe(303)
  })

  it('leads back to an open invitation', async () => {
    await signUp()
    await site.store.create(
      { kind: 'Organization', metadata: { name: 'branch' }, spec: {} },
      { manager: 'source/people' },
    )
    await site.store.delete({ kind: 'Invitation', name: 'alice' })
    const { link } = await site.invite(ALICE, { organization: 'branch', user: false })
    const visitor = site.visitor()
    await visitor.open(link)
    expect((await signIn(ALICE, PASSWORD, visitor)).location).toBe('/invitation')
    await site.clock.advance(25 * 3_600_000)
    const later = site.visitor()
    await later.open(link)
    expect((await signIn(ALICE, PASSWORD, later)).location).toBe('/me')
  })
})

describe('being signed in', () => {
  it('ends at the next request once the person is suspended, and needs no sweep', async () => {
    const { visitor } = await signUp()
    expect((await visitor.get('/me')).status).toBe(200)
    await setSuspended(true)
    expect(await visitor.get('/me')).toMatchObject({ status: 303, location: '/sign-in' })
  })

  it('goes on when a User of the same name, made anew for somebody else, is suspended', async () => {
    const { visitor } = await signUp()
    await site.store.delete({ kind: 'User', name: 'alice' })
    const spec = { email: 'alice.jones@acme.example', suspended: true }
    await site.store.create({ kind: 'User', metadata: { name: 'alice' }, spec }, { manager: 'source/people' })
    await site.known()
    expect((await visitor.get('/me')).status).toBe(200)
  })

  it('ends once the only membership was ended, or ran out', async () => {
    const { visitor, name } = await signUp()
    const before = await site.membership(name)
    await site.change(name, spec => ({
      ...spec,
      ended: { time: timestamp(site.clock.now()), by: 'source/people', because: 'gone' },
    }))
    expect((await visitor.get('/me')).status).toBe(303)
    const until = timestamp(site.clock.now() + 60_000)
    await site.change(name, () => ({ ...before, declared: { present: true, roles: [], join: 'Invitation', until } }))
    expect((await visitor.get('/me')).status).toBe(200)
    await site.clock.advance(60_000)
    expect((await visitor.get('/me')).status).toBe(303)
  })

  it('ends with a new version of the credentials, and with the account', async () => {
    const { visitor } = await signUp()
    const account = await site.store.get('Account', accountName(ALICE))
    if (!account) throw new Error('there is no account')
    const newer = await site.store.replace(
      { kind: 'Account', name: account.metadata.name, spec: { ...account.spec, credentialVersion: 2 } },
      { ifVersion: account.metadata.resourceVersion },
    )
    expect((await visitor.get('/me')).status).toBe(303)
    expect((await signIn(ALICE, PASSWORD, visitor)).status).toBe(303)
    expect((await visitor.get('/me')).status).toBe(200)
    await site.store.replace(
      { kind: 'Account', name: account.metadata.name, spec: { ...newer.spec, closed: timestamp(site.clock.now()) } },
      { ifVersion: newer.metadata.resourceVersion },
    )
    expect((await visitor.get('/me')).status).toBe(303)
  })

  it('ends by signing out, for every copy of the cookie', async () => {
    const { visitor } = await signUp()
    const copy = site.visitor()
    for (const [name, value] of visitor.cookies) copy.cookies.set(name, value)
    expect((await visitor.submit(await visitor.open('/me'), '/sign-out')).location).toBe('/sign-in')
    expect((await copy.get('/me')).status).toBe(303)
    expect((await visitor.get('/me')).status).toBe(303)
  })

  it('ends by signing out even when the audit trail cannot be written', async () => {
    const { visitor } = await signUp()
    const page = await visitor.get('/me')
    const { push } = site.audit
    site.audit.push = () => {
      throw new Error('no space left on device')
    }
    expect((await visitor.submit(page, '/sign-out')).status).toBe(500)
    site.audit.push = push
    expect(site.problems.splice(0)).toHaveLength(1)
    expect((await visitor.get('/me')).status).toBe(303)
  })

  it('gets a new session each time', async () => {
    const { visitor } = await signUp()
    const sessions = new Set([visitor.cookies.get('__Host-roster-session')])
    for (let round = 0; round < 3; round++) {
      await visitor.submit(await visitor.open('/me'), '/sign-out')
      await signIn(ALICE, PASSWORD, visitor)
      sessions.add(visitor.cookies.get('__Host-roster-session'))
    }
    expect(sessions.size).toBe(4)
  })
})

describe('a sign-in link', () => {
  const link = async (person = ALICE) => {
    const { url } = await createSignInLink(
      { ...site, audit: { append: async entry => void site.audit.push(entry), [Symbol.asyncDispose]: async () => {} } },
      { person, actor: 'local/root' },
    )
    return new URL(url).pathname
  }

  it('signs in once by its button; looking at it takes nothing', async () => {
    await signUp()
    const path = await link('alice')
    const visitor = site.visitor()
    for (let looks = 0; looks < 3; looks++) expect((await visitor.open(path)).status).toBe(200)
    const page = await visitor.open(path)
    expect(await visitor.submit(page, '/sign-in-link')).toMatchObject({ status: 303, location: '/me' })
    expect((await visitor.get('/me')).status).toBe(200)
    const second = site.visitor()
    expect((await second.submit(await second.open(path), '/sign-in-link')).status).toBe(404)
    expect(site.audit.map(({ action, actor }) => `${action} ${actor}`)).toContain('account.signInLink local/root')
  })

  it('proves the address of an account that exists at once', async () => {
    await site.invite(ALICE, { purpose: 'SetUp' })
    await site.store.create(
      { kind: 'Account', metadata: { name: accountName(ALICE) }, spec: { address: ALICE, credentialVersion: 1 } },
      { manager: 'controller' },
    )
    const visitor = site.visitor()
    expect((await visitor.submit(await visitor.open(await link()), '/sign-in-link')).status).toBe(303)
    expect((await site.store.get('Account', accountName(ALICE)))?.spec.proven?.how).toBe('SignInLink')
  })

  it('is for the person who was asked for, never for whoever owns an address that they call an alias', async () => {
    const boss = 'aaron@acme.example'
    await signUp()
    const bosses = site.visitor()
    await bosses.submit(await bosses.open((await site.invite(boss, { user: false })).link), '/invitation', {
      password: PASSWORD,
      repeat: PASSWORD,
    })
    const spec = { email: ALICE, aliases: [boss, 'nobody@acme.example'] }
    await site.store.apply(
      { apiVersion: API_VERSION, kind: 'User', metadata: { name: 'alice' }, spec },
      { manager: 'source/people' },
    )
    await site.known()
    const visitor = site.visitor()
    await visitor.submit(await visitor.open(await link('alice')), '/sign-in-link')
    expect((await visitor.get('/me')).body).toContain(ALICE)
    const other = site.visitor()
    await other.submit(await other.open(await link(boss)), '/sign-in-link')
    expect((await other.get('/me')).body).toContain(boss)
    await expect(link('nobody@acme.example')).rejects.toThrow('has not joined')
  })

  it('finds the person under an address that changed since they joined', async () => {
    await signUp()
    await site.store.apply(
      { apiVersion: API_VERSION, kind: 'User', metadata: { name: 'alice' }, spec: { email: 'alice@new.example' } },
      { manager: 'source/people' },
    )
    for (const person of ['alice', 'alice@new.example', ALICE]) {
      const visitor = site.visitor()
      await visitor.submit(await visitor.open(await link(person)), '/sign-in-link')
      expect((await visitor.get('/me')).body).toContain(ALICE)
    }
  })

  it.each([
    ['nobody', 'there is no User'],
    ['nobody@acme.example', 'has not joined'],
    [ALICE, 'has not joined'],
  ])('is not made for %s', async (person, why) => {
    await site.invite(ALICE)
    await expect(link(person)).rejects.toThrow(why)
  })

  it('is not made for somebody suspended, and lets nobody in who was suspended since', async () => {
    await signUp()
    const path = await link()
    await setSuspended(true)
    const visitor = site.visitor()
    expect((await visitor.submit(await visitor.open(path), '/sign-in-link')).status).toBe(403)
    await expect(link()).rejects.toThrow('suspended')
  })
})
