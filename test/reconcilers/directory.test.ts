import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DirectorySpec } from '../../src/api/directory.ts'
import { ANNOTATIONS } from '../../src/api/names.ts'
import type { FoundUser } from '../../src/ports/directory.ts'
import { directoryReconciler } from '../../src/reconcilers/directory.ts'
import { organizationReconciler } from '../../src/reconcilers/organization.ts'
import type { Reconciler } from '../../src/runtime/reconciler.ts'
import { type FakeDirectory, fakeDirectory } from '../fakes/directories.ts'
import { DAY, HOUR, openRealm, type Realm, type RealmOptions } from '../fakes/realm.ts'

const spec: DirectorySpec = {
  organization: 'acme',
  type: 'File',
  file: { path: 'people.csv', columns: { id: 'number' } },
  policy: 'Observe',
  interval: '1h',
}
const person = (id: string, further: Partial<FoundUser> = {}): FoundUser => ({
  id,
  email: `${id}@acme.example`,
  active: true,
  ...further,
})

let realm: Realm
let service: FakeDirectory
let released: string[]
let options: RealmOptions
beforeEach(async () => {
  service = fakeDirectory([{ users: [person('ann'), person('ben')] }, { groups: [team('red', ['ann'])] }])
  released = []
  options = {
    reconcilers: world =>
      [
        organizationReconciler(world),
        directoryReconciler(world, {
          driver: async () => service,
          release: async name => void released.push(name),
        }),
      ] as unknown as Reconciler[],
  }
  realm = await openRealm(options)
  await realm.declare('Organization', 'acme', { domains: ['acme.example'] })
})
afterEach(() => realm[Symbol.asyncDispose]())

const team = (name: string, users: string[]) => ({ id: name, name, users, groups: [] })
const connect = (change: Partial<DirectorySpec> = {}) => realm.declare('Directory', 'hr', { ...spec, ...change })
const statusOf = async () => (await realm.store.get('Directory', 'hr'))?.status ?? {}
const condition = async (type: string) => {
  const found = (await statusOf()).conditions?.find(one => one.type === type)
  return found && `${found.status} ${found.reason}`
}
const records = async () =>
  Object.fromEntries((await realm.store.list('DirectoryRecord')).items.map(({ spec: said }) => [said.id, said]))
const there = async () =>
  Object.values(await records())
    .filter(({ missingTime }) => missingTime === undefined)
    .map(({ id }) => id)
    .sort()
const ask = async (token: string, allowEmpty = false) => {
  await realm.store.annotate(
    { kind: 'Directory', name: 'hr' },
    { [ANNOTATIONS.requestedAt]: token, ...(allowEmpty && { [ANNOTATIONS.allowEmpty]: token }) },
    { manager: 'local/anna' },
  )
  await realm.run()
}

