import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FoundUser } from '../../../src/ports/directory.ts'
import { readAll } from '../../contract/directory.ts'
import { fakeClock, settled } from '../../fakes/clock.ts'
import {
  GITHUB_TOKEN,
  type GithubPeer,
  type GithubPeerOptions,
  githubPeer,
  type Treatment,
} from '../../peers/github.ts'
import { driverFor } from './reading.ts'

let peer: GithubPeer
beforeEach(async () => {
  peer = await githubPeer()
})
afterEach(() => peer[Symbol.asyncDispose]())

const never = new AbortController().signal
const another = async (options: GithubPeerOptions) => {
  await peer[Symbol.asyncDispose]()
  peer = await githubPeer(options)
}
const byLogin = (users: readonly FoundUser[]) =>
  Object.fromEntries(users.map(user => [user.login ?? user.email ?? user.id, user]))

describe('people of an organization', () => {
  it('are owners and members, by the number that never changes, with a proven address before one that is shown', async () => {
    const ann = peer.fill.member(
      {
        login: 'ann',
        name: 'Ann Meyer',
        email: 'ann@home.example',
        domainEmails: ['b@acme.example', 'a@acme.example'],
      },
      'admin',
    )
    peer.fill.member({ login: 'ben', email: '' })
    const { users, outcome } = await readAll(driverFor(peer))
    expect(outcome.outcome).toBe('Complete')
    expect(byLogin(users)).toEqual({
      ann: {
        id: String(ann.id),
        login: 'ann',
        displayName: 'Ann Meyer',
        email: 'a@acme.example',
        aliases: ['b@acme.example', 'ann@home.example'],
        relation: 'Owner',
        active: true,
      },
      ben: { id: expect.any(String), login: 'ben', relation: 'Member', active: true },
    })
  })

  it('stay the same when they take another login, and are somebody else with a login that was given up', async () => {
    const ann = peer.fill.member({ login: 'ann' })
    ann.login = 'ann-meyer'
    const other = peer.fill.member({ login: 'ann' })
    const { users } = await readAll(driverFor(peer))
    expect(byLogin(users)).toMatchObject({ 'ann-meyer': { id: String(ann.id) }, ann: { id: String(other.id) } })
  })

  it('are outside collaborators too, of whom the list tells only the login', async () => {
    peer.fill.member({ login: 'ann' })
    for (let at = 0; at < 250; at++)
      peer.fill.outsider({ login: `out${at}`, name: `Outside ${at}`, email: `o${at}@partner.example` })
    const { users, outcome } = await readAll(driverFor(peer))
    expect(outcome.outcome).toBe('Complete')
    expect(users).toHaveLength(251)
    expect(byLogin(users)['out249']).toMatchObject({
      relation: 'OutsideCollaborator',
      displayName: 'Outside 249',
      email: 'o249@partner.example',
      active: true,
    })
  })

  it('who are in a list of several pages are read again when somebody leaves it meanwhile, so that nobody is skipped', async () => {
    for (let at = 0; at < 250; at++) peer.fill.outsider({ login: `out${at}` })
    const [first] = peer.state.outside
    const path = 'GET /orgs/acme/outside_collaborators'
    const driver = driverFor(peer)
    // Somebody of the first page leaves after it was told: the second one begins one further.
    const left = peer.onceAsked(path, 2, () => void peer.state.outside.delete(first ?? 0))
    const { users, outcome } = await readAll(driver)
    await left
    expect(outcome.outcome).toBe('Complete')
    expect(new Set(users.map(({ id }) => id))).toEqual(new Set([...peer.state.outside].map(String)))
  })

  it('are not complete where the list never stands still', async () => {
    for (let at = 0; at < 250; at++) peer.fill.outsider({ login: `out${at}` })
    const path = 'GET /orgs/acme/outside_collaborators'
    for (let page = 1; page <= 20; page++)
      void peer.onceAsked(path, page, () => void peer.state.outside.delete([...peer.state.outside][0] ?? 0))
    expect((await readAll(driverFor(peer))).outcome).toMatchObject({ outcome: 'Failed', reason: 'Incomplete' })
  })

  it('are known by their login alone where GitHub shows nothing else', async () => {
    const gone = peer.fill.outsider({ login: 'gone' })
    const { users } = await readAll(driverFor(peer))
    expect(users).toEqual([{ id: String(gone.id), login: 'gone', relation: 'OutsideCollaborator', active: true }])
  })
})

