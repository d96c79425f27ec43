import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DirectorySpec } from '../../src/api/directory.ts'
import { reconcilersOf } from '../../src/app/world.ts'
import { generatedUserName } from '../../src/decide/record-names.ts'
import type { FoundUser } from '../../src/ports/directory.ts'
import type { Reconciler } from '../../src/runtime/reconciler.ts'
import { type FakeDirectory, fakeDirectory } from '../fakes/directories.ts'
import { DAY, HOUR, openRealm, type Realm, type RealmOptions } from '../fakes/realm.ts'

type Import = NonNullable<DirectorySpec['import']>

const person = (id: string, further: Partial<FoundUser> = {}): FoundUser => ({
  id,
  email: `${id}@acme.example`,
  active: true,
  ...further,
})
const people = (...ids: string[]) => [{ users: ids.map(id => person(id)) }]
const crowd = Array.from({ length: 30 }, (_, index) => `p${index}`)

let realm: Realm
let service: FakeDirectory
let other: FakeDirectory
const options: RealmOptions = {
  reconcilers: world =>
    reconcilersOf(world, {
      sources: { read: undefined, release: async () => undefined } as never,
      directories: {
        driver: async ({ metadata }) => (metadata.name === 'hr' ? service : other),
        release: async () => undefined,
      },
    }) as unknown as Reconciler[],
}
beforeEach(async () => {
  service = fakeDirectory(people('ann', 'ben'))
  other = fakeDirectory()
  realm = await openRealm(options)
  await realm.declare('Organization', 'acme', { domains: ['acme.example'] })
  await realm.declare('Role', 'viewer', { organization: 'acme', allow: ['reports:read'] })
  await realm.declare('Role', 'editor', { organization: 'acme', allow: ['files:update'] })
})
afterEach(() => realm[Symbol.asyncDispose]())

const specOf = (imported: Partial<Import> = {}, change: Partial<DirectorySpec> = {}): DirectorySpec => ({
  organization: 'acme',
  type: 'File',
  file: { path: 'people.csv', columns: { id: 'number' } },
  interval: '1h',
  policy: 'Import',
  import: { join: 'None', roles: ['viewer'], ...imported },
  ...change,
})
const connect = async (imported: Partial<Import> = {}, change: Partial<DirectorySpec> = {}, name = 'hr') => {
  await realm.declare('Directory', name, specOf(imported, change))
  await realm.run()
}
const at = async (id: string) => (await realm.membership('acme', `${id}@acme.example`)) as never as Standing
interface Standing {
  joined?: { how: string }
  ended?: { by: string; because: string }
  settled?: { roles: string[]; suspended?: boolean }
  declared?: { present: boolean; directory?: { name: string; id: string } }
  user?: { name: string }
}
const rolesOf = async (id: string) => {
  const { settled, ended, joined } = (await at(id)) ?? {}
  return joined && !ended ? `${settled?.roles.join(' ')}${settled?.suspended ? ' suspended' : ''}` : undefined
}
const held = async () =>
  (await realm.store.list('RemovalSet')).items
    .filter(({ spec }) => spec.state === 'Held')
    .map(({ spec }) => `${spec.producer}: ${spec.people}`)
const users = async () => (await realm.store.list('User')).items.map(({ metadata }) => metadata.name).sort()
const read = () => realm.pass(HOUR)

