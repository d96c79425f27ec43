import { beforeEach, describe, expect, it } from 'vitest'
import type { UserSpec } from '../../src/api/user.ts'
import { DAY, openRealm, type Realm } from '../fakes/realm.ts'
import { faultyStore } from '../faults/faulty-store.ts'

const PEOPLE = Array.from({ length: 20 }, (_, at) => `p${String(at).padStart(2, '0')}`)
const THIRD = PEOPLE.slice(0, 6)

let realm: Realm
const user = (name: string, more: Partial<UserSpec> = {}): UserSpec => ({
  email: `${name}@acme.example`,
  memberships: [{ organization: 'acme', roles: ['editor'], join: 'None' }],
  ...more,
})
const declare = (name: string, more: Partial<UserSpec> = {}) => realm.declare('User', name, user(name, more))
const names = async (): Promise<string[]> => {
  const held = (await realm.store.list('RemovalSet')).items.filter(({ spec }) => spec.state === 'Held')
  const keys = held.flatMap(({ spec }) => spec.removals ?? [])
  const records = await Promise.all(keys.map(key => realm.store.get('Membership', key.split('/')[0] as string)))
  return [...new Set(records.map(record => record?.spec.user?.name ?? '?'))].sort()
}
const held = async () =>
  (await realm.store.list('RemovalSet')).items.find(({ spec }) => spec.state === 'Held' && (spec.people ?? 0) > 1)
const access = async () =>
  Promise.all(
    PEOPLE.map(async name => {
      const spec = await realm.membership('acme', `${name}@acme.example`)
      return [
        name,
        spec?.ended !== undefined,
        spec?.settled?.roles,
        spec?.settled?.groups,
        spec?.settled?.permissions,
        spec?.settled?.reach,
        spec?.settled?.suspended,
      ]
    }),
  )
const approve = (name: string, releases: string, more: { organization?: string; days?: number } = {}) =>
  realm.declare(
    'Approval',
    name,
    {
      organization: more.organization ?? 'acme',
      releases,
      reason: 'asked for',
      expirationTime: new Date(realm.clock.now() + (more.days ?? 1) * DAY).toISOString(),
    },
    { manager: 'local/bob' },
  )

beforeEach(async () => {
  realm = await openRealm()
  await realm.declare('Organization', 'holding', { children: ['acme'] })
  await realm.declare('Organization', 'acme', { parent: 'holding', children: ['shop'] })
  await realm.declare('Organization', 'shop', { parent: 'acme' })
  await realm.declare('Role', 'editor', { organization: 'acme', allow: ['documents:*'] })
  await realm.declare('Role', 'group-role', { organization: 'acme', allow: ['files:*'] })
  await realm.declare('Role', 'holding-role', { organization: 'holding', allow: ['wiki:read'] })
  await realm.declare('Group', 'inner', { organization: 'acme', members: THIRD })
  await realm.declare('Group', 'outer', { organization: 'acme', groups: ['inner'], roles: ['group-role'] })
  await realm.declare('Group', 'matched', {
    organization: 'acme',
    membersWhere: 'user.locale == "de"',
    roles: ['group-role'],
  })
  await realm.declare('Role', 'third', { organization: 'acme', allow: ['third:*'], scope: 'Descendants' })
  for (const name of PEOPLE) await declare(name, THIRD.includes(name) ? { ...third() } : {})
  await realm.run()
  await realm.pass(2 * DAY)
  return async () => realm[Symbol.asyncDispose]()
})
const third = (): Partial<UserSpec> => ({
  locale: 'de',
  memberships: [{ organization: 'acme', roles: ['editor', 'third', 'holding-role'], join: 'None' }],
})
const each = async (change: (name: string) => Promise<unknown>) => {
  for (const name of THIRD) await change(name)
}
const going = (name: string) =>
  realm.store.annotate({ kind: 'User', name }, { 'roster.dev/going': 'r2' }, { manager: 'source/people' })
const entry = (more: object) => ({
  ...third(),
  memberships: [{ organization: 'acme', roles: ['editor'], join: 'None' as const, ...more }],
})