describe('an invitation', () => {
  it('is a person who is not active, pending or failed, by their own number as soon as they have an account', async () => {
    const eve = peer.fill.account({ login: 'Eve', name: 'Eve' })
    peer.fill.invitation({ login: 'eve' })
    const mailed = peer.fill.invitation({ email: 'flo@acme.example' })
    peer.fill.invitation({
      email: 'gus@acme.example',
      failed: 'Invitation expired. User did not accept this invite for 7 days.',
    })
    peer.fill.invitation({ login: 'nobody-any-more', failed: 'User cannot be found' })
    const { users, outcome } = await readAll(driverFor(peer))
    expect(outcome.outcome).toBe('Complete')
    expect(byLogin(users)).toMatchObject({
      Eve: { id: String(eve.id), displayName: 'Eve', relation: 'Invited', active: false },
      'flo@acme.example': { id: `invitation-${mailed.id}`, relation: 'Invited', active: false },
      'gus@acme.example': { relation: 'InvitationFailed', active: false },
      'nobody-any-more': { id: expect.stringMatching(/^invitation-/), relation: 'InvitationFailed' },
    })
    // Accepting changes what they are, and not who.
    peer.state.invitations.splice(0, 1)
    peer.state.members.set(eve.id, 'member')
    expect(byLogin((await readAll(driverFor(peer))).users)['Eve']).toMatchObject({
      id: String(eve.id),
      relation: 'Member',
    })
  })

  it('that failed is not told where there is a newer one, or a member', async () => {
    const ann = peer.fill.member({ login: 'ann' })
    peer.fill.invitation({ login: 'ann', failed: 'expired' })
    peer.fill.invitation({ email: 'flo@acme.example', failed: 'expired' })
    peer.fill.invitation({ email: 'FLO@acme.example' })
    const { users } = await readAll(driverFor(peer))
    expect(users.map(({ id, relation }) => [id === String(ann.id), relation])).toEqual([
      [true, 'Member'],
      [false, 'Invited'],
    ])
  })
})

describe('a team', () => {
  it('has maintainers, and the teams beneath it, whose members are not its own', async () => {
    const [ann, ben, cid] = ['ann', 'ben', 'cid'].map(login => String(peer.fill.member({ login }).id)) as [
      string,
      string,
      string,
    ]
    const all = peer.fill.team({ name: 'All', description: 'Everybody', privacy: 'closed' })
    all.members.set(Number(ann), 'maintainer').set(Number(ben), 'member')
    const inner = peer.fill.team({ name: 'Inner', parent: all.id, privacy: 'secret' })
    inner.members.set(Number(cid), 'member')
    const { groups } = await readAll(driverFor(peer))
    expect(groups).toEqual([
      {
        id: String(all.id),
        name: 'All',
        description: 'Everybody',
        users: [ann, ben],
        groups: [String(inner.id)],
        maintainers: [ann],
      },
      { id: String(inner.id), name: 'Inner', users: [cid], groups: [], maintainers: [] },
    ])
  })

  it('is told whole, however many are in it, and however many teams there are', async () => {
    const all = Array.from({ length: 350 }, (_, at) => peer.fill.member({ login: `u${at}` }).id)
    for (let at = 0; at < 45; at++) peer.fill.team({ name: `t${at}` })
    const large = peer.fill.team({ name: 'large', members: new Map(all.map(id => [id, 'member'])) })
    const { groups, outcome } = await readAll(driverFor(peer))
    expect(outcome.outcome).toBe('Complete')
    expect(groups).toHaveLength(46)
    expect(groups.find(({ id }) => id === String(large.id))?.users).toEqual(all.map(String).sort())
  })
})

