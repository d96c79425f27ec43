import { beforeEach, describe, expect, it } from 'vitest'
import type { OrganizationSpec } from '../../src/api/organization.ts'
import type { UserSpec } from '../../src/api/user.ts'
import { DAY, HOUR, openRealm, type Realm } from '../fakes/realm.ts'

let realm: Realm
const address = (name: string) => `${name}@acme.example`
const names = (prefix: string, count: number) => Array.from({ length: count }, (_, at) => `${prefix}${at}`)
const organization = async (name: string, spec: OrganizationSpec = {}) => {
  await realm.declare('Organization', name, spec)
  await realm.declare('Role', `${name}-editor`, { organization: name, allow: ['documents:*'] })
  await realm.declare('Role', `${name}-admin`, { organization: name, allow: ['users:*', 'roles:*'] })
}
const declare = (name: string, at: string, roles: string[], more: Partial<UserSpec> = {}) =>
  realm.declare('User', name, {
    email: address(name),
    memberships: [{ organization: at, roles, join: 'None' }],
    ...more,
  })
const heldPeople = async (): Promise<string[]> => {
  const held = (await realm.store.list('RemovalSet')).items.filter(({ spec }) => spec.state === 'Held')
  const keys = held.flatMap(({ spec }) => spec.removals ?? [])
  const records = await Promise.all(keys.map(key => realm.store.get('Membership', key.split('/')[0] as string)))
  return [...new Set(records.map(record => record?.spec.user?.name ?? '?'))].sort()
}
const reasons = async () =>
  (await realm.store.list('RemovalSet')).items.flatMap(({ spec }) => (spec.state === 'Held' ? [spec.reason] : []))
const roles = async (name: string, at = 'acme') => (await realm.membership(at, address(name)))?.settled?.roles

beforeEach(async () => {
  realm = await openRealm()
  return async () => realm[Symbol.asyncDispose]()
})

