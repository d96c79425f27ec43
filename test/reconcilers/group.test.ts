import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { GroupSpec } from '../../src/api/group.ts'
import { groupReconciler } from '../../src/reconcilers/group.ts'
import { invitationReconciler } from '../../src/reconcilers/invitation.ts'
import { userReconciler } from '../../src/reconcilers/user.ts'
import type { Reconciler } from '../../src/runtime/reconciler.ts'
import { openRealm, type Realm } from '../fakes/realm.ts'

let realm: Realm
beforeEach(async () => {
  realm = await openRealm({
    reconcilers: world =>
      [groupReconciler(world), userReconciler(world), invitationReconciler(world)] as unknown as Reconciler[],
  })
  await realm.declare('Organization', 'acme', { domains: ['acme.example'] })
  await realm.declare('Role', 'editor', { organization: 'acme', allow: ['documents:*'] })
})
afterEach(() => realm[Symbol.asyncDispose]())

const group = (name: string, spec: Partial<GroupSpec> = {}) =>
  realm.declare('Group', name, { organization: 'acme', ...spec })
const person = (name: string, labels: Record<string, string> = {}) =>
  realm.declare(
    'User',
    name,
    { email: `${name}@acme.example`, memberships: [{ organization: 'acme', join: 'None' }] },
    { labels },
  )
const state = async (name: string) => {
  const { members, conditions = [] } = (await realm.store.get('Group', name))?.status ?? {}
  const ready = conditions.find(one => one.type === 'Ready')
  return { members, ready: `${ready?.status} ${ready?.reason}`, message: ready?.message ?? '' }
}
const settled = async (name: string) => {
  const { roles, groups } = (await realm.membership('acme', `${name}@acme.example`))?.settled ?? {}
  return { roles, groups }
}

describe('a group', () => {
  it('counts who is in it, by list, nesting and expression, and gives them its roles', async () => {
    await person('alice')
    await person('bob', { team: 'platform' })
    await person('carol')
    await group('oncall', { members: ['alice'] })
    await group('platform', { groups: ['oncall'], membersWhere: 'user.labels.team == "platform"', roles: ['editor'] })
    await realm.run()
    expect(await state('platform')).toMatchObject({ members: 2, ready: 'True Succeeded' })
    expect(await settled('alice')).toEqual({ roles: ['editor'], groups: ['oncall', 'platform'] })
    expect(await settled('bob')).toEqual({ roles: ['editor'], groups: ['platform'] })
    expect(await settled('carol')).toEqual({ roles: [], groups: [] })

    await person('bob', { team: 'other' })
    await realm.run()
    expect(await state('platform')).toMatchObject({ members: 1 })
  })

  it('on a cycle is stalled: who was in it stays, nobody new comes in, and it goes on when the cycle is gone', async () => {
    await person('alice')
    await group('b', { members: ['alice'] })
    await group('a', { groups: ['b'], roles: ['editor'] })
    await realm.run()
    await group('b', { members: ['alice', 'bob'], groups: ['a'] })
    await person('bob')
    await realm.run()
    expect(await state('a')).toMatchObject({ ready: 'False ReferenceCycle' })
    expect((await state('b')).message).toContain('b → a → b')
    expect(await settled('alice')).toEqual({ roles: ['editor'], groups: ['a', 'b'] })
    expect(await settled('bob')).toEqual({ roles: [], groups: [] })
    await group('b', { members: ['alice', 'bob'] })
    await realm.run()
    expect(await state('a')).toMatchObject({ ready: 'True Succeeded', members: 2 })
    expect(await settled('bob')).toEqual({ roles: ['editor'], groups: ['a', 'b'] })
  })

  it('whose expression fails keeps the verdict before', async () => {
    await person('alice')
    await group('odd', { membersWhere: 'user.name == "alice"' })
    await realm.run()
    await group('odd', { membersWhere: 'user.name + 1 == 2' })
    await person('bob')
    await realm.run()
    expect(await state('odd')).toMatchObject({ members: 1, ready: 'False ExpressionFailed' })
    expect(await settled('alice')).toMatchObject({ groups: ['odd'] })
    expect(await settled('bob')).toMatchObject({ groups: [] })
    await group('odd', { membersWhere: 'not an expression' })
    await realm.run()
    expect(await state('odd')).toMatchObject({ members: 1, ready: 'False ExpressionFailed' })
  })

  it('names members who do not belong to the organization, once as an Event', async () => {
    await realm.declare('User', 'stranger', { email: 'stranger@acme.example' })
    await group('g', { members: ['stranger'], roles: ['editor'] })
    await realm.run()
    await realm.runAll()
    expect(await state('g')).toEqual({
      members: 0,
      ready: 'True MemberWithoutMembership',
      message: 'stranger has no membership in acme and so nothing from this group',
    })
    const events = (await realm.store.events.list()).filter(event => event.reason === 'MemberWithoutMembership')
    expect(events.map(event => event.count)).toEqual([1])
  })

  it.each<[string, Partial<GroupSpec>, string]>([
    ['a user that is not there', { members: ['nobody'] }, 'user nobody does not exist'],
    ['a group that is not there', { groups: ['none'] }, 'group none does not exist'],
    ['a role that is not there', { roles: ['none'] }, 'role none does not exist'],
    ['a group of another organization', { groups: ['theirs'] }, 'group theirs belongs to other'],
  ])('is stalled by %s, until it comes', async (_, spec, message) => {
    await realm.declare('Organization', 'other', {})
    await realm.declare('Group', 'theirs', { organization: 'other' })
    await group('g', spec)
    await realm.run()
    expect(await state('g')).toMatchObject({ ready: 'False ReferenceNotFound', message })
    await group('g', {})
    await realm.run()
    expect(await state('g')).toMatchObject({ ready: 'True Succeeded' })
  })

  it('writes nothing the second time', async () => {
    await person('alice')
    await group('g', { members: ['alice', 'nobody'] })
    await realm.run()
    const version = await realm.version()
    await realm.runAll()
    expect(await realm.version()).toBe(version)
  })
})