describe('a read of an organization', () => {
  const fill = (people: number, teams: number, each: number) => {
    const all = Array.from({ length: people }, (_, at) => peer.fill.member({ login: `u${at}` }).id)
    for (let at = 0; at < teams; at++) {
      const ids = Array.from({ length: each }, (_, nth) => all[(at * each + nth) % people] ?? 0)
      peer.fill.team({ name: `t${at}`, members: new Map(ids.map(id => [id, 'member'])) })
    }
  }

  it('takes a request a page of people, and one for twenty teams, at most as many at once as it may', async () => {
    fill(1000, 60, 10)
    const { outcome } = await readAll(driverFor(peer, { limits: { concurrency: 3 } }))
    // 10 pages of members, 3 of teams, and the three lists beside them.
    expect(outcome).toEqual({ outcome: 'Complete', requests: 16 })
    expect(peer.requests).toHaveLength(16)
    expect(peer.concurrent).toBeLessThanOrEqual(3)
  })

  it('reads only', async () => {
    fill(10, 2, 2)
    await readAll(driverFor(peer))
    expect(new Set(peer.requests)).toEqual(
      new Set([
        'POST /graphql',
        'GET /orgs/acme/outside_collaborators',
        'GET /orgs/acme/invitations',
        'GET /orgs/acme/failed_invitations',
      ]),
    )
  })

  it.each(['break', 'break-after', 'bad-gateway', 'unavailable'] satisfies Treatment[])(
    'is complete in spite of one %s at any request',
    async treatment => {
      fill(250, 25, 3)
      const whole = await readAll(driverFor(peer))
      for (let request = 0; request < whole.outcome.requests; request++) {
        peer.treat(...Array.from({ length: request }, () => 'answer' as const), treatment)
        const read = await readAll(driverFor(peer))
        expect(read.outcome, `request ${request + 1}`).toEqual({
          outcome: 'Complete',
          requests: whole.outcome.requests + 1,
        })
        expect(new Set(read.users.map(({ id }) => id))).toEqual(new Set(whole.users.map(({ id }) => id)))
      }
    },
  )

  it('is not complete after a query that came to nothing, although its status is 200', async () => {
    fill(250, 0, 0)
    peer.treat('answer', 'answer', 'answer', 'answer', 'error', 'error', 'error')
    expect((await readAll(driverFor(peer))).outcome).toMatchObject({ outcome: 'Partial', reason: 'Unreachable' })
  })

  it('is not complete as long as the lists have fewer people than the counts', async () => {
    fill(150, 3, 2)
    peer.state.lagging = 1
    const { outcome, users, groups } = await readAll(driverFor(peer))
    expect(outcome).toMatchObject({
      outcome: 'Partial',
      reason: 'Incomplete',
      message: expect.stringContaining('150 of 151'),
    })
    expect([users.length, groups.length]).toEqual([150, 0])
    peer.state.lagging = 0
    expect((await readAll(driverFor(peer))).outcome.outcome).toBe('Complete')
  })

  it('misses nobody who stays when somebody leaves meanwhile', async () => {
    fill(1000, 0, 0)
    const driver = driverFor(peer, { limits: { concurrency: 1 } })
    const told = new Set<string>()
    const stayed = new Set([...peer.state.members.keys()].map(String))
    await driver.read({
      signal: never,
      take: ({ users = [] }) => {
        for (const { id } of users) told.add(id)
        // Somebody of each page leaves right after it was told.
        const [left] = users
        peer.state.members.delete(Number(left?.id))
        stayed.delete(left?.id ?? '')
      },
    })
    for (const id of stayed) expect(told).toContain(id)
  })
})

describe('a budget that is used up', () => {
  it.each(['secondary', 'secondary-429', 'secondary-bare', 'too-many'] satisfies Treatment[])(
    'stops all requests until the time that GitHub names: %s',
    async treatment => {
      const clock = fakeClock()
      await another({ reset: () => clock.now() / 1000 + 59 })
      peer.fill.member({ login: 'ann' })
      peer.treat(treatment)
      const reading = readAll(driverFor(peer, { clock, limits: { concurrency: 1 } }))
      while (peer.requests.length < 1 || clock.pending < 1) await settled()
      const pause = treatment.startsWith('secondary') && treatment !== 'secondary-bare' ? 1000 : 60_000
      await clock.advance(pause - 1)
      expect(peer.requests).toHaveLength(1)
      await clock.advance(1)
      expect((await reading).outcome).toMatchObject({ outcome: 'Complete' })
      expect(peer.requests).toHaveLength(6)
    },
  )

  it('is not waited for longer than five minutes: the read ends, and the next one asks nothing before', async () => {
    const clock = fakeClock()
    await another({ reset: () => clock.now() / 1000 + 3000 })
    peer.treatFrom(1, 'too-many')
    const driver = driverFor(peer, { clock, limits: { concurrency: 1 } })
    expect((await readAll(driver)).outcome).toMatchObject({ outcome: 'Failed', reason: 'Retrying' })
    expect((await readAll(driver)).outcome).toMatchObject({ outcome: 'Failed', reason: 'Retrying', requests: 0 })
    expect(peer.requests).toHaveLength(1)
  })
})

