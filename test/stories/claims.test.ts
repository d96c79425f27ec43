import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openRealm, type Realm } from '../fakes/realm.ts'

let realm: Realm
beforeEach(async () => {
  realm = await openRealm()
  await realm.declare('Organization', 'acme', { domains: ['acme.example'] })
  await realm.declare('Organization', 'partner', { domains: ['partner.example'] })
  await realm.declare('Role', 'admin', { organization: 'acme', allow: ['users:*', 'roles:*'] })
  await realm.declare('Role', 'guest', { organization: 'partner', allow: ['documents:read'] })
  await realm.declare('Invitation', 'boss', { organization: 'acme', email: 'boss@acme.example', roles: ['admin'] })
  await realm.run()
  await realm.accept('acme', 'boss@acme.example')
  await realm.run()
})
afterEach(() => realm[Symbol.asyncDispose]())

const boss = async () => {
  await realm.run()
  const spec = await realm.membership('acme', 'boss@acme.example')
  return {
    roles: spec?.settled?.roles,
    suspended: spec?.settled?.suspended,
    joined: spec?.joined !== undefined,
    losing: spec?.losing !== undefined,
  }
}
const eve = (spec: object) =>
  realm.declare(
    'User',
    'eve',
    { email: 'eve@partner.example', memberships: [{ organization: 'partner', roles: ['guest'] }], ...spec },
    { manager: 'source/partner' },
  )

describe('a claim in one’s own manifest', () => {
  it.each([
    ['an alias', { aliases: ['boss@acme.example'] }],
    ['an alias, with a suspension', { aliases: ['boss@acme.example'], suspended: true }],
    ['an alias, with an end of everything', { aliases: ['boss@acme.example'], memberships: [] }],
    ['the address itself', { email: 'boss@acme.example' }],
  ])('of the address of a boss takes nothing from them: %s', async (_, claim) => {
    const before = await boss()
    expect(before).toEqual({ roles: ['admin'], suspended: undefined, joined: true, losing: false })
    await eve(claim)
    expect(await boss()).toEqual(before)
    expect(await realm.membership('acme', 'eve@partner.example')).toBeUndefined()
    await realm.remove('User', 'eve')
    expect(await boss()).toEqual(before)
  })
})

describe('an alias', () => {
  it('keeps nobody whose address it is from being declared later', async () => {
    await eve({ aliases: ['boss@acme.example'] })
    await realm.run()
    await realm.pass(1000)
    await realm.declare('User', 'boss', { email: 'boss@acme.example', memberships: [{ organization: 'acme' }] })
    await realm.run()
    const conditions = async (name: string) =>
      (await realm.store.get('User', name))?.status?.conditions?.flatMap(one => (one.status === 'True' ? one.type : []))
    expect(await conditions('boss')).toEqual(['Ready'])
    expect((await realm.membership('acme', 'boss@acme.example'))?.user?.name).toBe('boss')
    expect(await conditions('eve')).toContain('DuplicateDeclared')
  })

  it('of an organization that the person belongs to is theirs, and so is one in nobody’s domain', async () => {
    await realm.declare('User', 'ann', {
      email: 'ann@mail.example',
      aliases: ['boss@acme.example', 'ann@elsewhere.example'],
      memberships: [{ organization: 'acme' }],
    })
    await realm.run()
    expect((await realm.membership('acme', 'boss@acme.example'))?.user?.name).toBe('ann')
  })
})
