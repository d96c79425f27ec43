import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DirectoryRecord, DirectoryRecordSpec, RecordedUser } from '../../src/api/directoryrecord.ts'
import { directoryRecordName } from '../../src/decide/record-names.ts'
import { personOf } from '../../src/reconcilers/who.ts'
import { openRealm, type Realm } from '../fakes/realm.ts'

let realm: Realm
beforeEach(async () => {
  realm = await openRealm()
  await realm.declare('Organization', 'acme', { domains: ['acme.example'], guard: { protected: ['ceo@acme.example'] } })
  await realm.declare('Organization', 'partner', { domains: ['partner.example'] })
  await realm.declare('Role', 'admin', { organization: 'acme', allow: ['users:update', 'roles:update'] })
  for (const [name, organization] of [
    ['hr', 'acme'],
    ['okta', 'acme'],
    ['theirs', 'partner'],
  ] as const)
    await realm.declare('Directory', name, {
      organization,
      type: 'File',
      file: { path: 'people.csv', columns: { id: 'number' } },
      policy: 'Observe',
    })
})
afterEach(() => realm[Symbol.asyncDispose]())

const say = async (
  directory: string,
  id: string,
  user: Partial<RecordedUser>,
  further: Partial<DirectoryRecordSpec> = {},
) => {
  const record = await realm.store.create(
    {
      kind: 'DirectoryRecord',
      metadata: { name: directoryRecordName(directory, 'User', id) },
      spec: {
        directory,
        of: 'User',
        id,
        user: { active: true, ...user },
        firstSeenTime: '2026-03-02T09:00:00Z',
        ...further,
      },
    } as never,
    { manager: 'controller' },
  )
  return record as unknown as DirectoryRecord
}
const declare = (name: string, email: string, organization: string, further: object = {}) =>
  realm.declare('User', name, { email, memberships: [{ organization }], ...further })
/** Who they are: the declared User, why that is not sure, or nobody. */
const who = async (record: DirectoryRecord) => {
  await realm.run()
  const found = personOf(realm.world.cache, record)
  if (found.is === 'declared') return found.user.metadata.name
  if (found.is === 'unknown') return 'unknown'
  return found.suspicions.map(({ of, because }) => `${of.ref} ${because}`)
}

