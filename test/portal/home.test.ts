import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { PasswordsBusyError } from '../../src/accounts/password.ts'
import type { MembershipSpec } from '../../src/api/membership.ts'
import { timestamp } from '../../src/ports/clock.ts'
import { openSite, type Site, type Visitor } from './site.ts'

const PASSWORD = 'a long walk by the sea'
let site: Site

beforeEach(async () => {
  site = await openSite()
})
afterEach(async () => {
  expect(site.problems).toEqual([])
  await site[Symbol.asyncDispose]()
})

const signUp = async (): Promise<{ alice: Visitor; name: string }> => {
  const { link, name } = await site.invite('alice@acme.example', { user: { locale: 'en' } })
  const alice = site.visitor()
  await alice.submit(await alice.open(link), '/invitation', { password: PASSWORD, repeat: PASSWORD })
  await site.known()
  return { alice, name }
}
const settle = (name: string, roles: string[]) =>
  site.change(
    name,
    (spec): MembershipSpec => ({
      ...spec,
      settled: { roles, groups: [], permissions: [], time: timestamp(site.clock.now()) },
    }),
  )

describe('the home page', () => {
  it('says that access is being set up, then that it is restricted, then nothing of the kind', async () => {
    const { alice, name } = await signUp()
    expect((await alice.get('/me')).body).toContain('Your access is being set up.')
    await site.clock.advance(60_000)
    const restricted = await alice.get('/me')
    expect(restricted.body).toContain('You are in, with restricted access')
    for (const shown of ['Service status', 'How do I restore a file?', 'bob@acme.example', 'feedback@acme.example'])
      expect(restricted.body).toContain(shown)
    expect(restricted.body).not.toContain('Open CloudHub')
    await settle(name, ['editor'])
    const active = await alice.get('/me')
    expect(active.body).not.toContain('restricted access')
    expect(active.body).toContain('Open CloudHub')
    for (const shown of ['Editor', 'Writes and reviews documents', 'documents: everything', 'users: read'])
      expect(active.body).toContain(shown)
  })

  it('shows a role only once it is settled', async () => {
    const { alice, name } = await signUp()
    await settle(name, ['editor'])
    expect((await alice.get('/me')).body).not.toContain('Sees and pays invoices')
    await settle(name, ['editor', 'billing'])
    expect((await alice.get('/me')).body).toContain('Sees and pays invoices')
  })

  it('shows the licences of the organization with where they stand', async () => {
    const { alice, name } = await signUp()
    await settle(name, ['editor'])
    await site.store.create(
      {
        kind: 'LicensePool',
        metadata: { name: 'suite' },
        spec: { organization: 'acme', product: 'cloudHQ Business', seats: 5 },
      },
      { manager: 'source/people' },
    )
    const user = await site.store.get('User', 'alice')
    const since = timestamp(site.clock.now())
    const slots = [
      { slot: 0, holder: `user/${user?.metadata.uid}`, state: 'Used' as const, since },
      { slot: 1, holder: 'address/alice@acme.example', state: 'Reserved' as const, since },
      { slot: 2, holder: 'address/somebody@acme.example', state: 'Used' as const, since },
    ]
    await site.store.create(
      { kind: 'SeatLedger', metadata: { name: 'suite-0' }, spec: { pool: 'suite', page: 0, slots, keys: [] } },
      { manager: 'controller' },
    )
    const claims = await site.store.create(
      {
        kind: 'User',
        metadata: { name: 'mallory' },
        spec: { email: 'mallory@acme.example', aliases: ['alice@acme.example'] },
      },
      { manager: 'source/people' },
    )
    const others = [{ slot: 0, holder: `user/${claims.metadata.uid}`, state: 'Used' as const, since }]
    await site.store.create(
      { kind: 'SeatLedger', metadata: { name: 'suite-1' }, spec: { pool: 'suite', page: 1, slots: others, keys: [] } },
      { manager: 'controller' },
    )
    await site.known()
    const home = await alice.get('/me')
    expect(home.body).toContain('cloudHQ Business')
    expect(home.body).toContain('2 seats · yours')
  })

  it('welcomes only to an organization that the person is in', async () => {
    await site.store.create(
      { kind: 'Organization', metadata: { name: 'rival' }, spec: { displayName: 'Rival AG' } },
      { manager: 'source/people' },
    )
    const { alice } = await signUp()
    expect((await alice.get('/me?joined=rival')).body).not.toContain('Rival')
    expect((await alice.get('/me?joined=%3Cscript%3E')).body).not.toContain('script')
  })

  it('shows nothing of an organization that the person left, or is only known in', async () => {
    const { alice, name } = await signUp()
    await settle(name, ['editor'])
    await site.change(name, spec => ({ ...spec, left: { time: timestamp(site.clock.now()) } }))
    const left = await alice.get('/me')
    expect(left.status).toBe(200)
    expect(left.body).toContain('You belong to no organization at present.')
    await site.change(name, ({ left: _, ...spec }) => ({
      ...spec,
      declared: { present: true, roles: [], join: 'None' },
    }))
    expect((await alice.get('/me')).body).not.toContain('customer 10042')
  })

  it('is in the language that the person chose, on this page and the next', async () => {
    const { alice } = await signUp()
    expect((await alice.get('/me?lang=de')).body).toContain('<html lang="de"')
    expect((await alice.get('/me')).body).toContain('Ihr Zugang')
    expect((await alice.get('/me?lang=xx')).body).toContain('Ihr Zugang')
  })

  it('is nothing for who is not signed in', async () => {
    for (const path of ['/', '/me'])
      expect(await site.visitor().get(path)).toMatchObject({ status: 303, location: '/sign-in' })
  })
})

describe('a page that is not there', () => {
  it('says so, in the language of the browser', async () => {
    const seen = await site.visitor({ language: 'fr, de-AT;q=0.8, en;q=0.5' }).get('/nothing/here')
    expect(seen.status).toBe(404)
    expect(seen.body).toContain('Diese Seite gibt es nicht')
  })
})

describe('trouble inside', () => {
  it('is reported with the route and without the address, and tells the person nothing about it', async () => {
    const { link } = await site.invite('alice@acme.example')
    const { get } = site.store
    const alice = site.visitor()
    await alice.get(link)
    site.store.get = () => Promise.reject(new Error('disk I/O error in /var/lib/roster'))
    const seen = await alice.get('/invitation')
    site.store.get = get
    expect(seen.status).toBe(500)
    expect(seen.body).not.toContain('disk')
    const [problem] = site.problems.splice(0) as { route: string; method: string; error: Error }[]
    expect(problem).toMatchObject({ route: '/invitation', method: 'GET' })
    expect(problem?.error.message).toContain('disk I/O error')
  })

  it('that passes by itself asks to try again, and is no alarm', async () => {
    const { get } = site.store
    const alice = site.visitor()
    const { link } = await site.invite('alice@acme.example')
    await alice.get(link)
    site.store.get = () => Promise.reject(new PasswordsBusyError('500 passwords are waiting'))
    const seen = await alice.get('/invitation')
    site.store.get = get
    expect([seen.status, seen.headers.get('retry-after')]).toEqual([503, '5'])
    expect(seen.body).not.toContain('500 passwords')
  })
})
