import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { UserSpec } from '../../src/api/user.ts'
import {
  accountName,
  generatedInvitationName,
  generatedUserName,
  membershipName,
  messageId,
} from '../../src/decide/record-names.ts'
import { factsOf } from '../fakes/composer.ts'
import { DAY, HOUR, openRealm, type Realm } from '../fakes/realm.ts'

let realm: Realm
beforeEach(async () => {
  realm = await openRealm()
  await realm.declare('Organization', 'acme', { domains: ['acme.example'], timeZone: 'Europe/Berlin' })
  await realm.declare('Role', 'editor', { organization: 'acme', allow: ['documents:*'] })
  await realm.declare('Role', 'viewer', { organization: 'acme', allow: ['documents:read'] })
})
afterEach(() => realm[Symbol.asyncDispose]())

type Memberships = NonNullable<UserSpec['memberships']>
const ALICE = 'alice@acme.example'
const declareAlice = (
  memberships: Memberships = [{ organization: 'acme', roles: ['editor'] }],
  more: Partial<UserSpec> = {},
) => realm.declare('User', 'alice', { email: ALICE, memberships, ...more })
const alice = () => realm.store.get('User', 'alice')
const place = async () => (await alice())?.status?.memberships?.find(one => one.organization === 'acme')
const membership = () => realm.membership('acme', ALICE)
const condition = async (type: string) => (await alice())?.status?.conditions?.find(one => one.type === type)
const generated = () => realm.store.get('Invitation', generatedInvitationName('alice', 'acme'))
const join = async (memberships?: Memberships) => {
  await declareAlice(memberships)
  await realm.run()
  await realm.accept('acme', ALICE)
  await realm.run()
}
const leave = () =>
  realm.portal('acme', ALICE, spec => ({ ...spec, left: { time: new Date(realm.clock.now()).toISOString() } }))
const invitations = () => realm.mailer.sent.filter(mail => mail.subject === 'invitation').length
const quiet = async () => {
  await realm.run()
  const before = await realm.version()
  await realm.runAll()
  expect(await realm.version()).toBe(before)
}