describe('whom a directory tells of', () => {
  it('is the declared User with an address in the domains of its organization', async () => {
    await declare('alice', 'Alice@ACME.example', 'acme', { aliases: ['a.smith@acme.example'] })
    expect(await who(await say('hr', '1', { email: 'alice@acme.example' }))).toBe('alice')
    expect(await who(await say('hr', '2', { email: 'a.smith@acme.example' }))).toBe('alice')
    expect(await who(await say('hr', '3', { email: 'ben@acme.example' }))).toBe('unknown')
    expect(await who(await say('hr', '4', {}))).toBe('unknown')
  })

  it('stays that User when a complete read no longer has them', async () => {
    await declare('alice', 'alice@acme.example', 'acme')
    expect(
      await who(await say('hr', '1', { email: 'alice@acme.example' }, { missingTime: '2026-03-02T09:00:00Z' })),
    ).toBe('alice')
  })

  it('is found by way of another directory of that organization', async () => {
    await declare('alice', 'alice@acme.example', 'acme')
    await say('hr', '1', { email: 'alice@acme.example', aliases: ['a.smith@acme.example'] })
    expect(await who(await say('okta', 'u1', { email: 'a.smith@acme.example' }))).toBe('alice')
  })

  it('is nobody surely where the directory only claims the address', async () => {
    await declare('alice', 'alice@acme.example', 'acme')
    await declare('bob', 'bob@mail.example', 'acme')
    expect(await who(await say('theirs', '1', { email: 'alice@acme.example' }))).toEqual(['User/alice Claimed'])
    expect(await who(await say('hr', '2', { email: 'bob@mail.example' }))).toEqual(['User/bob Claimed'])
  })

  it('is not kept from what is theirs by who claims their address in a manifest', async () => {
    await declare('eve', 'eve@partner.example', 'partner', { aliases: ['boss@acme.example'] })
    await declare('mal', 'head@acme.example', 'partner')
    expect(await who(await say('hr', '1', { email: 'boss@acme.example' }))).toBe('unknown')
    expect(await who(await say('hr', '2', { email: 'head@acme.example' }))).toBe('unknown')
  })

  it('is protected, or an admin by what is declared, and waits for a decision', async () => {
    await declare('ceo', 'ceo@acme.example', 'acme')
    await realm.declare('User', 'ann', {
      email: 'ann@acme.example',
      memberships: [{ organization: 'acme', roles: ['admin'] }],
    })
    await declare('joe', 'joe@acme.example', 'acme')
    await realm.declare('Group', 'inner', { organization: 'acme', members: ['joe'] })
    await realm.declare('Group', 'outer', { organization: 'acme', groups: ['inner'], roles: ['admin'] })
    expect(await who(await say('hr', '1', { email: 'ceo@acme.example' }))).toEqual(['User/ceo Protected'])
    expect(await who(await say('hr', '2', { email: 'ann@acme.example' }))).toEqual(['User/ann Admin'])
    expect(await who(await say('hr', '3', { email: 'joe@acme.example' }))).toEqual(['User/joe Admin'])
  })

  it('is whom a declaration names by id or login, whatever their address and whoever they are', async () => {
    await declare('alice', 'alice@acme.example', 'acme', {
      identities: [
        { directory: 'hr', id: '1/x' },
        { directory: 'okta', name: 'ASmith' },
      ],
    })
    await realm.declare('User', 'ann', {
      email: 'ann@mail.example',
      memberships: [{ organization: 'acme', roles: ['admin'] }],
      identities: [{ directory: 'hr', id: '2' }],
    })
    expect(await who(await say('hr', '1/x', { email: 'other@acme.example' }))).toBe('alice')
    expect(await who(await say('okta', 'u1', { login: 'asmith' }))).toBe('alice')
    expect(await who(await say('theirs', '1/x', { login: 'asmith' }))).toBe('unknown')
    expect(await who(await say('hr', '2', { email: 'ann@mail.example' }))).toBe('ann')
  })

  it('is not whoever is given a login that somebody else had', async () => {
    await declare('alice', 'alice@acme.example', 'acme', { identities: [{ directory: 'okta', name: 'asmith' }] })
    const first = await say('okta', 'u1', { login: 'ameyer' }, { formerLogins: ['asmith'] })
    expect(await who(await say('okta', 'u2', { login: 'asmith' }))).toBe('unknown')
    expect(await who(first)).toBe('alice')
    // Two had it before: only an id tells now.
    await say('okta', 'u3', { login: 'x' }, { formerLogins: ['ASmith'] })
    expect(await who(first)).toBe('unknown')
  })

  it('is nobody where their id is used again for somebody who is declared too', async () => {
    await declare('alice', 'alice@acme.example', 'acme', { identities: [{ directory: 'hr', id: '1' }] })
    await declare('ben', 'ben@acme.example', 'acme')
    expect(await who(await say('hr', '1', { email: 'ben@acme.example' }))).toEqual([
      'User/alice SeveralPeople',
      'User/ben SeveralPeople',
    ])
  })

  it('is somebody else where a declaration says so', async () => {
    await declare('alice', 'alice@acme.example', 'acme', { distinctFrom: [{ directory: 'hr', id: '1' }] })
    expect(await who(await say('hr', '1', { email: 'alice@acme.example' }))).toBe('unknown')
  })

  it('is nobody of an organization that took the domain after its owner', async () => {
    await realm.pass(1000)
    await realm.declare('Organization', 'squatter', { domains: ['acme.example'] })
    await declare('alice', 'alice@acme.example', 'squatter')
    await realm.declare('Directory', 'squat', {
      organization: 'squatter',
      type: 'File',
      file: { path: 'people.csv', columns: { id: 'number' } },
      policy: 'Observe',
    })
    expect(await who(await say('squat', '1', { email: 'alice@acme.example' }))).toEqual(['User/alice Claimed'])
    expect(await who(await say('hr', '1', { email: 'alice@acme.example' }))).toBe('unknown')
  })
})

