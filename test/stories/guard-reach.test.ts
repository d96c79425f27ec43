import { beforeEach, describe, expect, it } from 'vitest'
import type { OrganizationSpec } from '../../src/api/organization.ts'
import { canDo } from '../../src/decide/can.ts'
import { settingsFor } from '../../src/reconcilers/context.ts'
import { DAY, openRealm, type Realm } from '../fakes/realm.ts'

const PEOPLE = Array.from({ length: 20 }, (_, at) => `p${String(at).padStart(2, '0')}`)
const HELPERS = PEOPLE.slice(0, 6)

let realm: Realm
const organization = (name: string, spec: OrganizationSpec = {}) => realm.declare('Organization', name, spec)
const role = (name: string, allow: string[], deny: string[] = []) =>
  realm.declare('Role', name, { organization: 'acme', allow, deny, scope: 'Descendants' })
const member = (name: string, roles: string[]) =>
  realm.declare('User', name, {
    email: `${name}@acme.example`,
    memberships: [{ organization: 'acme', roles, join: 'None' }],
  })
const can = async (name: string, permission = 'documents:read', at = 'shop'): Promise<boolean> => {
  const records = (await realm.store.list('Membership')).items.filter(({ spec }) => spec.user?.name === name)
  const chain = settingsFor(realm.world, at)?.settings.chain ?? [at]
  const memberships = records.map(({ spec }) => spec)
  return canDo({ permission, chain, memberships, suspended: false, now: realm.clock.now() }).may
}
const whoCan = async (permission?: string, at?: string): Promise<string[]> => {
  const may = await Promise.all(PEOPLE.map(name => can(name, permission, at)))
  return PEOPLE.filter((_, at) => may[at])
}
const held = async () => (await realm.store.list('RemovalSet')).items.filter(({ spec }) => spec.state === 'Held')
const heldPeople = async (): Promise<string[]> => {
  const keys = (await held()).flatMap(({ spec }) => spec.removals ?? [])
  const records = await Promise.all(keys.map(key => realm.store.get('Membership', key.split('/')[0] as string)))
  return [...new Set(records.map(record => record?.spec.user?.name ?? '?'))].sort()
}
const approve = async () => {
  for (const { spec } of await held())
    await realm.declare(
      'Approval',
      `yes-${spec.organization}`,
      {
        organization: spec.organization as string,
        releases: spec.hash as string,
        reason: 'asked for',
        expirationTime: new Date(realm.clock.now() + DAY).toISOString(),
      },
      { manager: 'local/bob' },
    )
  await realm.run()
}

/** acme, and below it shop with lab; six of acme's twenty people reach down. */
beforeEach(async () => {
  realm = await openRealm()
  await organization('acme', { children: ['shop', 'yard'] })
  await organization('shop', { parent: 'acme', children: ['lab'] })
  await organization('lab', { parent: 'shop' })
  await organization('yard', { parent: 'acme' })
  await organization('other', { children: ['shop'] })
  await role('helper', ['documents:*'])
  for (const name of PEOPLE) await member(name, HELPERS.includes(name) ? ['helper'] : [])
  await realm.run()
  await realm.pass(2 * DAY)
  return async () => realm[Symbol.asyncDispose]()
})

/** Every way cuts shop, and lab with it, from acme. */
const WAYS: [string, () => Promise<unknown>][] = [
  ['gives up its parent', () => organization('shop', { children: ['lab'] })],
  ['is dropped by its parent', () => organization('acme', { children: ['yard'] })],
  ['moves to another parent', () => organization('shop', { parent: 'other', children: ['lab'] })],
]

