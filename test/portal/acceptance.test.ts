import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { accountName } from '../../src/decide/record-names.ts'
import { timestamp } from '../../src/ports/clock.ts'
import { openSite, type Site } from './site.ts'

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

const joins = () => site.audit.filter(({ action, phase }) => action === 'membership.join' && phase === 'result')

describe('accepting an invitation', () => {
  it('shows who asks for what, then joins with a new password and lands at home', async () => {
    const { link, name } = await site.invite('alice@acme.example', {
      roles: ['editor', 'billing'],
      message: 'Hi Alice,\n<b>have a look</b>.',
    })
    const alice = site.visitor()
    const first = await alice.get(link)
    expect(first).toMatchObject({ status: 303, location: '/invitation' })
    const page = await alice.get('/invitation')
    expect(page.status).toBe(200)
    for (const fact of [
      'Acme GmbH invites you to CloudHub',
      'customer 10042',
      'alice@acme.example',
      'Editor',
      'Writes and reviews documents',
      'Billing',
      'Tuesday, 6 January 2026 at 10:00\u00a0CET',
      '&lt;b&gt;have a look&lt;/b&gt;',
    ])
      expect(page.body).toContain(fact)
    expect((await site.membership(name)).joined).toBeUndefined()

    const done = await alice.submit(page, '/invitation', { password: PASSWORD, repeat: PASSWORD })
    expect(done).toMatchObject({ status: 303, location: '/me?joined=acme' })
    expect((await site.membership(name)).joined).toEqual({
      time: timestamp(site.clock.now()),
      how: 'Link',
      attempt: 1,
      account: accountName('alice@acme.example'),
    })
    expect((await site.store.get('Account', accountName('alice@acme.example')))?.spec).toMatchObject({
      address: 'alice@acme.example',
      proven: { how: 'Link' },
      language: 'en',
    })

    await site.known()
    const home = await alice.get('/me?joined=acme')
    expect(home.status).toBe(200)
    expect(home.body).toContain('Welcome! You have joined Acme GmbH.')
    expect(home.body).toContain('href="https://app.acme.example"')
    expect(joins()).toHaveLength(1)
  })

  it.each([
    ['short', 'short', 'too short'],
    ['password123', 'password123', 'first that anybody would guess'],
    ['alice1', 'alice1', 'too short'],
    ['CloudHub1!', 'CloudHub1!', 'hardly more than'],
    ['alice@acme.example', 'alice@acme.example', 'hardly more than'],
    [PASSWORD, 'something else', 'differ'],
    ['', '', 'Enter a password'],
  ])('does not take the password %j, says why and changes nothing', async (password, repeat, why) => {
    const { link, name } = await site.invite('alice@acme.example')
    const alice = site.visitor()
    const page = await alice.open(link)
    const refused = await alice.submit(page, '/invitation', { password, repeat })
    expect(refused.status).toBe(422)
    expect(refused.body).toContain(why)
    expect(refused.body).toContain('<title>Please check: ')
    expect((await site.membership(name)).joined).toBeUndefined()
    expect(await site.credentials.hasCredential(accountName('alice@acme.example'))).toBe(false)
  })

  it('joins once when fifty send the form at the same time, and all see the same', async () => {
    const { link, name } = await site.invite('alice@acme.example')
    const alice = site.visitor()
    const page = await alice.open(link)
    const results = await Promise.all(
      Array.from({ length: 50 }, () => alice.submit(page, '/invitation', { password: PASSWORD, repeat: PASSWORD })),
    )
    expect(new Set(results.map(({ status, location }) => `${status} ${location}`))).toEqual(
      new Set(['303 /me?joined=acme']),
    )
    expect(joins()).toHaveLength(1)
    expect((await site.membership(name)).joined?.account).toBe(accountName('alice@acme.example'))
  })

  it('joins once when fifty people who hold the link send it at the same time: one of them', async () => {
    const { link } = await site.invite('alice@acme.example')
    const results = await Promise.all(
      Array.from({ length: 50 }, async (_, number) => {
        const visitor = site.visitor({ client: `10.0.0.${number}` })
        const password = `${PASSWORD} ${number}`
        return visitor.submit(await visitor.open(link), '/invitation', { password, repeat: password })
      }),
    )
    expect(results.filter(({ status }) => status === 303)).toHaveLength(1)
    expect(joins()).toHaveLength(1)
  })

  it('judges anew when the record changes under its hands, and keeps what others wrote', async () => {
    const { link, name } = await site.invite('alice@acme.example')
    const alice = site.visitor()
    const page = await alice.open(link)
    const now = timestamp(site.clock.now())
    beforeNextWrite(() =>
      site.change(name, spec => ({
        ...spec,
        mails: [{ key: 'notice/x', claimedTime: now, epoch: 1, deadline: now, tries: 1 }],
      })),
    )
    expect((await alice.submit(page, '/invitation', { password: PASSWORD, repeat: PASSWORD })).status).toBe(303)
    expect(await site.membership(name)).toMatchObject({ joined: { attempt: 1 }, mails: [{ key: 'notice/x' }] })
    expect(joins().map(({ after }) => after !== undefined)).toEqual([false, true])
  })

  it('does not join by a link that was withdrawn at the very moment', async () => {
    const { link, name } = await site.invite('alice@acme.example')
    const alice = site.visitor()
    const page = await alice.open(link)
    beforeNextWrite(() =>
      site.change(name, spec => ({
        ...spec,
        attempts: spec.attempts.map(attempt => ({ ...attempt, withdrawnTime: timestamp(site.clock.now()) })),
      })),
    )
    expect((await alice.submit(page, '/invitation', { password: PASSWORD, repeat: PASSWORD })).status).toBe(404)
    expect((await site.membership(name)).joined).toBeUndefined()
  })

  it('joins once when it is sent to several replicas at the same time', async () => {
    const { link, name } = await site.invite('alice@acme.example')
    const alice = site.visitor()
    const page = await alice.open(link)
    const results = await Promise.all(
      [site.portal, site.replica(), site.replica(), site.replica()].map(portal => {
        const visitor = site.visitor({ portal })
        for (const [cookie, value] of alice.cookies) visitor.cookies.set(cookie, value)
        return visitor.submit(page, '/invitation', { password: PASSWORD, repeat: PASSWORD })
      }),
    )
    expect(results.map(({ location }) => location)).toEqual(Array(4).fill('/me?joined=acme'))
    expect(joins().filter(({ after }) => after !== undefined)).toHaveLength(1)
    expect((await site.membership(name)).joined?.attempt).toBe(1)
  })

  it('is too late at the second of the expiry, and in time a millisecond before', async () => {
    const { link, name } = await site.invite('alice@acme.example', { validFor: HOUR })
    const alice = site.visitor()
    const page = await alice.open(link)
    await site.clock.advance(HOUR)
    expect((await alice.submit(page, '/invitation', { password: PASSWORD, repeat: PASSWORD })).status).toBe(404)
    expect((await site.membership(name)).joined).toBeUndefined()

    const later = await site.invite('dora@acme.example', { validFor: HOUR })
    const dora = site.visitor()
    const hers = await dora.open(later.link)
    await site.clock.advance(HOUR - 1)
    expect((await dora.submit(hers, '/invitation', { password: PASSWORD, repeat: PASSWORD })).status).toBe(303)
  })

  it('after a crash between password and record asks to sign in, and then joins', async () => {
    const { link, name } = await site.invite('alice@acme.example')
    const first = site.visitor()
    const page = await first.open(link)
    const { replace } = site.store
    site.store.replace = () => Promise.reject(new Error('the machine was switched off'))
    expect((await first.submit(page, '/invitation', { password: PASSWORD, repeat: PASSWORD })).status).toBe(500)
    site.store.replace = replace
    expect(site.problems.splice(0)).toHaveLength(1)
    expect((await site.membership(name)).joined).toBeUndefined()

    const again = site.visitor()
    const asks = await again.open(link)
    expect(asks.body).toContain('You already have an account')
    expect((await again.submit(asks, '/invitation', { password: 'not the right one' })).status).toBe(401)
    expect((await again.submit(asks, '/invitation', { password: PASSWORD })).status).toBe(303)
    expect((await site.membership(name)).joined).toBeDefined()
  })

  it('does not happen when it cannot be written into the audit trail', async () => {
    const { link, name } = await site.invite('alice@acme.example')
    const alice = site.visitor()
    const page = await alice.open(link)
    const { push } = site.audit
    site.audit.push = entry => {
      if (entry.action === 'membership.join') throw new Error('no space left on device')
      return push.call(site.audit, entry)
    }
    expect((await alice.submit(page, '/invitation', { password: PASSWORD, repeat: PASSWORD })).status).toBe(500)
    expect(site.problems.splice(0)).toHaveLength(1)
    expect((await site.membership(name)).joined).toBeUndefined()
    site.audit.push = push
    const again = await alice.get('/invitation')
    expect((await alice.submit(again, '/invitation', { password: PASSWORD })).status).toBe(303)
  })

  it('gives nothing to whoever was forwarded the link where the address has an account', async () => {
    await joined('alice@acme.example')
    const second = await invitedElsewhere('alice@acme.example')
    const stranger = site.visitor()
    const page = await stranger.open(second.link)
    expect(page.body).not.toContain('name="repeat"')
    expect(
      (
        await stranger.submit(page, '/invitation', {
          password: 'a password of the stranger',
          repeat: 'a password of the stranger',
        })
      ).status,
    ).toBe(401)
    expect((await site.membership(second.name)).joined).toBeUndefined()
    expect(site.audit.map(({ action, target }) => `${action} ${target}`)).toContain(
      `account.signInRefused Account/${accountName('alice@acme.example')}`,
    )
  })

  it('in a second tab, or once more with the back button, ends on the same page', async () => {
    const { link } = await site.invite('alice@acme.example')
    const alice = site.visitor()
    const [first, second] = [await alice.open(link), await alice.open(link)]
    const filled = { password: PASSWORD, repeat: PASSWORD }
    for (const page of [first, second, first])
      expect(await alice.submit(page, '/invitation', filled)).toMatchObject({
        status: 303,
        location: '/me?joined=acme',
      })
    expect(await alice.get('/invitation')).toMatchObject({ status: 303, location: '/me' })
    expect(joins()).toHaveLength(1)
  })

  it('once more is no way to try passwords: a while after joining the link is only used', async () => {
    const { link } = await site.invite('alice@acme.example')
    const alice = site.visitor()
    const page = await alice.open(link)
    await alice.submit(page, '/invitation', { password: PASSWORD, repeat: PASSWORD })
    await site.clock.advance(16 * 60_000)
    const thief = site.visitor()
    thief.cookies.set('__Host-roster-visit', alice.cookies.get('__Host-roster-visit') ?? '')
    await thief.open(link)
    expect((await thief.submit(page, '/invitation', { password: PASSWORD, repeat: PASSWORD })).status).toBe(404)
    expect((await thief.get('/me')).status).toBe(303)
  })

  it('once more has an end of tries, from how many places they may come', async () => {
    const { link } = await site.invite('alice@acme.example')
    const alice = site.visitor()
    const page = await alice.open(link)
    await alice.submit(page, '/invitation', { password: PASSWORD, repeat: PASSWORD })
    const tryFrom = async (client: string, password: string) => {
      const thief = site.visitor({ client })
      thief.cookies.set('__Host-roster-visit', alice.cookies.get('__Host-roster-visit') ?? '')
      await thief.open(link)
      return (await thief.submit(page, '/invitation', { password, repeat: password })).status
    }
    for (let tries = 0; tries < 60; tries++) await tryFrom(`192.0.2.${tries}`, 'not the right one')
    expect(await tryFrom('192.0.2.99', PASSWORD)).toBe(404)
  })

  it('by somebody signed in needs one click', async () => {
    const alice = await joined('alice@acme.example')
    const second = await invitedElsewhere('alice@acme.example')
    const page = await alice.open(second.link)
    expect(page.body).toContain('You join with your account alice@acme.example.')
    expect(await alice.submit(page, '/invitation')).toMatchObject({ status: 303, location: '/me?joined=branch' })
    expect((await site.membership(second.name)).joined?.account).toBe(accountName('alice@acme.example'))
  })

  it('under a further address needs that address to be proven: by its own link, with the password of the account', async () => {
    const alice = await joined('alice@acme.example')
    const [root, further] = [accountName('alice@acme.example'), accountName('smith@acme.example')]
    const spec = { address: 'smith@acme.example', sameAs: root, credentialVersion: 1 }
    await site.store.create({ kind: 'Account', metadata: { name: further }, spec }, { manager: 'portal' })
    const { link, name } = await site.invite('smith@acme.example')
    expect((await alice.open(link)).body).toContain('This invitation is for somebody else.')

    const fresh = site.visitor()
    const page = await fresh.open(link)
    expect(page.body).toContain('You already have an account')
    expect((await fresh.submit(page, '/invitation', { password: PASSWORD })).status).toBe(303)
    expect((await site.membership(name)).joined?.account).toBe(root)
    expect((await site.store.get('Account', further))?.spec.proven?.how).toBe('Link')
    await site.known()
    expect((await alice.get('/me')).body).toContain('<li>smith@acme.example</li>')
  })

  it('is refused to somebody signed in as somebody else, who can switch', async () => {
    const alice = await joined('alice@acme.example')
    const { link, name } = await site.invite('dora@acme.example')
    const page = await alice.open(link)
    expect(page.body).toContain('You are signed in as alice@acme.example. This invitation is for somebody else.')
    expect(page.body).not.toContain('action="/invitation"')
    const out = await alice.submit(page, '/sign-out', { to: 'invitation' })
    expect(out.location).toBe('/invitation')
    const fresh = await alice.get('/invitation')
    expect((await alice.submit(fresh, '/invitation', { password: PASSWORD, repeat: PASSWORD })).status).toBe(303)
    expect((await site.membership(name)).joined?.account).toBe(accountName('dora@acme.example'))
  })

  it('is refused when somebody else signed in between seeing the page and sending it', async () => {
    await joined('alice@acme.example')
    const { link, name } = await site.invite('dora@acme.example')
    const shared = site.visitor()
    const page = await shared.open(link)
    await shared.submit(await shared.get('/sign-in'), '/sign-in', { address: 'alice@acme.example', password: PASSWORD })
    const refused = await shared.submit(page, '/invitation', { password: PASSWORD, repeat: PASSWORD })
    expect(refused.status).toBe(403)
    expect(refused.body).toContain('This invitation is for somebody else.')
    expect((await site.membership(name)).joined).toBeUndefined()
    expect(await site.credentials.hasCredential(accountName('dora@acme.example'))).toBe(false)
  })

  it('in the first of two tabs does not accept the invitation of the second', async () => {
    const one = await site.invite('alice@acme.example')
    const two = await site.invite('dora@acme.example')
    const both = site.visitor()
    const first = await both.open(one.link)
    await both.open(two.link)
    expect((await both.submit(first, '/invitation', { password: PASSWORD, repeat: PASSWORD })).status).toBe(403)
    expect((await site.membership(one.name)).joined).toBeUndefined()
    expect((await site.membership(two.name)).joined).toBeUndefined()
  })

  it('is refused to somebody suspended', async () => {
    const { link, name } = await site.invite('alice@acme.example', { user: { suspended: true } })
    const alice = site.visitor()
    expect((await alice.open(link)).status).toBe(404)
    expect((await site.membership(name)).joined).toBeUndefined()
  })

  it('sets the first password of an account that exists at once, and only the first', async () => {
    const { link } = await site.invite('alice@acme.example', { purpose: 'SetUp' })
    await site.store.create(
      {
        kind: 'Account',
        metadata: { name: accountName('alice@acme.example') },
        spec: { address: 'alice@acme.example', credentialVersion: 1 },
      },
      { manager: 'controller' },
    )
    const alice = site.visitor()
    const page = await alice.open(link)
    expect(page.body).toContain('Set up your account for CloudHub')
    expect(page.body).not.toContain('Decline')
    expect((await alice.submit(page, '/invitation', { password: PASSWORD, repeat: PASSWORD })).status).toBe(303)
    expect((await site.store.get('Account', accountName('alice@acme.example')))?.spec.proven?.how).toBe('Link')
    expect((await site.visitor().open(link)).status).toBe(404)
    expect((await alice.get('/me')).status).toBe(200)
  })
})

