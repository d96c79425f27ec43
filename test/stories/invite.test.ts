import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { generatedInvitationName } from '../../src/decide/record-names.ts'
import { factsOf } from '../fakes/composer.ts'
import { DAY, HOUR, openRealm, type Realm } from '../fakes/realm.ts'

let realm: Realm
beforeEach(async () => {
  realm = await openRealm()
  await realm.declare('Organization', 'acme', { displayName: 'Acme GmbH', domains: ['acme.example'] })
  await realm.declare('Role', 'editor', { organization: 'acme', allow: ['documents:*'] })
  await realm.declare('Role', 'viewer', { organization: 'acme', allow: ['documents:read'] })
})
afterEach(() => realm[Symbol.asyncDispose]())

const alice = (memberships = [{ organization: 'acme', roles: ['editor'] }]) =>
  realm.declare('User', 'alice', { email: 'Alice@acme.example', givenName: 'Alice', memberships })
const user = () => realm.store.get('User', 'alice')
const invitation = () => realm.store.get('Invitation', generatedInvitationName('alice', 'acme'))
const ready = (
  object: { status?: { conditions?: { type: string; status: string; reason: string }[] } } | undefined,
) => {
  const condition = object?.status?.conditions?.find(one => one.type === 'Ready')
  return condition && `${condition.status} ${condition.reason}`
}

describe('a declared membership', () => {
  it('is mailed once, and is waited for', async () => {
    await alice()
    await realm.run()
    expect(realm.mailer.to('Alice@acme.example')).toHaveLength(1)
    expect((await invitation())?.status).toMatchObject({
      state: 'Pending',
      attempt: 1,
      expirationTime: '2026-03-03T09:00:00.000Z',
    })
    expect(ready(await invitation())).toBe('True WaitingForPerson')
    expect((await user())?.status).toMatchObject({
      state: 'Invited',
      memberships: [{ organization: 'acme', state: 'Invited' }],
    })
    expect(ready(await user())).toBe('True WaitingForPerson')
    expect(factsOf(realm.mailer.sent[0])).toMatchObject({ roles: [{ name: 'editor' }], person: { givenName: 'Alice' } })
  })

  it('gives its roles once the person accepts, and a welcome mail', async () => {
    await alice()
    await realm.run()
    await realm.clock.advance(HOUR)
    await realm.accept('acme', 'alice@acme.example')
    await realm.run()
    expect((await realm.membership('acme', 'alice@acme.example'))?.settled).toMatchObject({
      roles: ['editor'],
      permissions: ['documents:*'],
    })
    expect((await user())?.status).toMatchObject({
      state: 'Active',
      memberships: [{ organization: 'acme', state: 'Active', roles: ['editor'] }],
    })
    expect((await invitation())?.status).toMatchObject({ state: 'Accepted', acceptedTime: '2026-03-02T10:00:00.000Z' })
    expect(realm.mailer.sent.map(mail => mail.subject)).toEqual(['invitation', 'welcome'])
  })

  it('is written once: a second run writes nothing', async () => {
    await alice()
    await realm.run()
    const before = await realm.version()
    await realm.runAll()
    expect(await realm.version()).toBe(before)
    await realm.accept('acme', 'alice@acme.example')
    await realm.run()
    const joined = await realm.version()
    await realm.runAll()
    expect(await realm.version()).toBe(joined)
  })

  it('expires at its second, is invited again up to the limit, and is given up', async () => {
    await alice()
    await realm.run()
    await realm.pass(DAY - 1)
    expect((await invitation())?.status?.state).toBe('Pending')
    await realm.pass(1)
    expect((await invitation())?.status).toMatchObject({ state: 'Pending', attempt: 2 })
    await realm.pass(DAY)
    expect((await invitation())?.status).toMatchObject({ state: 'Pending', attempt: 3 })
    await realm.pass(DAY)
    expect((await invitation())?.status).toMatchObject({ state: 'GaveUp', attempt: 3 })
    expect(ready(await user())).toBe('False GaveUp')
    await realm.pass(40 * DAY)
    expect(realm.mailer.to('Alice@acme.example')).toHaveLength(3)
    const events = (await realm.store.events.list({})).map(event => event.reason)
    expect(events.filter(reason => reason === 'Expired')).not.toHaveLength(0)
  })
})