describe('a directory that imports', () => {
  it('makes its people members with its roles, and a second pass writes nothing', async () => {
    await connect()
    expect([await rolesOf('ann'), await rolesOf('ben')]).toEqual(['viewer', 'viewer'])
    expect(await at('ann')).toMatchObject({
      joined: { how: 'Declared' },
      declared: { present: true, directory: { name: 'hr', id: 'ann' } },
    })
    expect(realm.mailer.sent).toEqual([])
    expect((await realm.store.get('Directory', 'hr'))?.status).toMatchObject({
      people: { unknown: 2, imported: 2 },
    })
    const before = await realm.version()
    await realm.runAll()
    expect(await realm.version()).toBe(before)
  })

  it('takes what it knows of people into their Users, and what it says anew', async () => {
    service.pages = [{ users: [person('ann', { givenName: 'Ann', familyName: 'Ames', locale: 'de_AT' })] }]
    await connect()
    const name = generatedUserName('ann@acme.example')
    expect((await realm.store.get('User', name))?.spec).toEqual({
      email: 'ann@acme.example',
      givenName: 'Ann',
      familyName: 'Ames',
      locale: 'de-AT',
    })
    service.pages = [{ users: [person('ann', { givenName: 'Anna' })] }]
    await read()
    expect((await realm.store.get('User', name))?.spec).toEqual({ email: 'ann@acme.example', givenName: 'Anna' })
  })

  it('invites by mail where it says so, in its own name and under the limits', async () => {
    await realm.declare('Organization', 'acme', {
      domains: ['acme.example'],
      invitations: { dailyLimitPerInviter: 1 },
    })
    await connect({ join: 'Invitation' })
    expect(realm.mailer.sent.map(mail => mail.to.address)).toEqual(['ann@acme.example'])
    const invited = await realm.membership('acme', 'ann@acme.example')
    expect(invited?.attempts[0]?.actor).toBe('directory/hr')
    expect(await rolesOf('ann')).toBeUndefined()
    await realm.accept('acme', 'ann@acme.example')
    await realm.run()
    expect(await rolesOf('ann')).toBe('viewer')
    await realm.pass(DAY)
    expect(realm.mailer.sent.map(mail => mail.to.address)).toContain('ben@acme.example')
  })

  it('gives a declared person what it gives everybody, beside what is declared', async () => {
    await realm.declare('User', 'anna', {
      email: 'ann@acme.example',
      memberships: [{ organization: 'acme', roles: ['editor'], join: 'None' }],
    })
    await connect()
    expect(await rolesOf('ann')).toBe('editor viewer')
    expect((await at('ann')).user?.name).toBe('anna')
    service.pages = people('ben')
    await read()
    await realm.run()
    expect(await rolesOf('ann')).toBe('editor')
    expect((await at('ann')).declared).toMatchObject({ present: true, roles: ['editor'] })
  })

  it('is nobody whose alias only claims to be them, until somebody says that they are', async () => {
    await realm.declare('User', 'anna', { email: 'a.ames@else.example', aliases: ['ann@acme.example'] })
    await connect()
    expect((await at('ann')).user?.name).toBe(generatedUserName('ann@acme.example'))
    await realm.declare('User', 'anna', {
      email: 'a.ames@else.example',
      aliases: ['ann@acme.example'],
      identities: [{ directory: 'hr', id: 'ann' }],
    })
    await realm.run()
    const [membership] = (await realm.store.list('Membership')).items.filter(({ spec }) => spec.user?.name === 'anna')
    expect(membership?.spec).toMatchObject({ organization: 'acme', settled: { roles: ['viewer'] } })
    expect(await users()).toEqual(['anna', generatedUserName('ben@acme.example')])
  })

  it('never gives a declared person anything for an address that it may not speak of', async () => {
    await realm.declare('Organization', 'else', { domains: ['else.example'] })
    await realm.declare('User', 'boss', {
      email: 'boss@else.example',
      memberships: [{ organization: 'else', join: 'None' }],
    })
    service.pages = [{ users: [person('x', { email: 'boss@else.example' })] }]
    await connect()
    expect((await realm.store.list('Membership')).items.map(({ spec }) => spec.organization)).toEqual(['else'])
    expect((await realm.store.get('Directory', 'hr'))?.status?.people).toMatchObject({
      imported: 0,
      declared: 0,
      suspected: 1,
    })
  })

  it('gives an admin nothing by itself, and what it gives once somebody says who they are', async () => {
    await realm.declare('Role', 'boss', { organization: 'acme', allow: ['users:update'] })
    const spec = {
      email: 'ann@acme.example',
      memberships: [{ organization: 'acme', roles: ['boss'], join: 'None' as const }],
    }
    await realm.declare('User', 'anna', spec)
    await connect()
    expect(await rolesOf('ann')).toBe('boss')
    await realm.declare('User', 'anna', { ...spec, identities: [{ directory: 'hr', id: 'ann' }] })
    await realm.run()
    expect(await rolesOf('ann')).toBe('boss viewer')
  })

  it('is overruled by a membership that is declared as ended', async () => {
    await realm.declare('User', 'anna', {
      email: 'ann@acme.example',
      memberships: [{ organization: 'acme', state: 'Ended' }],
    })
    await connect()
    expect(await at('ann')).toBeUndefined()
    expect(await rolesOf('ben')).toBe('viewer')
  })

  it('does not fetch back who left', async () => {
    await connect({ join: 'Invitation' })
    await realm.accept('acme', 'ann@acme.example')
    await realm.run()
    await realm.portal('acme', 'ann@acme.example', spec => ({ ...spec, left: { time: '2026-03-02T09:30:00.000Z' } }))
    await read()
    expect(await realm.membership('acme', 'ann@acme.example')).toMatchObject({ left: {}, attempts: [{ number: 1 }] })
  })
})