describe('declining an invitation', () => {
  it.each([true, false])('is written once, reported: %s', async reported => {
    const { link, name } = await site.invite('alice@acme.example')
    const alice = site.visitor()
    const page = await alice.open(link)
    const results = await Promise.all(
      [1, 2, 3].map(() => alice.submit(page, '/invitation/decline', reported ? { report: 'yes' } : {})),
    )
    expect(results.map(({ location }) => location)).toEqual(Array(3).fill('/invitation/declined'))
    expect((await alice.get('/invitation/declined')).body).toContain('Invitation declined')
    expect((await site.membership(name)).declined).toEqual({ time: timestamp(site.clock.now()), attempt: 1, reported })
    expect(
      site.audit.filter(({ action, phase }) => action === 'membership.decline' && phase === 'result'),
    ).toHaveLength(1)
    expect((await alice.open(link)).status).toBe(404)
  })

  it('does not decline what was accepted at the very moment', async () => {
    const { link, name } = await site.invite('alice@acme.example')
    const alice = site.visitor()
    const page = await alice.open(link)
    beforeNextWrite(() =>
      site.change(name, spec => ({ ...spec, joined: { time: timestamp(site.clock.now()), how: 'Link', attempt: 1 } })),
    )
    expect((await alice.submit(page, '/invitation/decline')).status).toBe(404)
    expect((await site.membership(name)).declined).toBeUndefined()
  })

  it('cannot take back that somebody joined', async () => {
    const { link, name } = await site.invite('alice@acme.example')
    const alice = site.visitor()
    const page = await alice.open(link)
    await alice.submit(page, '/invitation', { password: PASSWORD, repeat: PASSWORD })
    const late = site.visitor()
    await late.open(link)
    const form = await late.get('/invitation')
    expect(form.status).toBe(404)
    expect((await site.membership(name)).declined).toBeUndefined()
  })
})

