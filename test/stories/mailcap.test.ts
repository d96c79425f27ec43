import { beforeEach, describe, expect, it } from 'vitest'
import { heldSets } from '../../src/app/held.ts'
import { heldLines } from '../../src/cli/heldtext.ts'
import type { InvitationsHeldFacts } from '../../src/ports/composer.ts'
import { factsOf } from '../fakes/composer.ts'
import { DAY, HOUR, openRealm, type Realm } from '../fakes/realm.ts'

const PEOPLE = Array.from({ length: 8 }, (_, at) => `p${at}`)
let realm: Realm
const address = (name: string) => `${name}@acme.example`
const declare = (name: string, join: 'Invitation' | 'Account' = 'Invitation') =>
  realm.declare('User', name, {
    email: address(name),
    memberships: [{ organization: 'acme', roles: ['viewer'], join }],
  })
const mailed = (names: readonly string[] = PEOPLE) => names.filter(name => realm.mailer.to(address(name)).length > 0)
const held = async () => (await realm.store.list('RemovalSet')).items.filter(({ spec }) => spec.state === 'Held')
const approve = async (releases: string) =>
  realm.declare(
    'Approval',
    'yes',
    {
      organization: 'acme',
      releases,
      reason: 'the whole branch comes',
      expirationTime: new Date(realm.clock.now() + DAY).toISOString(),
    },
    { manager: 'local/bob' },
  )
const expired = { invitations: { maxAttempts: 1 } }

beforeEach(async () => {
  realm = await openRealm()
  await realm.declare('Organization', 'acme', { guard: { maxInvitations: 3 }, ...expired })
  await realm.declare('Role', 'viewer', { organization: 'acme', allow: ['documents:read'] })
  await realm.run()
  return async () => realm[Symbol.asyncDispose]()
})

describe.each(['Invitation', 'Account'] as const)('more mails of one inviter than may be (join: %s)', join => {
  beforeEach(async () => {
    for (const name of PEOPLE) await declare(name, join)
    await realm.run()
  })

  it('are held beyond the cap, and do not drip out day by day', async () => {
    expect(mailed()).toHaveLength(3)
    const [set, ...more] = await held()
    expect(more).toEqual([])
    expect(set?.spec).toMatchObject({ reason: 'Invitations', people: 5, producer: 'source/people' })
    expect(set?.spec.because).toBe('5 more invitations than the 3 of one inviter that may be sent or wait in 24 hours')
    await realm.restart()
    await realm.runAll()
    await realm.pass(3 * DAY)
    expect(mailed()).toHaveLength(3)
    expect(await held()).toHaveLength(1)
  })

  it('go when an Approval says so, once each', async () => {
    const [set] = await held()
    await approve(set?.spec.hash as string)
    await realm.pass(HOUR)
    expect(mailed()).toEqual(PEOPLE)
    expect(realm.mailer.sent.map(mail => mail.to.address).toSorted()).toEqual(PEOPLE.map(address))
    expect((await realm.store.get('Approval', 'yes'))?.status?.state).toBe('Used')
    expect(
      (await realm.store.list('RemovalSet')).items.filter(({ spec }) => spec.reason).map(({ spec }) => spec.state),
    ).toEqual(['Done'])
  })

  it('keep nobody from being invited by somebody else', async () => {
    await realm.declare(
      'Invitation',
      'carol',
      { email: 'carol@partner.example', organization: 'acme' },
      { manager: 'user/bob' },
    )
    await realm.run()
    expect(realm.mailer.to('carol@partner.example')).toHaveLength(1)
  })

  it('are told in words by name, and forgotten when they are taken back', async () => {
    const waiting = PEOPLE.filter(name => !mailed().includes(name))
    const [set] = heldSets(realm.loop.world.cache)
    expect(set && heldLines(set)).toEqual([
      '! acme: 5 invitations of source/people wait: 5 more invitations than the 3 of one inviter that may be sent or wait in 24 hours',
      ...waiting.map(name => `    ${name}   is not invited yet   User/${name}`),
      '    held until it is approved (`roster approve acme`) or the edit is taken back',
    ])
    for (const name of waiting) await realm.remove('User', name)
    await realm.pass(HOUR)
    expect(await held()).toEqual([])
    expect(mailed()).toHaveLength(3)
  })
})

describe('invitations that are held', () => {
  const desk = 'desk@acme.example'
  const acme = (frozen: boolean) =>
    realm.declare('Organization', 'acme', {
      guard: { maxInvitations: 3 },
      contacts: [{ name: 'Desk', email: desk, purpose: 'Technical' }],
      frozen,
      ...expired,
    })
  const told = () => realm.mailer.to(desk).filter(mail => mail.subject === 'invitationsHeld')

  it('are told by one mail a set, with who waits, and the mail is no invitation', async () => {
    await acme(false)
    for (const name of PEOPLE) await declare(name)
    await realm.run()
    const waiting = PEOPLE.filter(name => !mailed().includes(name))
    expect(told().map(mail => factsOf<InvitationsHeldFacts>(mail).held)).toMatchObject([
      {
        producer: 'source/people',
        people: 5,
        invited: waiting,
        resource: `RemovalSet/${(await held())[0]?.metadata.name}`,
      },
    ])
    expect(await realm.membership('acme', desk)).toBeUndefined()
    await realm.restart()
    await realm.runAll()
    await realm.pass(5 * DAY)
    expect(told()).toHaveLength(1)
    // Approved, all of them go: the mail took nobody's turn.
    await approve((await held())[0]?.spec.hash as string)
    await realm.pass(HOUR)
    expect([mailed(), told().length]).toEqual([PEOPLE, 1])
  })

  it('are told of when nothing is frozen any more', async () => {
    await acme(false)
    for (const name of PEOPLE.slice(0, 3)) await declare(name)
    await realm.run()
    await acme(true)
    for (const name of PEOPLE.slice(3)) await declare(name)
    await realm.pass(HOUR)
    expect(realm.mailer.to(desk)).toEqual([])
    await acme(false)
    await realm.pass(HOUR)
    expect(told().map(mail => factsOf<InvitationsHeldFacts>(mail).held)).toMatchObject([{ people: 5 }])
  })
})

describe('the cap of invitations', () => {
  it('counts what one inviter sent in 24 hours, and lets what is within it go as ever', async () => {
    for (const name of PEOPLE.slice(0, 3)) await declare(name)
    await realm.pass(DAY + HOUR)
    for (const name of PEOPLE.slice(3, 6)) await declare(name)
    await realm.pass(HOUR)
    expect(mailed()).toEqual(PEOPLE.slice(0, 6))
    await declare('p6')
    await realm.pass(HOUR)
    expect(mailed()).toEqual(PEOPLE.slice(0, 6))
    expect((await held()).map(({ spec }) => spec.people)).toEqual([1])
  })

  it('is not widened by the commit that needs it', async () => {
    await realm.declare('Organization', 'acme', { guard: { maxInvitations: 1000 }, ...expired })
    for (const name of PEOPLE) await declare(name)
    await realm.pass(HOUR)
    expect(mailed()).toHaveLength(3)
  })

  it('takes nothing from the budget of removals', async () => {
    for (const name of PEOPLE) await declare(name)
    await realm.run()
    const [set] = await held()
    await approve(set?.spec.hash as string)
    await realm.pass(HOUR)
    for (const name of PEOPLE) await realm.accept('acme', address(name))
    await realm.run()
    for (const name of PEOPLE.slice(0, 5)) await realm.remove('User', name)
    await realm.run()
    expect((await realm.store.list('User')).items).toHaveLength(3)
  })
})