describe('somebody who is gone from a directory', () => {
  it('is suspended, and their membership ends after the time that was given', async () => {
    await connect({ removeAfter: '48h' })
    service.pages = people('ben')
    await read()
    expect(await rolesOf('ann')).toBe('viewer suspended')
    const [ann] = (await realm.store.list('User')).items.filter(({ spec }) => spec.email === 'ann@acme.example')
    expect(ann?.status?.memberships).toMatchObject([{ organization: 'acme', state: 'Suspended' }])
    await realm.pass(47 * HOUR)
    expect(await rolesOf('ann')).toBe('viewer suspended')
    await realm.pass(HOUR)
    expect(await at('ann')).toMatchObject({
      ended: { by: 'directory/hr', because: expect.stringContaining('Directory/hr') },
    })
    expect(await users()).toEqual([generatedUserName('ben@acme.example')])
  })

  it('is let in again when they are back', async () => {
    await connect({ removeAfter: '48h' })
    service.pages = people('ben')
    await read()
    service.pages = people('ann', 'ben')
    await read()
    expect(await rolesOf('ann')).toBe('viewer')
    service.pages = people('ben')
    await realm.pass(50 * HOUR)
    service.pages = people('ann', 'ben')
    await read()
    expect(await rolesOf('ann')).toBe('viewer')
  })

  it('loses it at once, or keeps it, where the directory says so', async () => {
    await connect({ onRemoved: 'Remove' })
    service.pages = people('ben')
    await read()
    expect(await at('ann')).toMatchObject({ ended: {} })
    await connect({ onRemoved: 'Keep' })
    service.pages = people('zoe')
    await read()
    expect(await rolesOf('ben')).toBe('viewer')
  })

  it('keeps it after a read that is not complete', async () => {
    await connect({ onRemoved: 'Remove' })
    service.pages = people('ben')
    service.ends = { outcome: 'Partial', reason: 'Incomplete', message: 'page 2 was lost' }
    await read()
    expect(await rolesOf('ann')).toBe('viewer')
  })

  it('is suspended as long as their account is disabled', async () => {
    await connect()
    service.pages = [{ users: [person('ann', { active: false }), person('ben')] }]
    await read()
    expect(await rolesOf('ann')).toBe('viewer suspended')
    await realm.pass(60 * DAY)
    expect(await rolesOf('ann')).toBe('viewer suspended')
    service.pages = people('ann', 'ben')
    await read()
    expect(await rolesOf('ann')).toBe('viewer')
  })

  it('is held with the others where they are too many, and nothing happens to any of them', async () => {
    service.pages = people(...crowd)
    await connect({ onRemoved: 'Remove' })
    service.pages = people(...crowd.slice(0, 20))
    await read()
    expect(await held()).toEqual(['directory/hr: 10'])
    expect(await Promise.all(crowd.map(rolesOf))).toEqual(crowd.map(() => 'viewer'))
    const set = (await realm.store.list('RemovalSet')).items.find(({ spec }) => spec.state === 'Held')
    await realm.declare(
      'Approval',
      'yes',
      {
        organization: 'acme',
        releases: set?.spec.hash ?? '',
        reason: 'the branch was sold',
        expirationTime: '2026-03-03T00:00:00Z',
      },
      { manager: 'local/anna' },
    )
    await realm.run()
    expect((await Promise.all(crowd.map(rolesOf))).filter(role => role === 'viewer')).toHaveLength(20)
  })

  it('loses nothing by a filter that is too narrow for the budget', async () => {
    service.pages = people(...crowd)
    await connect({ onRemoved: 'Remove' })
    await connect({ onRemoved: 'Remove', filter: 'user.email.startsWith("p1")' })
    expect(await held()).toEqual(['directory/hr: 19'])
    expect(await Promise.all(crowd.map(rolesOf))).toEqual(crowd.map(() => 'viewer'))
  })

  it('loses nothing by another policy, or by a directory that is deleted, beyond the budget', async () => {
    service.pages = people(...crowd)
    await connect({ onRemoved: 'Remove' })
    const { import: _, ...observed } = specOf()
    await realm.declare('Directory', 'hr', { ...observed, policy: 'Observe' })
    await realm.run()
    expect(await held()).toEqual(['directory/hr: 30'])
    await realm.remove('Directory', 'hr')
    await realm.run()
    expect(await Promise.all(crowd.map(rolesOf))).toEqual(crowd.map(() => 'viewer'))
    expect(await realm.store.get('Directory', 'hr')).toBeUndefined()
    await connect({ onRemoved: 'Remove', roles: ['viewer', 'editor'] })
    expect(await Promise.all(crowd.map(rolesOf))).toEqual(crowd.map(() => 'editor viewer'))
    expect((await realm.store.list('Membership')).items.filter(({ spec }) => spec.losing)).toEqual([])
  })

  it('goes with a directory that is deleted, within the budget, and then the directory goes', async () => {
    await connect()
    await realm.remove('Directory', 'hr')
    await realm.run()
    expect([await rolesOf('ann'), await rolesOf('ben')]).toEqual([undefined, undefined])
    expect(await realm.store.get('Directory', 'hr')).toBeUndefined()
    expect((await realm.store.list('DirectoryRecord')).items).toEqual([])
    expect(await users()).toEqual([])
  })
})