describe('what a User shows of directories', () => {
  const statusOf = async (name: string) => {
    await realm.run()
    const { profile, sources, conditions } = (await realm.store.get('User', name))?.status ?? {}
    const doubt = conditions?.find(({ type }) => type === 'DuplicateSuspected')
    return { profile, sources, doubt: doubt?.message, ready: conditions?.find(({ type }) => type === 'Ready')?.reason }
  }
  const remove = async (record: DirectoryRecord) =>
    realm.world.effects.writeDirectoryRecord(
      {
        name: record.metadata.name,
        before: realm.world.cache.get('DirectoryRecord', record.metadata.name),
        spec: undefined,
      },
      { actor: 'controller', because: 'Directory/hr', organization: 'acme' },
    )

  it('is every source of the person, what is in force of it, and nothing once it is taken away', async () => {
    await declare('alice', 'alice@acme.example', 'acme', { givenName: 'Alice' })
    const before = await statusOf('alice')
    expect(before).toMatchObject({ profile: { displayName: 'Alice' }, sources: undefined })
    const hr = await say('hr', '77', {
      email: 'alice@acme.example',
      aliases: ['a.smith@acme.example'],
      givenName: 'Ally',
      familyName: 'Smith',
      locale: 'de',
    })
    // By way of the entry before.
    const okta = await say('okta', 'u1', { email: 'a.smith@acme.example', login: 'asmith', active: false })
    expect(await statusOf('alice')).toMatchObject({
      profile: {
        email: 'alice@acme.example',
        displayName: 'Alice',
        givenName: 'Alice',
        familyName: 'Smith',
        locale: 'de',
      },
      sources: [
        { directory: 'hr', id: '77', email: 'alice@acme.example', givenName: 'Ally' },
        { directory: 'okta', id: 'u1', login: 'asmith', disabled: true },
      ],
      doubt: undefined,
    })
    await remove(hr)
    expect((await statusOf('alice')).sources).toBeUndefined()
    await remove(okta)
    expect(await statusOf('alice')).toEqual(before)
    const version = await realm.version()
    await realm.runAll()
    expect(await realm.version()).toBe(version)
  })

  it('is who looks like the person until somebody decides', async () => {
    const roles = [{ organization: 'acme', roles: ['admin'] }]
    await realm.declare('User', 'ann', { email: 'ann@acme.example', memberships: roles })
    await say('hr', '5', { email: 'ann@acme.example', givenName: 'Ann' })
    expect(await statusOf('ann')).toMatchObject({
      sources: undefined,
      doubt:
        '5 of directory/hr may be User/ann: both have ann@acme.example, and admins are merged by decision only; say which in identities or distinctFrom',
    })
    const decide = (further: object) =>
      realm.declare('User', 'ann', { email: 'ann@acme.example', memberships: roles, ...further })
    await decide({ identities: [{ directory: 'hr', id: '5' }] })
    expect(await statusOf('ann')).toMatchObject({ profile: { givenName: 'Ann' }, doubt: undefined })
    await decide({ identities: [], distinctFrom: [{ directory: 'hr', id: '5' }] })
    expect(await statusOf('ann')).toMatchObject({ sources: undefined, doubt: undefined })
  })

  it('names the claim on both sides, and gives the claimer nothing', async () => {
    await declare('alice', 'alice@acme.example', 'acme')
    await declare('eve', 'eve@partner.example', 'partner', { aliases: ['boss@acme.example'] })
    await say('hr', '1', { email: 'boss@acme.example', givenName: 'Boss' })
    await say('theirs', '2', { email: 'alice@acme.example', givenName: 'Mallory' })
    const eve = await statusOf('eve')
    expect(eve.doubt).toMatch(
      /^1 of directory\/hr may be User\/eve: both have boss@acme.example, and User\/eve only claims it;/,
    )
    expect(eve).toMatchObject({ profile: { email: 'eve@partner.example' }, sources: undefined })
    expect(eve.profile?.givenName).toBeUndefined()
    const alice = await statusOf('alice')
    expect(alice.doubt).toMatch(/^2 of directory\/theirs may be User\/alice/)
    expect(alice.profile?.givenName).toBeUndefined()
  })

  it('changes with who is protected', async () => {
    await declare('alice', 'alice@acme.example', 'acme')
    await say('hr', '77', { email: 'alice@acme.example', givenName: 'Ally' })
    expect((await statusOf('alice')).profile?.givenName).toBe('Ally')
    await realm.declare('Organization', 'acme', {
      domains: ['acme.example'],
      guard: { protected: ['alice@acme.example'] },
    })
    expect((await statusOf('alice')).profile?.givenName).toBeUndefined()
  })
})