/** Every way takes something from the same six of twenty people. */
const WAYS: [string, () => Promise<unknown>][] = [
  ['their files are gone', () => each(going)],
  ['they are deleted by hand', () => each(name => realm.remove('User', name))],
  ['their memberships are dropped', () => each(name => declare(name, { ...third(), memberships: [] }))],
  ['their memberships say Ended', () => each(name => declare(name, entry({ state: 'Ended' })))],
  ['their end is a day that has gone', () => each(name => declare(name, entry({ until: '2026-03-01' })))],
  [
    'their end is brought forward to today',
    () => each(name => declare(name, entry({ until: '2026-03-04', roles: ['editor', 'third', 'holding-role'] }))),
  ],
  ['they lose a role', () => each(name => declare(name, entry({ roles: ['editor', 'holding-role'] })))],
  ['they are suspended', () => each(name => declare(name, { ...third(), suspended: true }))],
  [
    'they are to be invited anew',
    () => each(name => declare(name, entry({ join: 'Invitation', roles: ['editor', 'third', 'holding-role'] }))),
  ],
  ['a role is emptied', () => realm.declare('Role', 'third', { organization: 'acme', allow: [] })],
  [
    'a role denies',
    () => realm.declare('Role', 'third', { organization: 'acme', allow: ['third:*'], deny: ['documents:delete'] }),
  ],
  ['a role is deleted', () => realm.remove('Role', 'third')],
  ['a group is emptied', () => realm.declare('Group', 'inner', { organization: 'acme', members: [] })],
  [
    'a nested group is cut',
    () => realm.declare('Group', 'outer', { organization: 'acme', groups: [], roles: ['group-role'] }),
  ],
  ['a group is deleted', () => realm.remove('Group', 'inner')],
  [
    'membersWhere matches nobody',
    () =>
      realm.declare('Group', 'matched', {
        organization: 'acme',
        membersWhere: 'user.locale == "fr"',
        roles: ['group-role'],
      }),
  ],
  ['an attribute changes by which they matched', () => each(name => declare(name, { ...third(), locale: 'fr' }))],
  ['the parent is given up', () => realm.declare('Organization', 'acme', { children: ['shop'] })],
  ['an organization below gives up its parent', () => realm.declare('Organization', 'shop', {})],
  ['an organization below is dropped', () => realm.declare('Organization', 'acme', { parent: 'holding' })],
  ['a role reaches down no more', () => realm.declare('Role', 'third', { organization: 'acme', allow: ['third:*'] })],
  [
    'the guard is loosened beside it',
    async () => {
      await realm.declare('Organization', 'acme', {
        parent: 'holding',
        children: ['shop'],
        guard: { maxRemovals: '100%', freeRemovals: 1000 },
      })
      await each(going)
    },
  ],
]

describe('a third of an organization', () => {
  it.each(WAYS)('loses nothing when %s', async (_, take) => {
    const before = await access()
    await take()
    await realm.pass(DAY * 0.4)
    expect(await names()).toEqual(THIRD)
    expect(await access()).toEqual(before)
    // Nor after a restart, nor days later.
    await realm.restart()
    await realm.runAll()
    await realm.pass(3 * DAY)
    expect(await names()).toEqual(THIRD)
  })

  it('has it back as if nothing had been when the edit is taken back', async () => {
    const before = await access()
    await each(going)
    await realm.run()
    await each(name =>
      realm.store.annotate({ kind: 'User', name }, { 'roster.dev/going': null }, { manager: 'source/people' }),
    )
    await realm.run()
    expect([await names(), await access()]).toEqual([[], before])
    expect((await realm.membership('acme', 'p00@acme.example'))?.losing).toBeUndefined()
  })
})

describe('an Approval', () => {
  const hold = async () => {
    await each(name => declare(name, entry({ roles: ['editor', 'holding-role'] })))
    await realm.run()
    return (await held())?.spec.hash as string
  }
  const lost = async () =>
    (await access()).filter(([, , roles]) => !(roles as string[]).includes('third')).map(([name]) => name as string)
  const all = PEOPLE.filter(name => !THIRD.includes(name))

  it('releases exactly what it names, once', async () => {
    const hash = await hold()
    await approve('yes', hash)
    await realm.run()
    expect((await lost()).filter(name => THIRD.includes(name))).toEqual(THIRD)
    expect(await names()).toEqual([])
    expect((await realm.store.get('Approval', 'yes'))?.status?.state).toBe('Used')
    // One more is a set of its own, and the budget is used.
    await declare(all[0] as string, { memberships: [{ organization: 'acme', roles: [], join: 'None' }] })
    await realm.run()
    expect(await names()).toEqual([all[0]])
    // The same again needs somebody to say so again.
    await each(name => declare(name, third()))
    await realm.pass(2 * DAY)
    expect(await hold()).toBe(hash)
    await realm.pass(DAY / 2)
    expect(await names()).toEqual([...THIRD, all[0]].sort())
  })

  it.each<[string, (hash: string) => Promise<unknown>]>([
    ['of another organization', hash => approve('no', hash, { organization: 'holding' })],
    ['for more than 7 days', hash => approve('no', hash, { days: 8 })],
    ['that has expired', hash => approve('no', hash, { days: -1 })],
    ['of another hash', () => approve('no', `sha256:${'0'.repeat(64)}`)],
  ])('%s releases nothing', async (_, make) => {
    await make(await hold())
    await realm.run()
    expect(await names()).toEqual(THIRD)
  })

  it('that came with what it approves releases nothing', async () => {
    const hash = await hold()
    await each(name => declare(name, third()))
    await realm.run()
    expect(await held()).toBeUndefined()
    await approve('early', hash)
    await hold()
    expect(await names()).toEqual(THIRD)
    expect((await realm.store.get('Approval', 'early'))?.status?.state).toBe('Refused')
  })
})