describe('a membership', () => {
  it('begins on its day, in the time zone of the organization', async () => {
    await declareAlice([{ organization: 'acme', roles: ['editor'], from: '2026-03-10' }])
    await realm.run()
    expect(await place()).toMatchObject({ state: 'Waiting' })
    expect(await condition('Ready')).toMatchObject({ status: 'True', reason: 'WaitingForTime' })
    await realm.pass(Date.parse('2026-03-09T22:59:59Z') - realm.clock.now())
    expect(invitations()).toBe(0)
    await realm.pass(1000)
    expect(invitations()).toBe(1)
  })

  it('ends with its day, and says so', async () => {
    await join([{ organization: 'acme', roles: ['editor'], until: '2026-03-10' }])
    expect((await membership())?.declared).toMatchObject({ until: '2026-03-10T23:00:00.000Z' })
    await realm.pass(Date.parse('2026-03-10T22:59:59Z') - realm.clock.now())
    expect(await place()).toMatchObject({ state: 'Active' })
    await realm.pass(1000)
    expect(await place()).toMatchObject({ state: 'Ended' })
    expect(await membership()).toMatchObject({
      ended: { by: 'source/people' },
      settled: { roles: [], permissions: [] },
    })
    await quiet()
  })

  it('is not ended by a clock that jumped, and is as soon as the clock is trusted', async () => {
    await join([{ organization: 'acme', roles: ['editor'], until: '2026-03-10' }])
    realm.clock.suspect = true
    await realm.pass(20 * DAY)
    expect(await place()).toMatchObject({ state: 'Active' })
    expect(await condition('ClockSuspect')).toMatchObject({ status: 'True' })
    realm.clock.suspect = false
    await realm.pass(HOUR)
    expect(await place()).toMatchObject({ state: 'Ended' })
  })

  it('ends by state: Ended, kills a link that is out, and begins anew when that is taken back', async () => {
    await declareAlice()
    await realm.run()
    await declareAlice([{ organization: 'acme', state: 'Ended' }])
    await realm.run()
    expect((await membership())?.attempts[0]?.withdrawnTime).toBeDefined()
    expect(await generated()).toBeUndefined()
    await declareAlice()
    await realm.run()
    expect(invitations()).toBe(2)
    await realm.accept('acme', ALICE)
    await realm.run()
    expect(await place()).toMatchObject({ state: 'Active', roles: ['editor'] })
  })

  it('that was joined and ended needs accepting anew', async () => {
    await join()
    await declareAlice([{ organization: 'acme', state: 'Ended' }])
    await realm.run()
    expect(await place()).toMatchObject({ state: 'Ended' })
    await quiet()
    await declareAlice()
    await realm.run()
    expect(await place()).toMatchObject({ state: 'Invited' })
    expect(invitations()).toBe(2)
  })

  it('ends when its declaration drops the item, and when the User is deleted', async () => {
    await join()
    await declareAlice([])
    await realm.run()
    expect((await membership())?.ended).toMatchObject({ because: 'User/alice declares no membership in acme' })

    await declareAlice()
    await realm.run()
    await realm.accept('acme', ALICE)
    await realm.run()
    await realm.remove('User', 'alice')
    await realm.run()
    expect((await membership())?.ended).toMatchObject({ because: 'User/alice was deleted' })
    expect(await alice()).toBeUndefined()
    expect((await realm.store.list('User')).items).toHaveLength(0)
  })

  it('is not an inheritance of the name: a User made anew under another address begins from nothing', async () => {
    await join()
    await realm.remove('User', 'alice')
    await realm.run()
    await realm.declare('User', 'alice', {
      email: 'another@acme.example',
      memberships: [{ organization: 'acme', roles: ['editor'] }],
    })
    await realm.run()
    expect(await place()).toMatchObject({ state: 'Invited' })
    expect((await membership())?.ended).toBeDefined()
  })

  it('is restricted without any role', async () => {
    await join([{ organization: 'acme' }])
    expect(await place()).toMatchObject({ state: 'Restricted' })
    await declareAlice([{ organization: 'acme', roles: ['viewer'] }])
    await realm.run()
    expect(await place()).toMatchObject({ state: 'Active', roles: ['viewer'] })
  })

  it('loses a role that is declared no more, with a line in the audit trail', async () => {
    await join([{ organization: 'acme', roles: ['editor', 'viewer'] }])
    await declareAlice([{ organization: 'acme', roles: ['viewer'] }])
    await realm.run()
    expect((await membership())?.settled).toMatchObject({ roles: ['viewer'], permissions: ['documents:read'] })
    const taken = realm.audit.lines.filter(line => line.action === 'access.take')
    expect(taken.map(line => line.phase)).toEqual(['intent', 'result'])
    expect(taken[0]).toMatchObject({ actor: 'source/people', target: 'User/alice', after: { roles: ['editor'] } })
  })

  it('follows its roles and groups as they change', async () => {
    await realm.declare('Group', 'writers', { organization: 'acme', roles: ['editor'] })
    await join([{ organization: 'acme', roles: ['viewer'] }])
    await realm.declare('Group', 'writers', { organization: 'acme', roles: ['editor'], members: ['alice'] })
    await realm.run()
    expect((await membership())?.settled).toMatchObject({ roles: ['editor', 'viewer'], groups: ['writers'] })
    await realm.declare('Role', 'editor', { organization: 'acme', allow: ['documents:*', 'sites:read'] })
    await realm.run()
    expect((await membership())?.settled?.permissions).toContain('sites:read')
    await realm.remove('Group', 'writers')
    await realm.run()
    expect((await membership())?.settled).toMatchObject({ roles: ['viewer'], groups: [] })
    await realm.declare('Role', 'viewer', { organization: 'acme', deny: ['documents:read'] })
    await realm.run()
    expect((await membership())?.settled?.permissions).toEqual(['!documents:read'])
  })

  it('of a suspended person stays as it is, and nobody suspended is mailed', async () => {
    await join()
    await declareAlice(undefined, { suspended: true })
    await realm.run()
    expect((await alice())?.status).toMatchObject({ state: 'Suspended', memberships: [{ state: 'Suspended' }] })
    expect((await membership())?.settled?.roles).toEqual(['editor'])
    await realm.declare('User', 'bob', {
      email: 'bob@acme.example',
      suspended: true,
      memberships: [{ organization: 'acme' }],
    })
    await realm.run()
    expect(realm.mailer.to('bob@acme.example')).toHaveLength(0)
    await realm.declare('User', 'bob', { email: 'bob@acme.example', memberships: [{ organization: 'acme' }] })
    await realm.run()
    expect(realm.mailer.to('bob@acme.example')).toHaveLength(1)
  })

  it('in an organization that does not exist stops nothing else', async () => {
    await declareAlice([{ organization: 'nowhere' }, { organization: 'acme' }])
    await realm.run()
    expect(await condition('Stalled')).toMatchObject({
      reason: 'ReferenceNotFound',
      message: expect.stringContaining('nowhere'),
    })
    expect(invitations()).toBe(1)
    await realm.declare('Organization', 'nowhere', {})
    await realm.run()
    expect(invitations()).toBe(2)
  })

  it('with a role that does not exist is not mailed until it does', async () => {
    await declareAlice([{ organization: 'acme', roles: ['ghost'] }])
    await realm.run()
    expect(invitations()).toBe(0)
    expect(await condition('Stalled')).toMatchObject({ reason: 'ReferenceNotFound' })
    await realm.declare('Role', 'ghost', { organization: 'acme' })
    await realm.run()
    expect(invitations()).toBe(1)
  })

  it('is left alone while its User is paused', async () => {
    await declareAlice()
    await realm.store.annotate({ kind: 'User', name: 'alice' }, { 'roster.dev/pause': 'true' }, { manager: 'user/bob' })
    await realm.run()
    expect(invitations()).toBe(0)
    expect(await condition('Ready')).toMatchObject({ status: 'True', reason: 'Paused' })
    await realm.store.annotate({ kind: 'User', name: 'alice' }, { 'roster.dev/pause': null }, { manager: 'user/bob' })
    await realm.run()
    expect(invitations()).toBe(1)
  })
})

