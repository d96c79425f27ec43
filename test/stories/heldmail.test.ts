import { beforeEach, describe, expect, it } from 'vitest'
import type { RemovalsHeldFacts } from '../../src/ports/composer.ts'
import { factsOf } from '../fakes/composer.ts'
import { DAY, HOUR, openRealm, type Realm } from '../fakes/realm.ts'

const PEOPLE = Array.from({ length: 8 }, (_, at) => `p${at}`)
let realm: Realm
const declare = (name: string, roles: string[], join: 'None' | 'Invitation' = 'None') =>
  realm.declare('User', name, {
    email: `${name}@acme.example`,
    memberships: [{ organization: 'acme', roles, join }],
  })
const take = async (names: readonly string[]) => {
  for (const name of names) await declare(name, [])
  await realm.run()
}
const giveBack = async (names: readonly string[]) => {
  for (const name of names) await declare(name, ['editor'])
  await realm.run()
}
const held = (address = 'bob@acme.example') =>
  realm.mailer
    .to(address)
    .flatMap(mail => (mail.subject === 'removalsHeld' ? [factsOf<RemovalsHeldFacts>(mail).held] : []))

beforeEach(async () => {
  realm = await openRealm()
  await realm.declare('Organization', 'acme', {
    displayName: 'Acme GmbH',
    contacts: [{ name: 'Desk', email: 'desk@acme.example', purpose: 'Technical' }],
  })
  await realm.declare('Role', 'editor', { organization: 'acme', displayName: 'Editor', allow: ['documents:*'] })
  await realm.declare('Role', 'admin', { organization: 'acme', allow: ['users:*'] })
  for (const name of PEOPLE) await declare(name, ['editor'])
  for (const name of ['bob', 'eve']) await declare(name, ['admin'], 'Invitation')
  await realm.run()
  for (const name of ['bob', 'eve']) await realm.accept('acme', `${name}@acme.example`)
  await realm.pass(2 * DAY)
  return async () => realm[Symbol.asyncDispose]()
})

describe('a set of removals that is held', () => {
  it('is told to each admin once, with who would lose what and why', async () => {
    await take(PEOPLE.slice(0, 6))
    for (const address of ['bob@acme.example', 'eve@acme.example']) {
      const [facts, ...more] = held(address)
      expect(more).toEqual([])
      expect(facts).toMatchObject({
        producer: 'source/people',
        people: 6,
        reason: 'Budget',
        losses: PEOPLE.slice(0, 6).map(name => ({ name, membership: false, roles: ['Editor'] })),
        resource: expect.stringMatching(/^RemovalSet\/acme\.[a-z2-7]{10}$/),
      })
    }
    expect(held('desk@acme.example')).toEqual([])
    // Neither by a restart, nor by anything else that happens, nor days later.
    await realm.restart()
    await realm.runAll()
    await declare('p7', ['editor', 'admin'])
    await realm.pass(5 * DAY)
    expect([held(), held('eve@acme.example')].map(mails => mails.length)).toEqual([1, 1])
  })

  it('is told to the contacts where there is no admin', async () => {
    for (const name of ['bob', 'eve'])
      await realm.portal('acme', `${name}@acme.example`, spec => ({
        ...spec,
        left: { time: new Date(realm.clock.now()).toISOString() },
      }))
    await realm.run()
    await take(PEOPLE.slice(0, 6))
    expect(held('desk@acme.example')).toHaveLength(1)
  })

  it('stands in the audit trail when it is held and when it is released, and as Events', async () => {
    await take(PEOPLE.slice(0, 6))
    const [set] = (await realm.store.list('RemovalSet')).items.filter(({ spec }) => spec.state === 'Held')
    await realm.declare(
      'Approval',
      'yes',
      {
        organization: 'acme',
        releases: set?.spec.hash as string,
        reason: 'ticket 4711',
        expirationTime: new Date(realm.clock.now() + DAY).toISOString(),
      },
      { manager: 'local/bob' },
    )
    await realm.run()
    const told = realm.audit.lines.filter(({ target }) => target === `RemovalSet/${set?.metadata.name}`)
    expect(told).toMatchObject([
      { action: 'access.hold', actor: 'source/people', after: { hash: set?.spec.hash, people: 6 } },
      { action: 'access.release', because: 'Approval/yes: ticket 4711', after: { hash: set?.spec.hash } },
    ])
    const events = await realm.store.events.list({ ref: { kind: 'Organization', name: 'acme' }, limit: 10 })
    expect(events.map(({ reason }) => reason)).toEqual(expect.arrayContaining(['RemovalsHeld', 'RemovalsReleased']))
    // Released, it is no news any more.
    await realm.pass(DAY)
    expect(held()).toHaveLength(1)
  })

  it('that comes and goes all day is ten mails at most', async () => {
    for (let round = 0; round < 14; round++) {
      await take(PEOPLE.slice(0, 6))
      expect(held()).toHaveLength(Math.min(round + 1, 10))
      await giveBack(PEOPLE.slice(0, 6))
      await realm.pass(60_000)
    }
    await realm.pass(DAY)
    await take(PEOPLE.slice(0, 6))
    expect(held()).toHaveLength(11)
  })

  it('is mailed once the server takes mail again, and is no news any more after three days', async () => {
    const down = () => ({ outcome: 'NotSent' as const, response: 'no route', serverDown: true })
    realm.mailer.answers = down
    await take(PEOPLE.slice(0, 6))
    await realm.pass(HOUR)
    expect([held(), held('eve@acme.example')]).toEqual([[], []])
    realm.mailer.answers = []
    await realm.pass(2 * HOUR)
    expect([held(), held('eve@acme.example')]).toMatchObject([[{ people: 6 }], [{ people: 6 }]])

    // Who is an admin from today on needs no mail about last week.
    await realm.pass(4 * DAY)
    await declare('p7', ['editor', 'admin'])
    await realm.runAll()
    expect(held('p7@acme.example')).toEqual([])
  })

  it('keeps its claims beside the guard in force', async () => {
    await realm.declare('Organization', 'acme', {
      displayName: 'Acme GmbH',
      guard: { freeRemovals: 1, maxRemovals: '0%' },
    })
    await realm.run()
    await take(PEOPLE.slice(0, 2))
    expect(held()).toHaveLength(1)
    const open = await realm.store.get('RemovalSet', 'acme')
    expect(open?.spec).toMatchObject({ state: 'Open', guard: { freeRemovals: 1 }, mails: [{ outcome: 'Sent' }, {}] })
    await realm.declare('Organization', 'acme', {
      displayName: 'Acme GmbH',
      guard: { freeRemovals: 0, maxRemovals: '0%' },
    })
    await realm.run()
    expect((await realm.store.get('RemovalSet', 'acme'))?.spec).toMatchObject({
      guard: { freeRemovals: 0 },
      mails: [{}, {}],
    })
  })
})