describe('an organization to which people of the one above reach down', () => {
  it.each(WAYS)('takes nothing from them when it %s, until that is approved', async (_, cut) => {
    expect([await whoCan(), await whoCan('documents:read', 'lab')]).toEqual([HELPERS, HELPERS])
    await cut()
    await realm.pass(DAY)
    expect(await heldPeople()).toEqual(HELPERS)
    expect([await whoCan(), await whoCan('documents:read', 'lab')]).toEqual([HELPERS, HELPERS])
    expect((await realm.membership('acme', 'p00@acme.example'))?.losing?.reach).toEqual(['lab', 'shop'])
    await realm.restart()
    await realm.runAll()
    expect([await heldPeople(), await whoCan()]).toEqual([HELPERS, HELPERS])
    await approve()
    expect([await heldPeople(), await whoCan(), await whoCan('documents:read', 'lab')]).toEqual([[], [], []])
    expect(await whoCan('documents:read', 'yard')).toEqual(HELPERS)
  })

  it.each(WAYS)('is theirs as before when it %s and that is taken back', async (_, cut) => {
    await cut()
    await realm.run()
    await organization('acme', { children: ['shop', 'yard'] })
    await organization('shop', { parent: 'acme', children: ['lab'] })
    await realm.run()
    expect([await heldPeople(), await whoCan()]).toEqual([[], HELPERS])
    expect((await realm.membership('acme', 'p00@acme.example'))?.losing).toBeUndefined()
  })

  it.each(WAYS)('is cut within the budget when it %s', async (_, cut) => {
    for (const name of HELPERS.slice(2)) await member(name, [])
    await realm.run()
    await approve()
    await realm.pass(2 * DAY)
    expect(await whoCan()).toEqual(HELPERS.slice(0, 2))
    await cut()
    await realm.run()
    expect([await heldPeople(), await whoCan(), await whoCan('documents:read', 'lab')]).toEqual([[], [], []])
    expect(await whoCan('documents:read', 'yard')).toEqual(HELPERS.slice(0, 2))
  })

  it.each(WAYS)('keeps its last admins, who are above it, when it %s', async (_, cut) => {
    await role('admin', ['users:*', 'roles:*'])
    await realm.declare('User', 'kim', {
      email: 'kim@acme.example',
      memberships: [{ organization: 'acme', roles: ['admin'] }],
    })
    for (const name of HELPERS) await member(name, [])
    await realm.run()
    await approve()
    await realm.accept('acme', 'kim@acme.example')
    await realm.pass(2 * DAY)
    expect(await can('kim', 'users:update')).toBe(true)
    await cut()
    await realm.run()
    expect((await held()).map(({ spec }) => spec.reason)).toEqual(['MinAdmins'])
    expect(await can('kim', 'users:update')).toBe(true)
  })

  const PROTECTING: [string, () => Promise<unknown>][] = [
    ...WAYS,
    ['is reached by a role no more', () => member('p00', [])],
    ['is reached by nothing of the role', () => role('helper', [])],
    ['is denied by the role', () => role('helper', ['documents:*'], ['documents:*'])],
    ['sees them suspended', () => suspend('p00')],
  ]
  const suspend = (name: string) =>
    realm.declare('User', name, {
      email: `${name}@acme.example`,
      suspended: true,
      memberships: [{ organization: 'acme', roles: ['helper'], join: 'None' }],
    })

  it.each(PROTECTING)('protects by its own guard whom it needs from above, also when it %s', async (_, cut) => {
    await organization('shop', { parent: 'acme', children: ['lab'], guard: { protected: ['p00@acme.example'] } })
    for (const name of HELPERS.slice(1)) await member(name, [])
    await realm.run()
    await approve()
    await realm.pass(2 * DAY)
    expect(await whoCan()).toEqual(['p00'])
    await cut()
    await realm.run()
    expect((await held()).map(({ spec }) => [spec.organization, spec.reason, spec.because])).toEqual([
      ['acme', 'Protected', 'p00@acme.example (in shop, which is below) is protected'],
    ])
    expect(await whoCan()).toEqual(['p00'])
  })

  it('protects nobody from a loss elsewhere', async () => {
    await organization('yard', { parent: 'acme', guard: { protected: ['p00@acme.example'] } })
    await realm.pass(2 * DAY)
    for (const name of HELPERS.slice(1)) await member(name, [])
    await realm.run()
    await approve()
    await realm.pass(2 * DAY)
    await organization('shop', { children: ['lab'] })
    await realm.run()
    expect([await heldPeople(), await whoCan(), await whoCan('documents:read', 'yard')]).toEqual([[], [], ['p00']])
  })

  it('gives what is new in roles above no further while it is held', async () => {
    await organization('shop', { children: ['lab'] })
    await realm.run()
    await role('helper', ['documents:*', 'files:*'])
    await realm.run()
    expect([await whoCan('files:read'), await whoCan('files:read', 'acme')]).toEqual([[], HELPERS])
    expect([await heldPeople(), await whoCan()]).toEqual([HELPERS, HELPERS])
  })

  it('is reached at once when it is new', async () => {
    await organization('new', { parent: 'shop' })
    await realm.run()
    expect(await whoCan('documents:read', 'new')).toEqual([])
    await organization('shop', { parent: 'acme', children: ['lab', 'new'] })
    await realm.run()
    expect(await whoCan('documents:read', 'new')).toEqual(HELPERS)
  })

  it('is nobody’s loss when it is gone, and one of its name that is made anew is not reached', async () => {
    await realm.remove('Organization', 'yard')
    await realm.run()
    expect([await held(), (await realm.membership('acme', 'p00@acme.example'))?.settled?.reach]).toEqual([
      [],
      ['lab', 'shop'],
    ])
    await organization('yard', {})
    await realm.run()
    expect([await held(), await whoCan('documents:read', 'yard')]).toEqual([[], []])
  })

  it('may deny nothing to those who belong there, but with leave, by coming under a parent whose roles deny', async () => {
    await realm.declare('Role', 'closed', {
      organization: 'other',
      allow: [],
      deny: ['documents:*'],
      scope: 'Descendants',
    })
    for (const name of HELPERS)
      await realm.declare('User', name, {
        email: `${name}@acme.example`,
        memberships: [
          { organization: 'acme', roles: ['helper'], join: 'None' },
          { organization: 'other', roles: ['closed'], join: 'None' },
        ],
      })
    await realm.run()
    await organization('shop', { parent: 'other', children: ['lab'] })
    await realm.run()
    expect([await heldPeople(), await whoCan()]).toEqual([HELPERS, HELPERS])
  })
})

describe('a store from before it was written where people reach down to', () => {
  it('is judged by what is declared until the next pass writes it, which takes nothing', async () => {
    for (const name of PEOPLE)
      await realm.portal('acme', `${name}@acme.example`, ({ settled, ...spec }) => {
        const { reach: _, ...rest } = settled ?? { roles: [], groups: [], permissions: [], time: '' }
        return { ...spec, settled: rest }
      })
    expect(await whoCan()).toEqual(HELPERS)
    await realm.runAll()
    expect([await held(), await whoCan()]).toEqual([[], HELPERS])
    expect((await realm.membership('acme', 'p00@acme.example'))?.settled?.reach).toEqual(['lab', 'shop', 'yard'])
    expect((await realm.membership('acme', 'p10@acme.example'))?.settled).not.toHaveProperty('reach')
  })
})