describe('somebody who left', () => {
  beforeEach(async () => {
    await join()
    await leave()
    await realm.run()
  })

  it('is not invited again by the same declaration, whatever else in it changes', async () => {
    expect(await place()).toMatchObject({ state: 'Left' })
    expect((await membership())?.settled?.roles ?? []).toEqual([])
    await declareAlice([{ organization: 'acme', roles: ['viewer'] }])
    await realm.pass(40 * DAY)
    expect(invitations()).toBe(1)
    expect(await condition('Ready')).toMatchObject({ reason: 'Left' })
    await quiet()
  })

  it('comes back by an Invitation written by hand', async () => {
    await realm.declare('Invitation', 'come-back', { email: ALICE, organization: 'acme' }, { manager: 'user/bob' })
    await realm.run()
    expect(invitations()).toBe(2)
    await realm.accept('acme', ALICE)
    await realm.run()
    expect(await place()).toMatchObject({ state: 'Active', roles: ['editor'] })
  })

  it('is invited again once the declaration was gone in between', async () => {
    await declareAlice([])
    await realm.run()
    await declareAlice()
    await realm.run()
    expect(invitations()).toBe(2)
  })
})

describe('somebody who declined', () => {
  it('is not asked again, and may be by a resend', async () => {
    await declareAlice()
    await realm.run()
    await realm.portal('acme', ALICE, spec => ({
      ...spec,
      declined: { time: new Date(realm.clock.now()).toISOString(), attempt: 1, reported: false },
    }))
    await realm.pass(10 * DAY)
    expect(invitations()).toBe(1)
    expect((await generated())?.status?.state).toBe('Declined')
    await realm.store.annotate(
      { kind: 'Invitation', name: generatedInvitationName('alice', 'acme') },
      { 'roster.dev/resendRequestedAt': 'x' },
      { manager: 'user/bob' },
    )
    await realm.run()
    expect(invitations()).toBe(2)
  })
})

describe('an address', () => {
  it('that changes before joining: the old link dies, the new address gets its own', async () => {
    await declareAlice()
    await realm.run()
    await declareAlice(undefined, { email: 'a.new@acme.example' })
    await realm.run()
    expect((await membership())?.attempts[0]?.withdrawnTime).toBeDefined()
    expect(realm.mailer.to('a.new@acme.example')).toHaveLength(1)
    expect((await alice())?.status?.memberships).toEqual([{ organization: 'acme', state: 'Invited' }])
    await quiet()
  })

  it('that changes after joining: the membership stays, the address is unproven', async () => {
    await join()
    await declareAlice(undefined, { email: 'a.new@acme.example' })
    await realm.run()
    expect(await place()).toMatchObject({ state: 'Active', roles: ['editor'] })
    expect(await condition('AddressUnproven')).toMatchObject({ status: 'True' })
    expect(invitations()).toBe(1)
    await quiet()
  })

  it('that two Users declare belongs to the older; the other is told, and takes over when it goes', async () => {
    await join()
    await realm.clock.advance(1000)
    await realm.declare('User', 'impostor', {
      email: 'ALICE@acme.example',
      memberships: [{ organization: 'acme', roles: ['viewer'] }],
    })
    await realm.run()
    const impostor = () => realm.store.get('User', 'impostor')
    expect((await impostor())?.status?.conditions?.find(one => one.type === 'Stalled')?.reason).toBe(
      'DuplicateDeclared',
    )
    expect(await place()).toMatchObject({ state: 'Active', roles: ['editor'] })
    await realm.remove('User', 'alice')
    await realm.run()
    expect((await membership())?.ended).toBeUndefined()
    expect((await impostor())?.status?.memberships).toMatchObject([{ state: 'Active', roles: ['viewer'] }])
  })

  it('that is disputed keeps nothing from being taken that was joined under another', async () => {
    await join()
    await realm.declare('User', 'older', { email: 'taken@acme.example' })
    await realm.clock.advance(1000)
    await realm.declare('User', 'bob', {
      email: 'bob@acme.example',
      memberships: [{ organization: 'acme', roles: ['editor'] }],
    })
    await realm.run()
    await realm.accept('acme', 'bob@acme.example')
    await realm.run()
    await realm.declare('User', 'bob', { email: 'taken@acme.example', memberships: [] })
    await realm.run()
    const bob = await realm.store.get('User', 'bob')
    expect(bob?.status?.conditions?.find(one => one.type === 'Stalled')?.reason).toBe('DuplicateDeclared')
    expect(await realm.membership('acme', 'bob@acme.example')).toMatchObject({ ended: {}, settled: { roles: [] } })
    expect(realm.mailer.to('taken@acme.example')).toHaveLength(0)
    await quiet()
  })

  it('of a renamed User is not a new person', async () => {
    await join()
    await realm.clock.advance(1000)
    await realm.declare('User', 'alice-smith', {
      email: ALICE,
      previousNames: ['alice'],
      memberships: [{ organization: 'acme', roles: ['editor'] }],
    })
    await realm.run()
    await realm.remove('User', 'alice')
    await realm.run()
    expect((await membership())?.ended).toBeUndefined()
    expect((await realm.store.get('User', 'alice-smith'))?.status?.memberships).toMatchObject([
      { state: 'Active', roles: ['editor'] },
    ])
    expect(invitations()).toBe(1)
  })
})