describe('a third of an organization, of whom some lose a race', () => {
  it.each([1, 3, 7])('is held as a whole when the note of the %sth is refused', async at => {
    const before = await access()
    await realm.restart({ wrap: store => faultyStore(store, { conflict: number => number === at }) })
    await each(name => declare(name, { ...third(), suspended: true }))
    await expect(realm.run()).rejects.toThrow('somebody else was faster')
    await realm.pass(60_000)
    expect(await names()).toEqual(THIRD)
    expect(await access()).toEqual(before)
  })
})

describe('what is within the budget', () => {
  it('goes at once, five a day of a few, and the sixth is held', async () => {
    for (const [at, name] of PEOPLE.entries()) {
      await going(name)
      await realm.pass(60_000)
      expect(await names()).toEqual(PEOPLE.slice(5, at + 1))
    }
    expect((await realm.store.list('User')).items).toHaveLength(15)
  })

  describe('where it comes by hand', () => {
    beforeEach(() => realm.restart({ collectFor: 10_000 }))
    const lose = (role: string) =>
      realm.declare('Role', role, { organization: 'acme', allow: [] }, { manager: 'local/eve' })
    const give = async (role: string, people: readonly string[]) => {
      await realm.declare('Role', role, { organization: 'acme', allow: [`${role}:*`] })
      for (const name of people)
        await declare(name, { memberships: [{ organization: 'acme', roles: ['editor', role], join: 'None' }] })
      await realm.pass(60_000)
    }

    it('is collected until nothing more came for ten seconds', async () => {
      for (const name of THIRD) {
        await realm.remove('User', name)
        await realm.pass(8_000)
      }
      expect((await realm.store.list('User')).items).toHaveLength(20)
      await realm.pass(10_000)
      expect(await names()).toEqual(THIRD)
      expect((await realm.store.list('User')).items).toHaveLength(20)
    })

    it('is one set, also where it is several roles and groups of people whom a source declares', async () => {
      await realm.declare('Source', 'people', { folder: { path: '/people' } }, { manager: 'local/eve' })
      const [one, other] = [PEOPLE.slice(10, 13), PEOPLE.slice(13, 17)]
      await give('one', one)
      await give('other', other)
      await lose('one')
      await realm.pass(8_000)
      await lose('other')
      await realm.pass(8_000)
      expect(await names()).toEqual([])
      await realm.pass(2_000)
      expect(await names()).toEqual([...one, ...other])
      expect((await held())?.spec.people).toBe(7)
    })

    it('is decided after five minutes all the same, by somebody who never pauses; nobody beyond the budget loses anything', async () => {
      const lost = async () =>
        (await access()).filter(([, , roles]) => !(roles as string[]).includes('editor')).map(([name]) => name)
      for (let at = 0; at < 40; at++) {
        const name = PEOPLE[at % 20] as string
        // Ever another one, or the same one with another loss: there is always something new within ten seconds.
        await declare(name, {
          memberships: [{ organization: 'acme', roles: at < 20 ? [] : ['group-role'], join: 'None' }],
        })
        await realm.pass(9_000)
        expect(await lost()).toHaveLength(0)
      }
      expect((await realm.store.list('RemovalSet')).items.map(({ spec }) => spec.state)).toEqual(['Held'])
    })
  })

  it('of a revision that its source has applied goes at once, with nothing to collect', async () => {
    await realm.restart({ collectFor: 10_000 })
    await realm.declare('Source', 'people', { folder: { path: '/people' } }, { manager: 'local/eve' })
    const source = await realm.store.get('Source', 'people')
    await realm.store.patchStatus(
      { kind: 'Source', name: 'people' },
      { lastAttemptedRevision: 'r2' },
      { ifUid: source?.metadata.uid as string },
    )
    await going('p00')
    await realm.run()
    expect(await realm.store.get('User', 'p00')).toBeUndefined()
  })
})