/** Lets something happen between the moment when the portal has judged a record and the moment when it writes it. */
const beforeNextWrite = (happens: () => Promise<void>): void => {
  const { replace } = site.store
  site.store.replace = async (record, options) => {
    if (record.kind !== 'Membership') return replace.call(site.store, record, options) as never
    site.store.replace = replace
    await happens()
    return replace.call(site.store, record, options) as never
  }
}

/** Somebody who has joined acme and is signed in. */
const joined = async (address: string) => {
  const { link, name } = await site.invite(address, { roles: ['editor'] })
  const visitor = site.visitor()
  await visitor.submit(await visitor.open(link), '/invitation', { password: PASSWORD, repeat: PASSWORD })
  await site.change(name, spec => ({
    ...spec,
    settled: {
      roles: ['editor'],
      groups: [],
      permissions: ['documents:*', 'users:read'],
      time: timestamp(site.clock.now()),
    },
  }))
  return visitor
}

/** The same address invited by another organization. */
const invitedElsewhere = async (address: string) => {
  await site.store.create(
    { kind: 'Organization', metadata: { name: 'branch' }, spec: { displayName: 'Branch' } },
    { manager: 'source/people' },
  )
  await site.store.delete({ kind: 'Invitation', name: address.split('@')[0] ?? '' })
  return site.invite(address, { organization: 'branch', user: false })
}