describe('an organization', () => {
  it('that is confirmed no more by its parent invites nobody, and its members keep what they have', async () => {
    await realm.declare('Organization', 'holding', { children: ['acme'] })
    await realm.declare('Organization', 'acme', { parent: 'holding' })
    await realm.declare('Role', 'support', { organization: 'holding', allow: ['users:read'] })
    await join([{ organization: 'acme', roles: ['support'] }])
    await realm.declare('User', 'bob', { email: 'bob@acme.example', memberships: [{ organization: 'acme' }] })
    await realm.run()
    await realm.declare('Organization', 'holding', { children: [] })
    await realm.declare('User', 'eve', { email: 'eve@acme.example', memberships: [{ organization: 'acme' }] })
    await realm.run()
    expect((await membership())?.settled?.roles).toEqual(['support'])
    expect(await condition('Stalled')).toMatchObject({ reason: 'ParentNotConfirmed' })
    const bob = await realm.store.get('Invitation', generatedInvitationName('bob', 'acme'))
    expect(bob?.status?.conditions?.find(one => one.type === 'Stalled')?.reason).toBe('ParentNotConfirmed')
    expect(realm.mailer.to('eve@acme.example')).toHaveLength(0)
    await realm.declare('Organization', 'holding', { children: ['acme'] })
    await realm.run()
    expect(realm.mailer.to('eve@acme.example')).toHaveLength(1)
    expect(await condition('Stalled')).toBeUndefined()
  })
})

describe('a rename', () => {
  it('of somebody who is invited sends no second mail, and the link goes on working', async () => {
    await declareAlice()
    await realm.run()
    await realm.clock.advance(1000)
    await realm.declare('User', 'alice-smith', {
      email: ALICE,
      previousNames: ['alice'],
      memberships: [{ organization: 'acme', roles: ['editor'] }],
    })
    await realm.run()
    await realm.remove('User', 'alice')
    await realm.run()
    expect(invitations()).toBe(1)
    expect((await membership())?.attempts[0]?.withdrawnTime).toBeUndefined()
    expect((await realm.store.list('Invitation')).items.map(one => one.metadata.name)).toEqual([
      generatedInvitationName('alice-smith', 'acme'),
    ])
  })
})

describe('a rename with another address', () => {
  it('of somebody who joined ends nothing: the former name says who it is', async () => {
    await join()
    await realm.clock.advance(1000)
    const memberships = [{ organization: 'acme', roles: ['editor'] }]
    await realm.declare('User', 'alice-smith', { email: 'smith@acme.example', previousNames: ['alice'], memberships })
    await realm.remove('User', 'alice')
    await realm.run()
    expect((await membership())?.ended).toBeUndefined()
    expect((await realm.store.get('User', 'alice-smith'))?.status).toMatchObject({ state: 'Active' })
    expect((await membership())?.user?.name).toBe('alice-smith')
  })

  it('that is another person under the same name leaves alone what the former one had', async () => {
    await realm.declare('User', 'bob', { email: 'b@acme.example' })
    await realm.declare('Invitation', 'guest', { organization: 'acme', email: 'b@acme.example' })
    await realm.run()
    await realm.remove('User', 'bob')
    await realm.run()
    await realm.declare('User', 'bob', { email: 'a@acme.example' })
    await realm.run()
    expect((await realm.membership('acme', 'b@acme.example'))?.attempts).toMatchObject([{ outcome: 'Sent' }])
    expect((await realm.store.get('User', 'bob'))?.status?.memberships ?? []).toEqual([])
    await quiet()
  })

  it('and without the membership takes what was declared, by one of the two and once; what an Invitation granted stays', async () => {
    await join()
    await realm.declare('Invitation', 'guest', { organization: 'acme', email: ALICE })
    await realm.run()
    await realm.clock.advance(1000)
    await realm.declare('User', 'alice-smith', { email: 'smith@acme.example', previousNames: ['alice'] })
    await realm.remove('User', 'alice')
    await realm.remove('Invitation', 'guest')
    await realm.run()
    expect((await membership())?.settled?.roles).toEqual([])
    expect((await membership())?.ended).toBeUndefined()
    expect(realm.audit.lines.filter(line => line.action === 'access.take' && line.phase === 'result')).toHaveLength(1)
    expect(await realm.store.get('User', 'alice')).toBeUndefined()
    await quiet()
  })
})