describe('a directory', () => {
  it('is read at once, and what it says is written down', async () => {
    await connect()
    await realm.run()
    expect(await records()).toEqual({
      ann: expect.objectContaining({ of: 'User', user: { email: 'ann@acme.example', active: true } }),
      ben: expect.objectContaining({ of: 'User', user: { email: 'ben@acme.example', active: true } }),
      red: expect.objectContaining({ of: 'Group', group: { name: 'red', users: 1, groups: 0 } }),
    })
    expect(await statusOf()).toMatchObject({
      lastSync: { outcome: 'Complete', users: 2, groups: 1, created: 3, updated: 0, removed: 0, requests: 2 },
      lastCompleteTime: '2026-03-02T09:00:00.000Z',
      people: { declared: 0, unknown: 2, external: 0, withoutAddress: 0, disabled: 0 },
    })
    expect([await condition('Ready'), await condition('Connected'), await condition('Synced')]).toEqual([
      'True Succeeded',
      'True Succeeded',
      'True Succeeded',
    ])
  })

  it('says what people are there, and counts who was only invited apart from who is disabled', async () => {
    service.pages = [
      {
        users: [
          person('ann', { relation: 'Owner' }),
          person('ben', { relation: 'Invited', active: false }),
          person('cid', { relation: 'InvitationFailed', active: false }),
          person('dan', { relation: 'OutsideCollaborator', active: false }),
        ],
        groups: [{ ...team('red', ['ann', 'dan']), maintainers: ['ann'] }],
      },
    ]
    await connect()
    await realm.run()
    expect((await statusOf()).people).toMatchObject({ unknown: 4, disabled: 1, invited: 2 })
    expect(await records()).toMatchObject({
      ann: { user: { relation: 'Owner' } },
      ben: { user: { relation: 'Invited', active: false } },
      red: { group: { users: 2, maintainers: 1 } },
    })
  })

  it('that is observed gives nobody anything, and takes nothing', async () => {
    await connect()
    await realm.run()
    for (const kind of ['User', 'Membership', 'Invitation', 'RemovalSet'] as const)
      expect((await realm.store.list(kind)).items.filter(({ metadata }) => metadata.name !== 'acme')).toEqual([])
    expect(realm.mailer.sent).toEqual([])
  })

  it('is read again at its interval, and writes nothing when nothing is new', async () => {
    await connect({ interval: '10m' })
    await realm.run()
    const before = await realm.version()
    await realm.pass(HOUR - 1)
    expect(service.reads).toBe(6)
    expect(await realm.version()).toBe(before)
    await realm.pass(10 * 60_000)
    expect((await statusOf()).lastSync?.endTime).toBe('2026-03-02T10:00:00.000Z')
  })

  it('notes what changed, who is gone and who is back', async () => {
    await connect()
    await realm.run()
    service.pages = [{ users: [person('ann', { givenName: 'Ann', active: false })] }, { groups: [team('red', [])] }]
    await realm.pass(HOUR)
    expect(await statusOf()).toMatchObject({
      lastSync: { outcome: 'Complete', users: 1, created: 0, updated: 2, removed: 1 },
      people: { unknown: 1, disabled: 1 },
    })
    expect((await records())['ben']).toMatchObject({ missingTime: '2026-03-02T10:00:00.000Z' })
    service.pages.push({ users: [person('ben')] })
    await realm.pass(HOUR)
    expect(await there()).toEqual(['ann', 'ben', 'red'])
    expect((await records())['ben']?.firstSeenTime).toBe('2026-03-02T09:00:00.000Z')
    expect((await statusOf()).lastSync).toMatchObject({ created: 1, removed: 0 })
  })

  it('remembers the logins that somebody had', async () => {
    const logins = async () =>
      Object.values(await records()).map(({ id, user, formerLogins }) => [id, user?.login, formerLogins])
    service.pages = [{ users: [person('ann', { login: 'asmith' })] }]
    await connect()
    await realm.run()
    expect(await logins()).toEqual([['ann', 'asmith', undefined]])
    service.pages = [{ users: [person('ann', { login: 'AMeyer' }), person('ben', { login: 'ASmith' })] }]
    await realm.pass(HOUR)
    expect(await logins()).toEqual([
      ['ann', 'AMeyer', ['asmith']],
      ['ben', 'ASmith', undefined],
    ])
    service.pages = [{ users: [person('ann', { login: 'ameyer' }), person('ben', { login: 'ASmith' })] }]
    await realm.pass(HOUR)
    service.pages = [{ users: [person('ann'), person('ben', { login: 'ASmith' })] }]
    await realm.pass(HOUR)
    expect((await logins())[0]).toEqual(['ann', undefined, ['asmith', 'ameyer']])
  })

  it.each([
    ['Partial', 'Incomplete', 'False Incomplete', 'True Succeeded'],
    ['Failed', 'Unreachable', 'False Unreachable', 'False Unreachable'],
    ['Failed', 'CredentialsRefused', 'False CredentialsRefused', 'False CredentialsRefused'],
  ] as const)('that is read %s (%s) loses nobody, and says why', async (outcome, reason, ready, connected) => {
    await connect()
    await realm.run()
    service.pages = outcome === 'Partial' ? [{ users: [person('ann'), person('cid')] }] : []
    service.ends = { outcome, reason, message: 'the server went away' }
    await realm.pass(HOUR)
    expect(await there()).toEqual(outcome === 'Partial' ? ['ann', 'ben', 'cid', 'red'] : ['ann', 'ben', 'red'])
    expect([await condition('Ready'), await condition('Connected')]).toEqual([ready, connected])
    expect(await condition(reason === 'CredentialsRefused' ? 'Stalled' : 'Reconciling')).toBe(`True ${reason}`)
    expect((await statusOf()).lastCompleteTime).toBe('2026-03-02T09:00:00.000Z')
    expect((await realm.store.events.list()).filter(event => event.reason === reason)).toHaveLength(1)
    service.ends = { outcome: 'Complete' }
    service.pages = [{ users: [person('ann')], groups: [team('red', [])] }]
    await realm.pass(HOUR)
    expect(await there()).toEqual(['ann', 'red'])
    expect(await condition('Ready')).toBe('True Succeeded')
  })

  it('that tells of nobody where there was somebody is not believed, until somebody says so', async () => {
    await connect()
    await realm.run()
    service.pages = [{ groups: [team('red', [])] }]
    await realm.pass(HOUR)
    expect(await there()).toEqual(['ann', 'ben', 'red'])
    expect([await condition('Ready'), (await statusOf()).lastSync?.outcome]).toEqual([
      'False EmptyDirectory',
      'Partial',
    ])
    await ask('once')
    expect(await there()).toEqual(['ann', 'ben', 'red'])
    await ask('twice', true)
    expect(await there()).toEqual(['red'])
    // Once said, not for ever.
    service.pages = [{ users: [person('ann')] }]
    await realm.pass(HOUR)
    expect(await there()).toEqual(['ann', 'red'])
    expect(await condition('Ready')).toBe('False EmptyDirectory')
  })

  it('is read when somebody asks, tells how far it is, and says which question was answered', async () => {
    await connect()
    await realm.run()
    const seen: unknown[] = []
    service.onPage = async at => {
      if (at === 0) await realm.clock.advance(3_000)
      seen.push((await statusOf()).reading)
    }
    service.pages = [{ users: [person('ann')] }, { users: [person('ben')] }, { groups: [team('red', [])] }]
    await ask('now')
    expect(seen.at(-1)).toMatchObject({ users: 2, groups: 0 })
    expect(await statusOf()).toMatchObject({ request: 'now' })
    expect((await statusOf()).reading).toBeUndefined()
    expect(service.reads).toBe(2)
    await realm.runAll()
    expect(service.reads).toBe(2)
  })

  it('that cannot be read for two intervals is stale, and no longer once it is read', async () => {
    await connect()
    await realm.run()
    service.ends = { outcome: 'Failed', reason: 'Unreachable', message: 'no answer' }
    service.pages = []
    await realm.pass(HOUR + 59 * 60_000)
    expect(await condition('Stale')).toBeUndefined()
    await realm.pass(2 * 60_000)
    expect([await condition('Stale'), await condition('Ready')]).toEqual(['True Stale', 'False Unreachable'])
    await realm.pass(5 * HOUR)
    expect((await realm.store.events.list()).filter(event => event.reason === 'Stale')).toHaveLength(1)
    service.ends = { outcome: 'Complete' }
    service.pages = [{ users: [person('ann')], groups: [team('red', [])] }]
    await realm.pass(HOUR)
    expect([await condition('Stale'), await condition('Ready')]).toEqual([undefined, 'True Succeeded'])
  })

  it('goes on with its interval in the next process, and is read at once when it was changed', async () => {
    await connect()
    await realm.run()
    await realm.pass(30 * 60_000)
    await realm.restart(options)
    await realm.run()
    expect(service.reads).toBe(1)
    await realm.pass(30 * 60_000)
    expect(service.reads).toBe(2)
    await connect({ interval: '2h' })
    await realm.run()
    expect(service.reads).toBe(3)
  })

  it('counts who is declared, who is not and who is from elsewhere', async () => {
    await realm.declare('User', 'ann', { email: 'Ann@acme.example', memberships: [{ organization: 'acme' }] })
    await realm.declare('User', 'cleo', { email: 'cleo@acme.example' })
    await realm.declare('User', 'dora', {
      email: 'dora@other.example',
      aliases: ['d@acme.example'],
      memberships: [{ organization: 'acme' }],
    })
    service.pages = [
      {
        users: [
          person('1', { email: 'ANN@ACME.example' }),
          person('2', { email: 'd@acme.example' }),
          person('3', { email: 'who@acme.example' }),
          person('4', { email: 'guest@partner.example' }),
          { id: '5', active: false },
          person('6', { email: 'not an address' }),
          person('7', { email: 'cleo@acme.example' }),
        ],
      },
    ]
    await connect()
    await realm.run()
    expect((await statusOf()).people).toEqual({
      declared: 2,
      suspected: 1,
      unknown: 1,
      external: 1,
      withoutAddress: 2,
      disabled: 1,
    })
    expect((await statusOf()).lastSync?.unusable).toBe(1)
    expect((await records())['6']?.user?.problem).toContain('is not one mail address')
  })

  it('takes nobody twice, and nobody without a usable id', async () => {
    service.pages = [
      { users: [person('ann'), person('', { email: 'x@acme.example' }), person('a\nb'), person('x'.repeat(300))] },
      { users: [person('ann', { email: 'other@acme.example' })] },
    ]
    await connect()
    await realm.run()
    expect(await there()).toEqual(['ann'])
    expect((await records())['ann']?.user?.email).toBe('ann@acme.example')
    expect((await statusOf()).lastSync).toMatchObject({ users: 1, unusable: 3 })
  })

  it('without its organization waits for it', async () => {
    await connect({ organization: 'nowhere' })
    await realm.run()
    expect([await condition('Ready'), service.reads]).toEqual(['False ReferenceNotFound', 0])
    await realm.declare('Organization', 'nowhere', {})
    await realm.run()
    expect([await condition('Ready'), service.reads]).toEqual(['True Succeeded', 1])
  })

  it('that is paused is not read', async () => {
    await connect()
    await realm.store.annotate({ kind: 'Directory', name: 'hr' }, { [ANNOTATIONS.pause]: 'true' }, { manager: 'x' })
    await realm.pass(DAY)
    expect([await condition('Ready'), service.reads]).toEqual(['True Paused', 0])
  })

  it('that is deleted lets go of what it said, and of its connection', async () => {
    await connect()
    await realm.run()
    await realm.remove('Organization', 'acme')
    await realm.run()
    expect((await realm.store.get('Organization', 'acme'))?.status?.conditions?.[0]?.message).toContain('directory hr')
    await realm.remove('Directory', 'hr')
    await realm.run()
    expect(await records()).toEqual({})
    expect(await realm.store.get('Directory', 'hr')).toBeUndefined()
    expect(await realm.store.get('Organization', 'acme')).toBeUndefined()
    expect(released).toContain('hr')
  })

  it('whose process dies in the middle of a read finds everything in the next', async () => {
    service.onPage = at => {
      if (at === 0) throw new Error('killed')
    }
    await connect()
    await expect(realm.run()).rejects.toThrow('killed')
    service.onPage = undefined
    await realm.restart(options)
    await realm.run()
    expect(await there()).toEqual(['ann', 'ben', 'red'])
  })
})