describe('an organization that cannot be read', () => {
  const cases: [string, GithubPeerOptions, Parameters<typeof driverFor>[1], string, RegExp][] = [
    ['with a wrong token', {}, { secret: 'ghp_wrong' }, 'CredentialsRefused', /renew/],
    ['with a secret for another host', {}, { hosts: ['api.github.com'] }, 'SecretAudience', /localhost/],
    ['that is not there', {}, { organization: 'nowhere' }, 'InvalidSpec', /nowhere/],
    ['without the right to its members', { scopes: ['admin:org'] }, {}, 'NotAllowed', /read:user/],
    ['without the right to its invitations', { scopes: ['read:org', 'read:user'] }, {}, 'NotAllowed', /admin:org/],
    ['at a place that is none', {}, { place: 'https://me@localhost' }, 'InvalidSpec', /url/],
    ['without encryption', {}, { place: 'http://api.acme.example' }, 'InvalidSpec', /https/],
  ]
  it.each(cases)('says why: %s', async (_, options, more, reason, message) => {
    await another(options)
    peer.fill.member({ login: 'ann' })
    const { outcome } = await readAll(driverFor(peer, more))
    expect(outcome).toMatchObject({ reason, message: expect.stringMatching(message) })
    expect(outcome.outcome).not.toBe('Complete')
    expect(JSON.stringify(outcome)).not.toContain(GITHUB_TOKEN)
  })
})

it('ends all lists when one of them cannot be read', async () => {
  await another({ scopes: ['read:org', 'read:user'] })
  for (let at = 0; at < 3000; at++) peer.fill.member({ login: `u${at}` })
  const { outcome } = await readAll(driverFor(peer, { limits: { concurrency: 2 } }))
  expect(outcome).toMatchObject({ outcome: 'Partial', reason: 'NotAllowed' })
  // Of 30 pages of members.
  expect(outcome.requests).toBeLessThan(15)
})

describe('a check', () => {
  it('says which rights the token lacks', async () => {
    await another({ scopes: ['read:org'], isOwner: false })
    peer.fill.member({ login: 'ann' })
    const check = await driverFor(peer).check({ signal: never })
    if ('outcome' in check) throw new Error(check.message)
    expect(check.server).toBe(`localhost:${peer.port}, organization acme`)
    expect(check.rights.filter(({ held }) => !held).map(({ what }) => what)).toEqual([
      expect.stringContaining('names and addresses'),
      expect.stringContaining('secret teams'),
      expect.stringContaining('outside collaborators'),
      expect.stringContaining('pending invitations'),
      expect.stringContaining('failed invitations'),
    ])
  })

  it('is trouble where the organization is not shown', async () => {
    expect(await driverFor(peer, { organization: 'nowhere' }).check({ signal: never })).toMatchObject({
      outcome: 'Failed',
      reason: 'InvalidSpec',
    })
  })
})

describe('GitHub Enterprise Server', () => {
  it('has REST and GraphQL in folders of their own, over TLS', async () => {
    await another({ tls: true })
    peer.fill.member({ login: 'ann' })
    const { outcome } = await readAll(driverFor(peer, { place: `${peer.url}/api/v3` }))
    expect(outcome.outcome).toBe('Complete')
    expect(new Set(peer.requests)).toEqual(
      new Set([
        'POST /api/graphql',
        'GET /api/v3/orgs/acme/outside_collaborators',
        'GET /api/v3/orgs/acme/invitations',
        'GET /api/v3/orgs/acme/failed_invitations',
      ]),
    )
  })
})