describe('a welcome mail', () => {
  it('names the roles of the Invitation that somebody accepted', async () => {
    await realm.declare('Organization', 'acme', {})
    await realm.declare('Role', 'viewer', { organization: 'acme', allow: ['documents:read'] })
    const carol = { email: 'carol@partner.example', organization: 'acme', roles: ['viewer'] }
    await realm.declare('Invitation', 'carol', carol, { manager: 'user/bob' })
    await realm.run()
    await realm.accept('acme', 'carol@partner.example')
    await realm.run()
    expect(realm.mailer.sent.map(mail => mail.subject)).toEqual(['invitation', 'welcome'])
    expect(factsOf(realm.mailer.sent[1])).toMatchObject({ roles: [{ name: 'viewer' }] })
  })

  it('is not sent where it is turned off, nor when it is turned on long after', async () => {
    await realm.declare('Organization', 'acme', { onboarding: { welcomeMail: false } })
    await join()
    expect(realm.mailer.sent.map(mail => mail.subject)).toEqual(['invitation'])
    await realm.pass(4 * DAY)
    await realm.declare('Organization', 'acme', {})
    await realm.runAll()
    expect(realm.mailer.sent.map(mail => mail.subject)).toEqual(['invitation'])
  })

  it('goes again by itself until the server takes it, and once only', async () => {
    await declareAlice()
    await realm.run()
    realm.mailer.answers = [
      { outcome: 'NotSent', response: '451' },
      { outcome: 'NotSent', response: '451' },
    ]
    await realm.accept('acme', ALICE)
    await realm.pass(DAY)
    expect(realm.mailer.sent.map(mail => mail.subject)).toEqual(['invitation', 'welcome'])
    const tried = realm.mailer.tried.filter(mail => mail.subject === 'welcome')
    expect(tried).toHaveLength(3)
    expect(new Set(tried.map(mail => JSON.stringify(mail))).size).toBe(1)
  })
})

describe('a way of joining that changes', () => {
  const as = (join: 'Invitation' | 'Account' | 'None') => [{ organization: 'acme', roles: ['viewer'], join }]
  it('from Invitation to Account: the link out there dies, the set-up mail goes', async () => {
    await declareAlice(as('Invitation'))
    await realm.run()
    await declareAlice(as('Account'))
    await realm.run()
    expect(realm.mailer.sent.map(mail => mail.subject)).toEqual(['invitation', 'accountCreated'])
    expect(await membership()).toMatchObject({
      attempts: [{ withdrawnTime: expect.any(String) }, { purpose: 'SetUp' }],
    })
    expect(await generated()).toBeUndefined()
    await quiet()
  })

  it('from None to Account: the account is made, the set-up mail goes', async () => {
    await declareAlice(as('None'))
    await realm.run()
    await declareAlice(as('Account'))
    await realm.run()
    expect(realm.mailer.sent.map(mail => mail.subject)).toEqual(['accountCreated'])
    expect((await membership())?.joined?.account).toBe(accountName(ALICE))
    await quiet()
  })

  it('of who has joined by a link changes nothing', async () => {
    await join(as('Invitation'))
    const before = await membership()
    for (const way of ['None', 'Account', 'Invitation'] as const) {
      await declareAlice(as(way))
      await realm.run()
      expect((await membership())?.joined).toEqual(before?.joined)
    }
    expect(realm.mailer.sent.map(mail => mail.subject)).toEqual(['invitation', 'welcome'])
  })
})

describe('a duplicate that is deleted', () => {
  it('takes nothing from the one that stays', async () => {
    await realm.declare('Group', 'writers', { organization: 'acme', members: ['alice'], roles: ['editor'] })
    await declareAlice([])
    await realm.declare(
      'Invitation',
      'in',
      { email: ALICE, organization: 'acme', roles: ['viewer'] },
      { manager: 'user/bob' },
    )
    await realm.run()
    await realm.accept('acme', ALICE)
    await realm.clock.advance(1000)
    await realm.declare('User', 'twin', { email: ALICE, memberships: [{ organization: 'acme' }] })
    await realm.store.setFinalizers({ kind: 'User', name: 'twin' }, ['roster.dev/cleanup'], {
      ifVersion: (await realm.store.get('User', 'twin'))?.metadata.resourceVersion ?? '',
    })
    await realm.run()
    const before = await membership()
    expect(before?.settled?.roles).toEqual(['editor', 'viewer'])
    await realm.clock.advance(1000)
    await realm.remove('User', 'twin')
    await realm.run()
    expect(await membership()).toEqual(before)
    expect(await realm.store.get('User', 'twin')).toBeUndefined()
  })
})

describe('joining without an invitation', () => {
  it('None: known and licensed, without a mail', async () => {
    await declareAlice([{ organization: 'acme', roles: ['viewer'], join: 'None' }])
    await realm.run()
    expect(realm.mailer.tried).toHaveLength(0)
    expect(await place()).toMatchObject({ state: 'Active', roles: ['viewer'] })
    await quiet()
    await declareAlice([{ organization: 'acme', roles: ['viewer'] }])
    await realm.run()
    expect(await place()).toMatchObject({ state: 'Invited' })
    expect(invitations()).toBe(1)
  })

  it('Account: exists at once, with a mail that sets the first password', async () => {
    await declareAlice([{ organization: 'acme', roles: ['viewer'], join: 'Account' }])
    await realm.run()
    const account = await realm.store.get('Account', accountName(ALICE))
    expect(account?.spec).toMatchObject({ address: ALICE })
    expect(account?.spec.proven).toBeUndefined()
    expect(await membership()).toMatchObject({ joined: { how: 'Declared', account: accountName(ALICE) } })
    expect(realm.mailer.sent.map(mail => mail.subject)).toEqual(['accountCreated'])
    expect(await condition('Ready')).toMatchObject({ status: 'True', reason: 'WaitingForPerson' })
    await quiet()
    await realm.pass(10 * DAY)
    expect(realm.mailer.to(ALICE)).toHaveLength(3)
    expect(await condition('Ready')).toMatchObject({ status: 'False', reason: 'GaveUp' })
  })

  it('Account: mails no more once the link was used', async () => {
    await declareAlice([{ organization: 'acme', join: 'Account' }])
    await realm.run()
    const account = await realm.store.get('Account', accountName(ALICE))
    if (!account) throw new Error('no account')
    await realm.store.replace(
      {
        kind: 'Account',
        name: account.metadata.name,
        spec: { ...account.spec, proven: { time: new Date(realm.clock.now()).toISOString(), how: 'Link' } },
      },
      { ifVersion: account.metadata.resourceVersion },
    )
    await realm.pass(10 * DAY)
    expect(realm.mailer.to(ALICE)).toHaveLength(1)
    expect(await condition('Ready')).toMatchObject({ status: 'True', reason: 'Succeeded' })
  })
})