describe('who is imported', () => {
  it('is said by an expression, and stays as it was where that fails', async () => {
    service.pages = [
      { users: [person('ann', { login: 'ann-1' }), person('ben', { login: 'ben-1' }), person('cy', { login: 'cy' })] },
    ]
    await connect({ filter: 'user.login.split("-")[1] == "1"' })
    expect([await rolesOf('ann'), await rolesOf('ben'), await rolesOf('cy')]).toEqual(['viewer', 'viewer', undefined])
    service.pages = [{ users: [person('ann', { login: 'ann' }), person('ben', { login: 'ben-2' })] }]
    await read()
    expect([await rolesOf('ann'), await rolesOf('ben')]).toEqual(['viewer', 'viewer suspended'])
  })

  it('is nobody whom the organization skips, and nobody external where it says so', async () => {
    service.pages = [{ users: [person('ann'), person('svc-backup'), person('guest', { email: 'guest@else.example' })] }]
    await realm.declare('Organization', 'acme', {
      domains: ['acme.example'],
      users: { skip: ['svc-*@acme.example'], external: 'Exclude' },
    })
    await connect()
    expect(await users()).toEqual([generatedUserName('ann@acme.example')])
    await realm.declare('Organization', 'acme', { domains: ['acme.example'], users: {} })
    await realm.run()
    expect(await users()).toHaveLength(3)
  })

  it('has values that are made of what the directory says', async () => {
    service.pages = [{ users: [person('ann', { login: 'ann', displayName: 'Ames, Ann', email: 'x@acme.example' })] }]
    await connect({
      mapping: {
        email: 'user.login + "@acme.example"',
        givenName: 'user.displayName.split(", ")[1]',
        familyName: 'user.displayName.split(", ")[0]',
      },
    })
    const ann = await realm.store.get('User', generatedUserName('ann@acme.example'))
    expect(ann?.spec).toMatchObject({ email: 'ann@acme.example', givenName: 'Ann', familyName: 'Ames' })
    service.pages = [{ users: [person('ann', { login: 'ann', displayName: 'Ann', email: 'x@acme.example' })] }]
    await read()
    const kept = await realm.store.get('User', generatedUserName('ann@acme.example'))
    expect(kept?.spec).toMatchObject({ givenName: 'Ann', familyName: 'Ann' })
    expect((await realm.store.get('Directory', 'hr'))?.status?.lastSync).toMatchObject({ unusable: 1 })
  })

  it('is one person in two directories, and stays while one of them has them', async () => {
    other.pages = people('ann')
    await connect({ onRemoved: 'Remove' })
    await connect({ onRemoved: 'Remove', roles: ['editor'] }, {}, 'ldap')
    expect(await users()).toHaveLength(2)
    expect(await rolesOf('ann')).toBe('editor viewer')
    service.pages = people('ben')
    await read()
    expect(await rolesOf('ann')).toBe('editor')
    other.pages = people('zoe')
    await read()
    expect(await at('ann')).toMatchObject({ ended: { by: 'directory/ldap' } })
  })

  it('is the same person when the directory says another address', async () => {
    await connect()
    service.pages = [{ users: [person('ann', { email: 'ann.bell@acme.example' }), person('ben')] }]
    await read()
    const name = generatedUserName('ann@acme.example')
    expect(await users()).toEqual([name, generatedUserName('ben@acme.example')].sort())
    expect((await realm.store.get('User', name))?.spec.email).toBe('ann.bell@acme.example')
    expect(await rolesOf('ann')).toBe('viewer')
    expect(await held()).toEqual([])
    const before = await realm.version()
    await realm.runAll()
    expect(await realm.version()).toBe(before)
  })

  it('becomes a declared person without losing anything, and back', async () => {
    await connect()
    await realm.declare('User', 'anna', {
      email: 'ann@acme.example',
      memberships: [{ organization: 'acme', roles: ['editor'], join: 'None' }],
    })
    await realm.run()
    expect(await users()).toEqual(['anna', generatedUserName('ben@acme.example')])
    expect(await rolesOf('ann')).toBe('editor viewer')
    await realm.remove('User', 'anna')
    await realm.run()
    await realm.run()
    expect(await rolesOf('ann')).toBe('viewer')
    expect(await users()).toHaveLength(2)
  })

  it('gets a role that the directory gives from now on, and loses one by the guard', async () => {
    service.pages = people(...crowd)
    await connect()
    await connect({ roles: ['viewer', 'editor'] })
    expect(await rolesOf('p3')).toBe('editor viewer')
    await connect({ roles: ['editor'] })
    expect(await rolesOf('p3')).toBe('editor viewer')
    expect(await held()).toEqual(['directory/hr: 30'])
  })
})

