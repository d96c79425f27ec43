import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { OrganizationSpec } from '../../src/api/organization.ts'
import { invitationReconciler } from '../../src/reconcilers/invitation.ts'
import { licensePoolReconciler } from '../../src/reconcilers/licensepool.ts'
import { organizationReconciler } from '../../src/reconcilers/organization.ts'
import { roleReconciler } from '../../src/reconcilers/role.ts'
import { userReconciler } from '../../src/reconcilers/user.ts'
import type { Reconciler } from '../../src/runtime/reconciler.ts'
import { HOUR, openRealm, type Realm } from '../fakes/realm.ts'

let realm: Realm
beforeEach(async () => {
  realm = await openRealm({
    reconcilers: world =>
      [
        organizationReconciler(world),
        roleReconciler(world),
        userReconciler(world),
        invitationReconciler(world),
        licensePoolReconciler(world),
      ] as unknown as Reconciler[],
  })
  await organization('acme', { domains: ['acme.example'] })
  await realm.declare('Role', 'admin', { organization: 'acme', allow: ['users:*'] })
  await realm.declare('Role', 'viewer', { organization: 'acme' })
})
afterEach(() => realm[Symbol.asyncDispose]())

const organization = (name: string, spec: OrganizationSpec = {}) => realm.declare('Organization', name, spec)
const person = (name: string, roles: string[], more: object = {}, spec: object = {}) =>
  realm.declare('User', name, {
    email: `${name}@acme.example`,
    memberships: [{ organization: 'acme', roles, join: 'None', ...more }],
    ...spec,
  })
const status = async (name = 'acme') => {
  const { conditions = [], ...counts } = (await realm.store.get('Organization', name))?.status ?? {}
  const ready = conditions.find(one => one.type === 'Ready')
  return { ...counts, ready: `${ready?.status} ${ready?.reason}`, message: ready?.message ?? '' }
}

describe('an organization', () => {
  it('counts its people, invitations and seats', async () => {
    await realm.declare('LicensePool', 'suite', {
      organization: 'acme',
      product: 'X',
      seats: 3,
      selector: { roles: ['admin'] },
    })
    await person('boss', ['admin'])
    await person('bare', [])
    await person('banned', ['viewer'], {}, { suspended: true })
    await person('new', ['viewer'], { join: 'Invitation' })
    await realm.pass(10_000)
    expect(await status()).toMatchObject({
      users: { active: 1, restricted: 1, suspended: 1, invited: 1 },
      invitations: { pending: 1, expired: 0 },
      seats: { total: 3, used: 1 },
      ready: 'True Succeeded',
    })
    await realm.pass(100 * HOUR)
    expect(await status()).toMatchObject({ invitations: { pending: 0, expired: 1 } })
  })

  it('without anybody who could administer it says so, once', async () => {
    await person('viewer', ['viewer'])
    await realm.pass(10_000)
    await realm.runAll()
    expect(await status()).toMatchObject({ ready: 'True NoAdmin' })
    expect(
      (await realm.store.events.list()).filter(event => event.reason === 'NoAdmin').map(event => event.count),
    ).toEqual([1])
    await person('boss', ['admin'], { join: 'Invitation' })
    await realm.pass(10_000)
    expect(await status()).toMatchObject({ ready: 'True Succeeded' })
  })

  it('is administered from above where the role reaches down', async () => {
    await organization('acme', { domains: ['acme.example'], children: ['client'] })
    await organization('client', { parent: 'acme' })
    await person('boss', ['admin'])
    await realm.pass(10_000)
    expect(await status('client')).toMatchObject({ ready: 'True NoAdmin' })
    await realm.declare('Role', 'admin', { organization: 'acme', allow: ['users:*'], scope: 'Descendants' })
    await realm.pass(10_000)
    expect(await status('client')).toMatchObject({ ready: 'True Succeeded' })
  })

  it.each<[string, () => Promise<unknown>, string]>([
    ['a parent that is not there', () => organization('acme', { parent: 'none' }), 'ReferenceNotFound'],
    [
      'a parent that does not confirm it',
      async () => [await organization('top'), await organization('acme', { parent: 'top' })],
      'ParentNotConfirmed',
    ],
    [
      'a circle of parents',
      async () => [
        await organization('top', { parent: 'acme', children: ['acme'] }),
        await organization('acme', { parent: 'top', children: ['top'] }),
      ],
      'ReferenceCycle',
    ],
    ['a time zone that is none', () => organization('acme', { timeZone: 'Mars/Olympus' }), 'InvalidSpec'],
  ])('is stalled by %s, and goes on when that is settled', async (_, declare, reason) => {
    await declare()
    await realm.pass(10_000)
    expect((await status()).ready).toBe(`False ${reason}`)
    await organization('acme', {})
    await realm.pass(10_000)
    expect((await status()).ready).toBe('True NoAdmin')
  })

  it('whose domain an older one has is stalled', async () => {
    await realm.pass(1000)
    await organization('late', { domains: ['ACME.example'] })
    await realm.pass(10_000)
    expect(await status('late')).toMatchObject({ ready: 'False Conflict' })
    expect((await status('late')).message).toContain(
      'acme.example belongs to organization acme'.replace('acme.example', 'ACME.example'),
    )
    expect((await status('acme')).ready).toBe('True NoAdmin')
  })

  it('is not deleted while something is left in it, names what, and goes when that is gone', async () => {
    await realm.declare('Organization', 'acme', { domains: ['acme.example'], guard: { minAdmins: 0 } })
    await realm.run()
    await person('boss', ['admin'])
    await realm.pass(10_000)
    await realm.remove('Organization', 'acme')
    await realm.pass(10_000)
    expect(await status()).toMatchObject({ ready: 'False InUse' })
    expect((await status()).message).toContain('user boss, 2 roles (admin, …)')
    await realm.remove('User', 'boss')
    await realm.remove('Role', 'admin')
    await realm.remove('Role', 'viewer')
    await realm.pass(20_000)
    expect(await realm.store.get('Organization', 'acme')).toBeUndefined()
    expect(await realm.membership('acme', 'boss@acme.example')).toMatchObject({ ended: { by: expect.anything() } })
  })

  it('writes nothing the second time', async () => {
    await person('boss', ['admin'])
    await realm.pass(10_000)
    const version = await realm.version()
    await realm.runAll()
    expect(await realm.version()).toBe(version)
  })

  it('is counted at most every ten seconds in a storm', async () => {
    await realm.pass(10_000)
    let writes = 0
    for (let at = 0; at < 40; at++) {
      await person(`p${at}`, ['viewer'])
      const before = (await realm.store.get('Organization', 'acme'))?.status?.users?.active ?? 0
      await realm.run()
      if (((await realm.store.get('Organization', 'acme'))?.status?.users?.active ?? 0) !== before) writes++
    }
    expect(writes).toBeLessThan(10)
    await realm.pass(10_000)
    expect(await status()).toMatchObject({ users: { active: 40 } })
  })
})