describe('a set-up mail', () => {
  const asAccount: Memberships = [{ organization: 'acme', roles: ['viewer'], join: 'Account' }]
  const OTHER = 'someone@else.example'

  it('never goes to another address than the one that its link proves', async () => {
    realm.mailer.answers = [{ outcome: 'NotSent', response: '451' }]
    await declareAlice(asAccount)
    await realm.run()
    await declareAlice(asAccount, { email: OTHER })
    await realm.pass(10 * DAY)
    // The one that never arrived for the former address, and those of a membership of its own.
    expect(realm.mailer.tried.map(mail => mail.to.address)).toEqual([ALICE, OTHER, OTHER, OTHER])
    const mails = realm.mailer.to(OTHER).map(mail => mail.messageId)
    expect(mails).toEqual(
      [1, 2, 3].map(number => messageId(membershipName('acme', OTHER), `attempts/${number}`, 'portal.example')),
    )
    expect(await membership()).toMatchObject({ ended: { because: expect.stringContaining(OTHER) } })
    expect(await place()).toMatchObject({ state: 'Active', roles: ['viewer'] })
    await quiet()
  })

  it('of an address that comes back goes there again, and nothing is left at the other', async () => {
    await declareAlice(asAccount)
    await realm.run()
    await declareAlice(asAccount, { email: OTHER })
    await realm.run()
    await declareAlice(asAccount)
    await realm.run()
    expect((await membership())?.ended).toBeUndefined()
    expect((await membership())?.settled?.roles).toEqual(['viewer'])
    expect(await realm.membership('acme', OTHER)).toMatchObject({ ended: {}, settled: { roles: [] } })
    expect(realm.mailer.to(ALICE)).toHaveLength(2)
    expect(realm.mailer.to(OTHER)).toHaveLength(1)
    await quiet()
  })

  it('of an alias never goes to the address of who claims it', async () => {
    await declareAlice([{ organization: 'acme', roles: ['viewer'], join: 'None' }])
    await realm.run()
    await declareAlice(asAccount, { email: OTHER, aliases: [ALICE] })
    await realm.pass(10 * DAY)
    expect(realm.mailer.tried.map(mail => mail.to.address)).not.toContain(OTHER)
    await quiet()
  })

  it('goes on when Invitation is declared instead of Account before the link was used', async () => {
    await declareAlice(asAccount)
    await realm.run()
    await declareAlice([{ organization: 'acme', roles: ['viewer'] }])
    await realm.pass(DAY)
    expect(realm.mailer.to(ALICE)).toHaveLength(2)
    expect(await condition('Ready')).toMatchObject({ reason: 'WaitingForPerson' })
    await quiet()
  })
})

describe('a set-up link that is out when None is declared', () => {
  const as = (join: 'Account' | 'None') => [{ organization: 'acme', roles: ['viewer'], join }]
  it('dies, and Account brings another one', async () => {
    await declareAlice(as('Account'))
    await realm.run()
    await declareAlice(as('None'))
    await realm.run()
    expect((await membership())?.attempts).toMatchObject([{ withdrawnTime: expect.any(String) }])
    expect(await place()).toMatchObject({ state: 'Active', roles: ['viewer'] })
    await quiet()
    await declareAlice(as('Account'))
    await realm.run()
    expect(realm.mailer.to(ALICE)).toHaveLength(2)
    expect(await condition('Ready')).toMatchObject({ reason: 'WaitingForPerson' })
    await quiet()
  })
})

describe('somebody known without a portal who is to be invited', () => {
  const asNone: Memberships = [{ organization: 'acme', roles: ['viewer'], join: 'None' }]
  beforeEach(async () => {
    await declareAlice(asNone)
    await realm.run()
  })

  it('keeps what they have until the day from which the invitation is declared', async () => {
    await declareAlice([{ organization: 'acme', roles: ['viewer'], from: '2026-03-10' }])
    await realm.pass(DAY)
    expect(invitations()).toBe(0)
    expect(await place()).toMatchObject({ state: 'Active', roles: ['viewer'] })
    await realm.pass(Date.parse('2026-03-09T23:00:00Z') - realm.clock.now())
    expect(invitations()).toBe(1)
    expect(await place()).toMatchObject({ state: 'Invited' })
    await quiet()
  })

  it('keeps what they have while the place of the organization is not settled', async () => {
    await realm.declare('Organization', 'acme', {
      domains: ['acme.example'],
      timeZone: 'Europe/Berlin',
      parent: 'nobody',
    })
    await declareAlice([{ organization: 'acme', roles: ['viewer'] }])
    await realm.pass(HOUR)
    expect(invitations()).toBe(0)
    expect((await membership())?.settled?.roles).toEqual(['viewer'])
    expect((await membership())?.joined).toBeDefined()
    await realm.declare('Organization', 'acme', { domains: ['acme.example'], timeZone: 'Europe/Berlin' })
    await realm.run()
    expect(invitations()).toBe(1)
    await quiet()
  })
})