describe('a group of a directory', () => {
  const team = (name: string, users: string[], groups: string[] = []) => ({ id: `id-${name}`, name, users, groups })
  const groupsOf = async (id: string) => (await realm.membership('acme', `${id}@acme.example`))?.settled?.groups
  const condition = async (name: string) => {
    const found = (await realm.store.get('Group', name))?.status?.conditions?.find(one => one.type === 'Ready')
    return found && `${found.reason}: ${found.message}`
  }
  const importTeam = (roles: string[] = ['editor']) =>
    realm.declare('Group', 'platform', {
      organization: 'acme',
      importFrom: { directory: 'hr', name: 'Team Platform' },
      roles,
    })
  beforeEach(() => {
    service.pages = [
      ...people('ann', 'ben', 'cy'),
      { groups: [team('Team Platform', ['ann'], ['id-inner']), team('inner', ['ben'], ['id-Team Platform'])] },
    ]
  })

  it('has those who are in it there, and in groups in it, with the roles that the directory may grant', async () => {
    await importTeam()
    await connect({ mayGrant: { roles: ['editor'] } })
    expect(await Promise.all(['ann', 'ben', 'cy'].map(groupsOf))).toEqual([['platform'], ['platform'], []])
    expect(await Promise.all(['ann', 'ben', 'cy'].map(rolesOf))).toEqual(['editor viewer', 'editor viewer', 'viewer'])
    expect((await realm.store.get('Group', 'platform'))?.status?.members).toBe(2)
    expect((await realm.store.get('Directory', 'hr'))?.status?.importedGroups).toEqual(['Team Platform'])
    const before = await realm.version()
    await realm.runAll()
    expect(await realm.version()).toBe(before)
  })

  it('grants nothing beyond that, by no group in between', async () => {
    await importTeam()
    await realm.declare('Group', 'outer', { organization: 'acme', groups: ['platform'], roles: ['editor'] })
    await connect()
    expect(await groupsOf('ann')).toEqual(['outer', 'platform'])
    expect(await rolesOf('ann')).toBe('viewer')
    expect(await condition('platform')).toContain(
      'NotAllowed: nobody gets editor by it: import.mayGrant of Directory/hr',
    )
  })

  it('is looked for at once when it is declared later, and followed with every read', async () => {
    await connect({ mayGrant: { roles: ['editor'] } })
    await importTeam()
    await realm.run()
    expect(await rolesOf('ann')).toBe('editor viewer')
    service.pages[1] = { groups: [team('Team Platform', ['cy']), team('inner', [])] }
    await read()
    expect(await Promise.all(['ann', 'ben', 'cy'].map(rolesOf))).toEqual(['viewer', 'viewer', 'editor viewer'])
  })

  it('loses nobody by a read that is not complete, or in which nobody is in it any more', async () => {
    await importTeam()
    await connect({ mayGrant: { roles: ['editor'] } })
    service.pages[1] = { groups: [team('inner', ['ben', 'cy'])] }
    service.ends = { outcome: 'Partial', reason: 'Incomplete', message: 'page 2 was lost' }
    await read()
    expect(await rolesOf('ann')).toBe('editor viewer')
    service.ends = { outcome: 'Complete' }
    await read()
    expect(await rolesOf('ann')).toBe('editor viewer')
    expect((await realm.store.get('Directory', 'hr'))?.status?.lastSync?.outcome).toBe('Partial')
    await realm.store.annotate(
      { kind: 'Directory', name: 'hr' },
      { 'roster.dev/requestedAt': 'now', 'roster.dev/allowEmpty': 'now' },
      { manager: 'local/anna' },
    )
    await realm.run()
    expect(await rolesOf('ann')).toBe('viewer')
  })

  it('is held by the guard where too many leave it', async () => {
    service.pages = [...people(...crowd), { groups: [team('Team Platform', crowd)] }]
    await importTeam()
    await connect({ mayGrant: { roles: ['editor'] } })
    expect(await rolesOf('p7')).toBe('editor viewer')
    service.pages[1] = { groups: [team('Team Platform', ['p0'])] }
    await read()
    expect(await rolesOf('p7')).toBe('editor viewer')
    expect((await held()).length).toBe(1)
  })

  it('is nobody where two there have its name', async () => {
    await importTeam()
    service.pages[1] = { groups: [team('Team Platform', ['ann']), { ...team('Team Platform', ['ben']), id: 'other' }] }
    await connect({ mayGrant: { roles: ['editor'] } })
    expect([await rolesOf('ann'), await rolesOf('ben')]).toEqual(['viewer', 'viewer'])
    expect((await realm.store.get('Directory', 'hr'))?.status?.lastSync?.outcome).toBe('Partial')
  })

  it('of somebody who is declared gives them the group too', async () => {
    await realm.declare('User', 'anna', {
      email: 'ann@acme.example',
      memberships: [{ organization: 'acme', join: 'None' }],
    })
    await importTeam()
    await connect({ mayGrant: { roles: ['editor'] }, roles: [] })
    expect(await rolesOf('ann')).toBe('editor')
  })
})

