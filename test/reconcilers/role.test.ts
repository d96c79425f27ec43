import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { invitationReconciler } from '../../src/reconcilers/invitation.ts'
import { roleReconciler } from '../../src/reconcilers/role.ts'
import { userReconciler } from '../../src/reconcilers/user.ts'
import type { Reconciler } from '../../src/runtime/reconciler.ts'
import { HOUR, openRealm, type Realm } from '../fakes/realm.ts'

let realm: Realm
beforeEach(async () => {
  realm = await openRealm({
    reconcilers: world =>
      [roleReconciler(world), userReconciler(world), invitationReconciler(world)] as unknown as Reconciler[],
  })
  await realm.declare('Organization', 'acme', { domains: ['acme.example'], invitations: { maxAttempts: 1 } })
  await realm.declare('Role', 'editor', { organization: 'acme', allow: ['documents:*'] })
})
afterEach(() => realm[Symbol.asyncDispose]())

const person = (name: string, join: 'None' | 'Invitation' = 'Invitation') =>
  realm.declare('User', name, {
    email: `${name}@acme.example`,
    memberships: [{ organization: 'acme', roles: ['editor'], join }],
  })
const status = async (name = 'editor') => {
  const { conditions = [], ...counts } = (await realm.store.get('Role', name))?.status ?? {}
  const ready = conditions.find(one => one.type === 'Ready')
  return { ...counts, ready: `${ready?.status} ${ready?.reason}`, message: ready?.message }
}
const changed = async () =>
  (await realm.store.events.list()).filter(event => event.reason === 'RoleChanged').map(event => event.message)

describe('a role', () => {
  it('counts its holders and the open invitations that carry it', async () => {
    await person('alice', 'None')
    await person('bob')
    await person('carol')
    await realm.run()
    expect(await status()).toMatchObject({ holders: 1, openInvitations: 2, ready: 'True Succeeded' })
    await realm.accept('acme', 'bob@acme.example')
    await realm.run()
    expect(await status()).toMatchObject({ holders: 2, openInvitations: 1 })
    await realm.pass(25 * HOUR)
    expect(await status()).toMatchObject({ openInvitations: 0 })
  })

  it('that is edited names the open invitations that carry it, once', async () => {
    await person('bob')
    await realm.run()
    expect(await changed()).toEqual([])
    await realm.declare('Role', 'editor', { organization: 'acme', allow: ['documents:read'] })
    await realm.run()
    await realm.runAll()
    expect(await changed()).toEqual(['changed; the open invitation of bob@acme.example carries it'])
  })

  it('that is deleted names them too, and goes', async () => {
    await person('bob')
    await person('alice', 'None')
    await realm.run()
    await realm.remove('Role', 'editor')
    await realm.run()
    expect(await realm.store.get('Role', 'editor')).toBeUndefined()
    expect(await changed()).toEqual(['deleted; the open invitation of bob@acme.example carries it'])
    expect((await realm.membership('acme', 'alice@acme.example'))?.settled).toMatchObject({
      roles: [],
      permissions: [],
    })
  })

  it('with a permission that does not exist is stalled and says which', async () => {
    await realm.declare('Role', 'typo', { organization: 'acme', allow: ['users:raed', 'documents:raed'] })
    await realm.declare('Role', 'lost', { organization: 'nowhere' })
    await realm.run()
    expect(await status('typo')).toMatchObject({ ready: 'False InvalidSpec' })
    expect((await status('typo')).message).toContain('users:raed is no permission')
    expect(await status('lost')).toMatchObject({ ready: 'False ReferenceNotFound' })
  })

  it('takes what it no longer gives from its holders, and only that', async () => {
    await person('alice', 'None')
    await realm.run()
    await realm.declare('Role', 'editor', { organization: 'acme', allow: ['documents:read', 'users:read'] })
    await realm.run()
    expect((await realm.membership('acme', 'alice@acme.example'))?.settled?.permissions).toEqual([
      'documents:read',
      'users:read',
    ])
  })

  it('writes nothing the second time', async () => {
    await person('alice')
    await realm.run()
    const version = await realm.version()
    await realm.runAll()
    expect(await realm.version()).toBe(version)
  })
})