describe('an Invitation written by hand', () => {
  const CAROL = 'carol@partner.example'
  const person = generatedUserName(CAROL)
  const invite = (name = 'carol', more: object = {}) =>
    realm.declare(
      'Invitation',
      name,
      { email: CAROL, organization: 'acme', roles: ['viewer'], givenName: 'Carol', ...more },
      { manager: 'user/bob' },
    )

  it('makes its person, who stays with the roles when it is deleted', async () => {
    await invite()
    await realm.run()
    expect((await realm.store.get('User', person))?.status).toMatchObject({ state: 'Invited' })
    await realm.accept('acme', CAROL)
    await realm.run()
    await realm.remove('Invitation', 'carol')
    await realm.run()
    expect(await realm.store.get('Invitation', 'carol')).toBeUndefined()
    expect((await realm.store.get('User', person))?.status).toMatchObject({
      state: 'Active',
      memberships: [{ roles: ['viewer'] }],
    })
    expect((await realm.membership('acme', CAROL))?.grants).toMatchObject([
      { invitation: 'carol', by: 'user/bob', roles: ['viewer'] },
    ])
    await quiet()
  })

  it('deleted before acceptance kills the link, and its person goes', async () => {
    await invite()
    await realm.run()
    await realm.remove('Invitation', 'carol')
    await realm.run()
    expect((await realm.membership('acme', CAROL))?.attempts[0]?.withdrawnTime).toBeDefined()
    expect(await realm.store.get('User', person)).toBeUndefined()
  })

  it('of an address that is declared elsewhere makes no second person', async () => {
    await realm.declare('User', 'carol', { email: CAROL })
    await invite()
    await realm.run()
    await realm.accept('acme', CAROL)
    await realm.run()
    expect((await realm.store.list('User')).items.map(user => user.metadata.name)).toEqual(['carol'])
    expect((await realm.store.get('User', 'carol'))?.status?.memberships).toMatchObject([
      { state: 'Active', roles: ['viewer'] },
    ])
  })

  it('is not carried out against a declaration that says Ended', async () => {
    await realm.declare('User', 'carol', { email: CAROL, memberships: [{ organization: 'acme', state: 'Ended' }] })
    await invite()
    await realm.run()
    expect(realm.mailer.sent).toHaveLength(0)
    const conditions = (await realm.store.get('Invitation', 'carol'))?.status?.conditions
    expect(conditions?.find(one => one.type === 'Stalled')).toMatchObject({
      reason: 'NotAllowed',
      message: expect.stringContaining('User/carol'),
    })
  })

  it('grants its roles although the clock of the portal is ahead', async () => {
    await invite()
    await realm.run()
    const ahead = new Date(realm.clock.now() + 5000).toISOString()
    await realm.portal('acme', CAROL, spec => ({ ...spec, joined: { time: ahead, how: 'Link', attempt: 1 } }))
    await realm.run()
    expect((await realm.membership('acme', CAROL))?.settled?.roles).toEqual(['viewer'])
  })

  it('deleted in the moment of acceptance keeps what was accepted', async () => {
    await invite()
    await realm.run()
    await realm.accept('acme', CAROL)
    await realm.clock.advance(10)
    await realm.remove('Invitation', 'carol')
    await realm.run()
    expect((await realm.membership('acme', CAROL))?.settled?.roles).toEqual(['viewer'])
  })

  it('gives way to a declared User of the same address', async () => {
    await invite()
    await realm.run()
    await realm.accept('acme', CAROL)
    await realm.run()
    await realm.declare('User', 'carol', { email: CAROL, memberships: [{ organization: 'acme', roles: ['editor'] }] })
    await realm.run()
    expect(await realm.store.get('User', person)).toBeUndefined()
    expect((await realm.store.get('User', 'carol'))?.status?.memberships).toMatchObject([
      { roles: ['editor', 'viewer'] },
    ])
    expect(invitations()).toBe(1)
    await realm.remove('User', 'carol')
    await realm.run()
    expect((await realm.store.get('User', person))?.status?.memberships).toMatchObject([{ roles: ['viewer'] }])
  })

  it('and a declared membership make one mail with the roles of both', async () => {
    await realm.declare('User', 'carol', { email: CAROL, memberships: [{ organization: 'acme', roles: ['editor'] }] })
    await invite()
    await realm.run()
    expect(invitations()).toBe(1)
    const roles = (await realm.membership('acme', CAROL))?.attempts[0]?.roles
    expect(roles).toContain('viewer')
    await realm.accept('acme', CAROL)
    await realm.run()
    expect((await realm.membership('acme', CAROL))?.settled?.roles).toEqual(['editor', 'viewer'])
  })

  it('to a member gives its roles at once, without a mail', async () => {
    await join()
    const before = realm.mailer.sent.length
    await realm.clock.advance(1000)
    await realm.declare(
      'Invitation',
      'more',
      { email: ALICE, organization: 'acme', roles: ['viewer'] },
      { manager: 'user/bob' },
    )
    await realm.run()
    expect(await place()).toMatchObject({ roles: ['editor', 'viewer'] })
    expect(realm.mailer.sent).toHaveLength(before)
    const status = (await realm.store.get('Invitation', 'more'))?.status
    expect(status?.state).toBe('Accepted')
    expect(status?.conditions?.find(one => one.type === 'Accepted')?.reason).toBe('AlreadyMember')
  })

  it('beyond as many as a record remembers grants nothing, and keeps nobody busy', async () => {
    await join()
    for (let n = 0; n < 103; n++) await invite(`n${n}`, { email: ALICE, roles: ['viewer'] })
    await quiet()
    expect((await membership())?.grants).toHaveLength(100)
    expect(await place()).toMatchObject({ state: 'Active', roles: ['editor', 'viewer'] })
  })

  it('takes the place of what another one grants as well, once the record is full', async () => {
    await declareAlice([])
    for (let n = 0; n < 100; n++) await invite(`n${n}`, { email: ALICE, roles: ['viewer'] })
    await realm.run()
    await realm.accept('acme', ALICE)
    await realm.run()
    for (let n = 0; n < 100; n++) await realm.remove('Invitation', `n${n}`)
    await realm.run()
    await invite('last', { email: ALICE, roles: ['editor'] })
    await quiet()
    expect(await place()).toMatchObject({ state: 'Active', roles: ['editor', 'viewer'] })
  })

  it('granted before somebody was ended gives nothing when they are declared anew', async () => {
    await invite()
    await realm.run()
    await realm.accept('acme', CAROL)
    await realm.run()
    await realm.declare('User', 'carol', { email: CAROL, memberships: [{ organization: 'acme', state: 'Ended' }] })
    await realm.run()
    expect((await realm.membership('acme', CAROL))?.ended).toBeDefined()
    await realm.clock.advance(1000)
    await realm.declare('User', 'carol', { email: CAROL, memberships: [{ organization: 'acme', roles: ['editor'] }] })
    await realm.run()
    await realm.accept('acme', CAROL)
    await realm.run()
    expect((await realm.membership('acme', CAROL))?.settled?.roles).toEqual(['editor'])
  })

  it('is removed a month after it was finished, and the person stays', async () => {
    await invite()
    await realm.run()
    await realm.accept('acme', CAROL)
    await realm.pass(29 * DAY)
    expect(await realm.store.get('Invitation', 'carol')).toBeDefined()
    await realm.pass(2 * DAY)
    expect(await realm.store.get('Invitation', 'carol')).toBeUndefined()
    expect((await realm.store.get('User', person))?.status?.state).toBe('Active')
  })

  it('resent kills the old link and starts a day of its own', async () => {
    await invite()
    await realm.run()
    await realm.pass(HOUR)
    await realm.store.annotate(
      { kind: 'Invitation', name: 'carol' },
      { 'roster.dev/resendRequestedAt': 't' },
      { manager: 'user/eve' },
    )
    await realm.run()
    const spec = await realm.membership('acme', CAROL)
    expect(spec?.attempts).toMatchObject([
      { number: 1, withdrawnTime: expect.any(String) },
      { number: 2, actor: 'user/eve', expirationTime: '2026-03-03T10:00:00.000Z' },
    ])
  })
})