describe('an address that a directory says of another entry', () => {
  const grantEditor = async (id: string) => {
    await realm.portal('acme', `${id}@acme.example`, spec => ({
      ...spec,
      grants: [{ invitation: 'extra', uid: 'u-1', roles: ['editor'], time: '2026-03-02T09:00:01.000Z' }] as never,
    }))
    await realm.run()
  }

  it('takes no membership from the colleague who has it, and passes come to rest', async () => {
    await connect()
    await grantEditor('ben')
    service.pages = [{ users: [person('ann', { email: 'ben@acme.example' }), person('ben')] }]
    await read()
    expect((await at('ben')).user?.name).toBe(generatedUserName('ben@acme.example'))
    expect((await at('ben')).declared?.directory?.id).toBe('ben')
  })

  it('gives a newcomer nothing of whoever had it before, and loses nobody', async () => {
    await connect({ onRemoved: 'Remove' })
    await grantEditor('ann')
    service.pages = [{ users: [person('new', { email: 'ann@acme.example' }), person('ben')] }]
    await read()
    expect(await rolesOf('ann')).not.toBe('editor viewer')
  })

  it('is nobody else as long as somebody belongs under it, and is shown to be undecided', async () => {
    await connect()
    const ann = person('ann', { email: 'ann.bell@acme.example' })
    service.pages = [{ users: [ann, person('ben')] }]
    await read()
    service.pages = [{ users: [ann, person('ben'), person('new', { email: 'ann@acme.example' })] }]
    await read()
    const found = (await realm.store.list('User')).items.map(({ spec }) => spec.email).sort()
    expect(found).toEqual(['ann.bell@acme.example', 'ben@acme.example'])
    expect((await at('ann')).declared?.directory?.id).toBe('ann')
    expect((await realm.store.get('Directory', 'hr'))?.status?.people).toMatchObject({ suspected: 1, imported: 2 })
  })

  it('of two who swapped theirs in one read stays with whom it was', async () => {
    await connect()
    service.pages = [
      { users: [person('ann', { email: 'ben@acme.example' }), person('ben', { email: 'ann@acme.example' })] },
    ]
    await read()
    expect([(await at('ann')).declared?.directory?.id, (await at('ben')).declared?.directory?.id]).toEqual([
      'ann',
      'ben',
    ])
    const before = await realm.version()
    await realm.runAll()
    expect(await realm.version()).toBe(before)
  })

  it('is one person in two directories, the main one in one and a further one in the other', async () => {
    service.pages = [{ users: [person('ann', { aliases: ['a.ames@acme.example'] })] }]
    other.pages = [{ users: [person('a.ames')] }]
    await connect({ join: 'Invitation' })
    await connect({ join: 'Invitation' }, {}, 'ldap')
    expect(realm.mailer.sent).toHaveLength(1)
    expect(await users()).toHaveLength(1)
  })

  it('that is broken there takes nothing', async () => {
    await connect({ onRemoved: 'Remove' })
    service.pages = [{ users: [person('ann', { email: 'ann at acme' }), person('ben')] }]
    await read()
    expect(await rolesOf('ann')).toBe('viewer')
  })

  it('changes nobody of another organization, in whose domain it is', async () => {
    await realm.declare('Organization', 'else', { domains: ['else.example'] })
    await realm.declare('Role', 'chief', { organization: 'else', allow: ['secrets:read'] })
    await realm.declare('Group', 'chiefs', {
      organization: 'else',
      membersWhere: 'user.givenName == "Chief"',
      roles: ['chief'],
    })
    other.pages = [{ users: [person('boss', { email: 'boss@else.example', givenName: 'Bea' })] }]
    await connect({ roles: [] }, { organization: 'else' }, 'zz')
    service.pages = [{ users: [person('x', { email: 'boss@else.example', givenName: 'Chief' })] }]
    await connect()
    expect((await realm.store.get('User', generatedUserName('boss@else.example')))?.spec.givenName).toBe('Bea')
    expect((await realm.membership('else', 'boss@else.example'))?.settled?.roles).toEqual([])
  })
})