describe('what is tried to get around the guard', () => {
  it('many small organizations at once: together they are more than one source may take', async () => {
    const organizations = names('org', 12)
    for (const one of organizations) {
      await organization(one)
      for (const name of names(`${one}-p`, 4)) await declare(name, one, [`${one}-editor`])
    }
    await realm.run()
    await realm.pass(2 * DAY)
    const taken = organizations.flatMap(one => names(`${one}-p`, 3).map(name => [name, one] as const))
    for (const [name, one] of taken) await declare(name, one, [])
    await realm.run()
    expect(await heldPeople()).toEqual(taken.map(([name]) => name).sort())
    for (const [name, one] of taken) expect(await roles(name, one)).toEqual([`${one}-editor`])
  })

  it('new people before old ones go: those who came today widen no budget', async () => {
    await organization('acme')
    for (const name of names('p', 20)) await declare(name, 'acme', ['acme-editor'])
    await realm.run()
    await realm.pass(2 * DAY)
    for (const name of names('fake', 400)) await declare(name, 'acme', ['acme-editor'])
    await realm.run()
    for (const name of names('p', 10)) await declare(name, 'acme', [])
    await realm.run()
    expect(await heldPeople()).toEqual(names('p', 10))
  })

  it('all admins changed for others in one commit: the new ones come, the old ones stay', async () => {
    await organization('acme')
    for (const name of ['bob', 'eve', 'kim']) {
      await declare(name, 'acme', ['acme-admin'], { memberships: [{ organization: 'acme', roles: ['acme-admin'] }] })
      await realm.run()
      await realm.accept('acme', address(name))
    }
    await realm.pass(2 * DAY)
    for (const name of ['bob', 'eve', 'kim'])
      await declare(name, 'acme', [], { memberships: [{ organization: 'acme' }] })
    for (const name of ['mal', 'max', 'mia'])
      await declare(name, 'acme', [], { memberships: [{ organization: 'acme', roles: ['acme-admin'] }] })
    await realm.run()
    expect([await heldPeople(), await reasons()]).toEqual([['bob', 'eve', 'kim'], ['MinAdmins']])
    for (const name of ['bob', 'eve', 'kim']) expect(await roles(name)).toEqual(['acme-admin'])
    expect(realm.mailer.to(address('mal')).map(mail => mail.subject)).toEqual(['invitation'])
  })

  it('the reach of the admins above made narrower: the last admins of an organization below keep it', async () => {
    await organization('acme', { children: ['shop'] })
    await organization('shop', { parent: 'acme' })
    const reaching = (scope: 'Organization' | 'Descendants') =>
      realm.declare('Role', 'acme-admin', { organization: 'acme', allow: ['users:*', 'roles:*'], scope })
    await reaching('Descendants')
    for (const name of ['bob', 'eve', 'kim']) {
      await declare(name, 'acme', ['acme-admin'], { memberships: [{ organization: 'acme', roles: ['acme-admin'] }] })
      await realm.run()
      await realm.accept('acme', address(name))
    }
    await realm.pass(2 * DAY)
    const reach = async (name: string) =>
      (await realm.membership('acme', address(name)))?.settled?.permissions.some(one => one.startsWith('>'))
    await reaching('Organization')
    await realm.run()
    expect([await heldPeople(), await reasons()]).toEqual([['bob', 'eve', 'kim'], ['MinAdmins']])
    for (const name of ['bob', 'eve', 'kim']) expect(await reach(name)).toBe(true)
    // Taken back, and one of the three goes: two are left, there and below.
    await reaching('Descendants')
    await declare('bob', 'acme', [], { memberships: [{ organization: 'acme' }] })
    await realm.run()
    expect([await heldPeople(), await reach('bob')]).toEqual([[], false])
  })

  it('one who was taken back before the others were approved: they lost nothing, and count like anybody', async () => {
    await organization('acme')
    for (const name of names('p', 20)) await declare(name, 'acme', ['acme-editor'])
    await realm.run()
    await realm.pass(2 * DAY)
    for (const name of names('p', 7)) await declare(name, 'acme', [])
    await realm.run()
    expect(await heldPeople()).toEqual(names('p', 7))
    await declare('p0', 'acme', ['acme-editor'])
    await realm.run()
    const [set] = (await realm.store.list('RemovalSet')).items.filter(({ spec }) => spec.state === 'Held')
    await realm.declare(
      'Approval',
      'clean-up',
      {
        organization: 'acme',
        releases: set?.spec.hash ?? '',
        reason: 'Clean-up',
        expirationTime: new Date(realm.clock.now() + HOUR).toISOString(),
      },
      { manager: 'local/bob' },
    )
    await realm.run()
    expect([await roles('p0'), await roles('p1')]).toEqual([['acme-editor'], []])
    await declare('p0', 'acme', [])
    await realm.run()
    expect([await heldPeople(), await reasons()]).toEqual([['p0'], ['Budget']])
    expect(await roles('p0')).toEqual(['acme-editor'])
  })

  it('one who is protected among a few: all of them stay', async () => {
    await organization('acme', { guard: { protected: [address('p1')] } })
    for (const name of names('p', 10)) await declare(name, 'acme', ['acme-editor'])
    await realm.run()
    await realm.pass(2 * DAY)
    for (const name of names('p', 3)) await declare(name, 'acme', [])
    await realm.run()
    expect([await heldPeople(), await reasons()]).toEqual([names('p', 3), ['Protected']])
    // Nor by another name: who is protected is known by every address of theirs.
    await declare('p1', 'acme', [], { aliases: ['p1@other.example'], email: 'p1@new.example' })
    await realm.run()
    expect(await roles('p1')).toEqual(['acme-editor'])
  })

  it('one named person after another, asked and answered: ten in an hour, and the eleventh counts like all', async () => {
    await organization('acme', { guard: { freeRemovals: 0, maxRemovals: '0%' } })
    for (const name of names('p', 14)) await declare(name, 'acme', ['acme-editor'])
    await realm.run()
    await realm.pass(2 * DAY)
    const ask = async (name: string) => {
      await realm.store.annotate(
        { kind: 'User', name },
        { 'roster.dev/removalConfirmed': 'local/bob' },
        { manager: 'local/bob' },
      )
      await realm.remove('User', name)
      await realm.pass(60_000)
    }
    for (const name of names('p', 12)) await ask(name)
    expect(await heldPeople()).toEqual(['p10', 'p11'])
    await realm.pass(2 * HOUR)
    await ask('p12')
    expect(await heldPeople()).toEqual(['p10', 'p11'])
    expect((await realm.store.list('User')).items.map(({ metadata }) => metadata.name)).toEqual(['p10', 'p11', 'p13'])
  })
})

describe('what is nobody’s loss', () => {
  it('leaving oneself, and an end that was declared long before', async () => {
    await organization('acme', { guard: { freeRemovals: 0, maxRemovals: '0%' } })
    for (const name of names('p', 4)) await declare(name, 'acme', ['acme-editor'])
    for (const name of names('q', 4))
      await declare(name, 'acme', [], {
        memberships: [{ organization: 'acme', roles: ['acme-editor'], join: 'None', until: '2026-03-10' }],
      })
    await realm.run()
    await realm.pass(2 * DAY)
    for (const name of names('p', 4))
      await realm.portal('acme', address(name), spec => ({
        ...spec,
        left: { time: new Date(realm.clock.now()).toISOString() },
      }))
    await realm.pass(8 * DAY)
    expect(await heldPeople()).toEqual([])
    for (const name of names('p', 4)) expect(await roles(name)).toEqual([])
    for (const name of names('q', 4)) expect((await realm.membership('acme', address(name)))?.ended).toBeDefined()
  })
})