describe('every status', () => {
  it('may be wiped: the next pass rebuilds it and makes no change', async () => {
    await join()
    await realm.declare(
      'Invitation',
      'carol',
      { email: 'carol@partner.example', organization: 'acme' },
      { manager: 'user/bob' },
    )
    await realm.declare('User', 'bob', {
      email: 'bob@acme.example',
      memberships: [{ organization: 'acme', join: 'Account' }],
    })
    await realm.run()
    const wanted = new Map<string, unknown>()
    for (const kind of ['User', 'Invitation'] as const)
      for (const object of (await realm.store.list(kind)).items) {
        wanted.set(`${kind}/${object.metadata.name}`, object.status)
        await realm.store.patchStatus({ kind, name: object.metadata.name }, undefined, { ifUid: object.metadata.uid })
      }
    const audit = realm.audit.lines.length
    const records = JSON.stringify((await realm.store.list('Membership')).items)
    const mails = realm.mailer.tried.length
    await realm.restart()
    await realm.run()
    expect(realm.audit.lines).toHaveLength(audit)
    expect(realm.mailer.tried).toHaveLength(mails)
    expect(JSON.stringify((await realm.store.list('Membership')).items)).toBe(records)
    for (const kind of ['User', 'Invitation'] as const)
      for (const object of (await realm.store.list(kind)).items)
        expect(object.status).toEqual(wanted.get(`${kind}/${object.metadata.name}`))
  })
})