describe('authority over what a directory gives', () => {
  const team = (name: string, users: string[]) => ({ id: `id-${name}`, name, users, groups: [] })

  it('is asked of who says in identities whose it is, and of who lets in whom users.skip left out', async () => {
    const { refusalOf } = await import('../../src/decide/authority.ts')
    const { Declared } = await import('../../src/decide/declared.ts')
    const manifest = (kind: string, name: string, spec: object) =>
      ({ apiVersion: 'roster.dev/v1alpha1', kind, metadata: { name }, spec }) as never
    const skipping = manifest('Organization', 'acme', { domains: ['acme.example'], users: { skip: ['svc-*'] } })
    const declared = new Declared([
      skipping,
      manifest('Role', 'viewer', { organization: 'acme', allow: ['reports:read'] }),
      manifest('Role', 'editor', { organization: 'acme', allow: ['files:update'] }),
      manifest('Directory', 'hr', specOf({ roles: ['editor'], mayGrant: { roles: ['editor'] } })),
    ])
    const may = { kinds: ['User', 'Organization'], organizations: ['acme'], roles: ['viewer'] } as never
    const refused = (before: never | undefined, desired: never) =>
      refusalOf({ source: 's', may, byPerson: false }, { before, desired }, declared)
    const mallory = manifest('User', 'mallory', {
      email: 'mallory@evil.example',
      memberships: [{ organization: 'acme', join: 'None' }],
      identities: [{ directory: 'hr', id: 'ann' }],
    })
    expect(refused(undefined, mallory)).toBeDefined()
    expect(refused(skipping, manifest('Organization', 'acme', { domains: ['acme.example'] }))).toBeDefined()
  })

  it('is not left behind where an expression fails for whoever is in an outer group by the directory', async () => {
    service.pages = [...people('ann'), { groups: [team('Team', ['ann'])] }]
    await realm.declare('Group', 'platform', { organization: 'acme', importFrom: { directory: 'hr', name: 'Team' } })
    await realm.declare('Group', 'outer', {
      organization: 'acme',
      groups: ['platform'],
      membersWhere: 'user.email.split("-")[1] == "x"',
      roles: ['editor'],
    })
    await connect()
    expect(await rolesOf('ann')).toBe('viewer')
  })

  it('is not left behind where an outer group comes onto a cycle', async () => {
    service.pages = [...people('ann'), { groups: [team('Team', ['ann'])] }]
    await realm.declare('Group', 'platform', { organization: 'acme', importFrom: { directory: 'hr', name: 'Team' } })
    await realm.declare('Group', 'outer', { organization: 'acme', groups: ['platform'], roles: ['editor'] })
    await connect()
    await realm.declare('Group', 'loop', { organization: 'acme', groups: ['outer'] })
    await realm.declare('Group', 'outer', { organization: 'acme', groups: ['platform', 'loop'], roles: ['editor'] })
    await realm.run()
    expect(await rolesOf('ann')).toBe('viewer')
  })

  it('of a directory takes nothing that a longer way of groups gives', async () => {
    await realm.declare('User', 'anna', {
      email: 'ann@acme.example',
      memberships: [{ organization: 'acme', join: 'None' }],
    })
    await realm.declare('Group', 'platform', { organization: 'acme', importFrom: { directory: 'hr', name: 'Team' } })
    await realm.declare('Group', 'x', { organization: 'acme', members: ['anna'] })
    await realm.declare('Group', 'w', { organization: 'acme', groups: ['x'] })
    await realm.declare('Group', 'z', { organization: 'acme', groups: ['w', 'platform'], roles: ['editor'] })
    await connect({ roles: [] })
    expect(await rolesOf('ann')).toBe('editor')
    service.pages = [...people('ann', 'ben'), { groups: [team('Team', ['ann'])] }]
    await read()
    expect(await rolesOf('ann')).toBe('editor')
  })
})

describe('whoever a directory keeps out', () => {
  it('is not let in by a filter that fails', async () => {
    const ben = person('ben', { login: 'ben-1' })
    service.pages = [{ users: [person('ann', { login: 'ann-1' }), ben] }]
    await connect({ filter: 'user.login.split("-")[1] == "1"' })
    service.pages = [{ users: [person('ann', { login: 'ann-1', active: false }), ben] }]
    await read()
    expect(await rolesOf('ann')).toBe('viewer suspended')
    service.pages = [{ users: [person('ann', { login: 'former', active: false }), ben] }]
    await read()
    expect(await rolesOf('ann')).toBe('viewer suspended')
  })

  it('is not let in once removeAfter is over, by what an Invitation gave beside', async () => {
    await connect({ removeAfter: '48h' })
    await realm.portal('acme', 'ann@acme.example', spec => ({
      ...spec,
      grants: [{ invitation: 'extra', uid: 'u-1', roles: ['editor'], time: '2026-03-02T09:00:01.000Z' }] as never,
    }))
    await realm.run()
    service.pages = people('ben')
    await read()
    expect(await rolesOf('ann')).toBe('editor viewer suspended')
    await realm.pass(49 * HOUR)
    expect(await rolesOf('ann')).not.toBe('editor')
  })

  it('gets no further mail', async () => {
    await connect({ join: 'Invitation' })
    service.pages = [{ users: [person('ann', { active: false }), person('ben')] }]
    await read()
    await realm.pass(4 * DAY)
    expect(realm.mailer.sent.filter(({ to }) => to.address === 'ann@acme.example')).toHaveLength(1)
  })
})

describe('what was read before an edit', () => {
  it('mails nobody at the address that a new mapping replaces', async () => {
    service.pages = [{ users: [person('ann', { login: 'ann', email: 'ann@private.example' })] }]
    const { import: _, ...observed } = specOf()
    await realm.declare('Directory', 'hr', { ...observed, policy: 'Observe' })
    await realm.run()
    service.ends = { outcome: 'Failed', reason: 'Unreachable', message: 'away' }
    service.pages = []
    await connect({ join: 'Invitation', mapping: { email: 'user.login + "@acme.example"' } })
    expect(realm.mailer.sent).toEqual([])
  })

  it('takes no group before a complete read told of the one that is imported now', async () => {
    service.pages = [...people('ann'), { groups: [{ id: '1', name: 'Old', users: ['ann'], groups: [] }] }]
    const importing = (name: string) =>
      realm.declare('Group', 'platform', {
        organization: 'acme',
        importFrom: { directory: 'hr', name },
        roles: ['editor'],
      })
    await importing('Old')
    await connect({ mayGrant: { roles: ['editor'] } })
    service.ends = { outcome: 'Failed', reason: 'Unreachable', message: 'away' }
    service.pages = []
    await importing('New')
    await realm.run()
    expect(await rolesOf('ann')).toBe('editor viewer')
  })
})

describe('beside declarations', () => {
  const declare = (id: string) =>
    realm.declare('User', id, { email: `${id}@acme.example`, memberships: [{ organization: 'acme', join: 'None' }] })

  it('takes from all of them in the name of the directory, as one set', async () => {
    for (const id of crowd.slice(0, 4)) await declare(id)
    service.pages = people(...crowd)
    await connect({ onRemoved: 'Remove' })
    service.pages = people(...crowd.slice(8))
    await read()
    expect(await held()).toEqual(['directory/hr: 8'])
  })

  it('takes nothing by a filter that fails, or with Keep', async () => {
    await declare('ann')
    const pages = (login: string) => [{ users: [person('ann', { login }), person('ben', { login: 'ben-1' })] }]
    service.pages = pages('ann-1')
    await connect({ onRemoved: 'Keep', filter: 'user.login.split("-")[1] == "1"' })
    service.pages = pages('ann')
    await read()
    expect(await rolesOf('ann')).toBe('viewer')
    service.pages = people('ben')
    await read()
    expect(await rolesOf('ann')).toBe('viewer')
  })

  it('keeps the membership of somebody who is declared under the address that they have by now', async () => {
    await connect()
    service.pages = [{ users: [person('ann', { email: 'ann.bell@acme.example' }), person('ben')] }]
    await read()
    await realm.declare('User', 'anna', {
      email: 'ann.bell@acme.example',
      memberships: [{ organization: 'acme', join: 'Invitation' }],
    })
    await realm.run()
    expect((await at('ann')).ended).toBeUndefined()
  })
})
