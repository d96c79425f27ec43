import { describe, expect, it } from 'vitest'
import type { Grant } from '../../src/api/grant.ts'
import type { AnyManifest } from '../../src/api/kinds.ts'
import { API_VERSION } from '../../src/api/names.ts'
import { type Authority, refusalOf } from '../../src/decide/authority.ts'
import { Declared, merged } from '../../src/decide/declared.ts'
import { allows, lostPermissions, normalPermissions, permissionsOf } from '../../src/decide/permissions.ts'
import fc from '../properties.ts'

const make = (kind: string, name: string, spec: object, labels?: Record<string, string>): AnyManifest =>
  ({ apiVersion: API_VERSION, kind, metadata: { name, ...(labels && { labels }) }, spec }) as unknown as AnyManifest
const keyOf = (one: AnyManifest): string => `${one.kind}/${one.metadata.name}`
const user = (name: string, roles: string[], spec: object = {}, labels?: Record<string, string>) =>
  make('User', name, { email: `${name}@acme.example`, memberships: [{ organization: 'acme', roles }], ...spec }, labels)
const role = (name: string, allow: string[], spec: object = {}) =>
  make('Role', name, { organization: 'acme', allow, ...spec })
const group = (name: string, spec: object) => make('Group', name, { organization: 'acme', ...spec })

const BASE = [
  make('Organization', 'acme', { children: ['acme-labs'] }),
  make('Organization', 'other', { domains: ['other.example'] }),
  role('viewer', ['documents:read']),
  role('editor', ['documents:*']),
  role('admin', ['*:*']),
  make('Role', 'muted', { organization: 'acme', deny: ['users:delete'] }),
  group('leads', { members: [], roles: ['admin'] }),
  group('inner', { members: [] }),
  group('outer', { groups: ['inner'], roles: ['admin'] }),
  group('platform', { membersWhere: 'has(user.labels.team) && user.labels.team == "platform"', roles: ['admin'] }),
  group('readers', { members: ['zoe'], roles: ['viewer'] }),
  group('quiet', { members: ['bob'], roles: ['muted'] }),
  make('LicensePool', 'suite', { organization: 'other', product: 'x', seats: 1 }),
  make('Directory', 'theirs', { organization: 'other', type: 'File', file: { path: 'p.csv' }, policy: 'Observe' }),
  user('bob', ['admin']),
  user('kim', ['viewer']),
]

const judge = (
  authority: Partial<Authority>,
  desired: AnyManifest | undefined,
  options: { path?: string; base?: AnyManifest[]; gone?: AnyManifest } = {},
): string => {
  const live = new Map((options.base ?? BASE).map(object => [keyOf(object), object]))
  const before = desired ? live.get(keyOf(desired)) : options.gone
  const refusal = refusalOf(
    { source: 'people', byPerson: false, ...authority },
    { before, desired, path: options.path ?? 'a.yaml' },
    new Declared(live.values()),
  )
  return refusal ? `${refusal.pointer} ${refusal.message}` : 'may'
}
const may = (grant: Grant, desired: AnyManifest | undefined, gone?: AnyManifest) =>
  judge({ may: grant }, desired, gone ? { gone } : {})
const named = (name: string): AnyManifest => BASE.find(one => one.metadata.name === name) ?? expect.fail(name)

describe('what a source may', () => {
  it('without bounds is everything but Sources', () => {
    expect(judge({}, user('alice', ['admin']))).toBe('may')
    const source = make('Source', 'more', { git: { url: 'https://git.example/x.git' } })
    expect(judge({}, source)).toBe('/kind declares a Source, which is beyond what source people may')
    expect(judge({ byPerson: true }, source)).toBe('may')
  })
  it('is bounded by kind', () => {
    const grant: Grant = { kinds: ['User'] }
    expect(may(grant, user('alice', ['admin']))).toBe('may')
    expect(may(grant, role('x', []))).toBe(
      '/kind declares a Role, which is beyond what source people may (Source.spec.may)',
    )
    expect(may({ kinds: [] }, user('alice', []))).toContain('declares a User')
  })
  it.each([
    ['an organization', make('Organization', 'other', {}), '/metadata/name'],
    ['a role there', make('Role', 'r', { organization: 'other' }), '/spec/organization'],
    [
      'a membership there',
      user('alice', [], { memberships: [{ organization: 'other' }] }),
      '/spec/memberships/0/organization',
    ],
    ['a seat of there', user('alice', [], { licenses: [{ pool: 'suite' }] }), '/spec/licenses/0/pool'],
    ['an alias there', user('alice', [], { aliases: ['boss@OTHER.example'] }), '/spec/aliases/0'],
    [
      'the suspension of somebody who has an address there',
      user('alice', [], { email: 'boss@other.example', suspended: true }),
      '/spec/suspended',
    ],
    [
      'who somebody is in a directory of there',
      user('alice', [], { identities: [{ directory: 'theirs', id: '1' }] }),
      '/spec/identities/0/directory',
    ],
    [
      'who somebody is not there',
      user('alice', [], { distinctFrom: [{ directory: 'theirs', id: '1' }] }),
      '/spec/distinctFrom/0/directory',
    ],
    [
      'an invitation there',
      make('Invitation', 'i', { email: 'x@x.example', organization: 'other' }),
      '/spec/organization',
    ],
  ])('is bounded by organization: %s', (_, desired, pointer) => {
    expect(may({ organizations: ['acme', 'acme-*'] }, desired)).toMatch(
      new RegExp(`^${pointer.replaceAll('/', '\\/')} `),
    )
    expect(may({ organizations: ['*'] }, desired)).toBe('may')
  })
  it('does not reach what belongs to another organization already', () => {
    const base = [...BASE, user('eve', [], { memberships: [{ organization: 'other', roles: [] }] })]
    expect(judge({ may: { organizations: ['acme'] } }, user('eve', []), { base })).toContain('organization other too')
  })
  it.each([
    ['named', user('alice', ['admin'])],
    ['by a group that lists', group('leads', { members: ['alice'], roles: ['admin'] })],
    ['by a group that nests', group('outer', { groups: ['inner', 'readers'], roles: ['admin'] })],
    ['by a group nested in another', group('inner', { members: ['alice'] })],
    ['by a label that a group selects', user('alice', ['viewer'], {}, { team: 'platform' })],
    ['by a new expression', group('leads', { membersWhere: 'true', roles: ['admin'] })],
    ['by an invitation', make('Invitation', 'i', { email: 'x@x.example', organization: 'acme', roles: ['admin'] })],
    ['with the address of somebody else', user('bob', ['admin'], { email: 'mallory@acme.example' })],
    ['with one more address', user('bob', ['admin'], { aliases: ['mallory@acme.example'] })],
    ['by a role of that name', role('admin', [])],
  ])('is bounded by role: %s', (_, desired) => {
    expect(may({ roles: ['viewer', 'edit*'] }, desired)).toContain('role admin')
    expect(may({ roles: ['admin', 'viewer', 'muted'] }, desired)).toBe('may')
  })
  it('lets stand what somebody has already', () => {
    expect(may({ roles: ['viewer'] }, user('bob', ['admin'], { givenName: 'Bob' }))).toBe('may')
    expect(may({ permissions: [] }, user('bob', ['admin'], { givenName: 'Bob' }))).toBe('may')
  })
  it('is bounded by permission, whichever role has it', () => {
    const grant: Grant = { permissions: ['documents:*'] }
    expect(may(grant, user('alice', ['editor']))).toBe('may')
    expect(may(grant, user('alice', ['admin']))).toContain('gives permission *:*')
    expect(may(grant, role('writer', ['documents:write'], { scope: 'Descendants' }))).toBe('may')
    expect(may(grant, role('viewer', ['users:read']))).toContain('permission users:read')
  })
  it.each([
    ['a denial taken out of a role', make('Role', 'muted', { organization: 'acme', deny: [] })],
    ['the role of a group taken away', group('quiet', { members: ['bob'], roles: [] })],
    ['a member taken out', group('quiet', { members: [], roles: ['muted'] })],
    ['the place of an organization', make('Organization', 'acme', { children: [] })],
  ])('counts what falls away as given: %s', (_, desired) => {
    expect(may({ permissions: ['documents:*'] }, desired)).not.toBe('may')
    expect(may({ permissions: ['*:*'] }, desired)).toBe('may')
  })
  it.each(['muted', 'quiet'])('counts what is gone as given, where it denied something: %s', name => {
    expect(may({ permissions: ['documents:*'] }, undefined, named(name))).toContain('users:delete')
    expect(may({ permissions: ['users:*'] }, undefined, named(name))).toBe('may')
  })
  it('takes away freely', () => {
    expect(may({ roles: ['viewer'], permissions: [] }, user('bob', []))).toBe('may')
    expect(may({ roles: ['viewer'], permissions: [] }, undefined, named('bob'))).toBe('may')
  })
  it('hands out, as a Source, no more than it has itself, and never the machine', () => {
    const grant: Grant = {
      kinds: ['Source', 'User'],
      organizations: ['acme*'],
      roles: ['viewer'],
      permissions: ['documents:*'],
    }
    const git = { url: 'https://git.example/x.git' }
    const source = (given: object | undefined, from: object = { git }) =>
      make('Source', 'more', { ...from, ...(given && { may: given }) })
    const whole = { kinds: ['User'], organizations: ['acme-labs'], roles: ['viewer'], permissions: ['documents:read'] }
    expect(may(grant, source(whole))).toBe('may')
    expect(may(grant, source(whole, { folder: { path: '/etc' } }))).toContain('folder of the machine')
    expect(may(grant, source(undefined))).toContain('bounds no kinds')
    expect(may(grant, source({ ...whole, organizations: ['*'] }))).toContain('organizations *')
    expect(may(grant, source({ ...whole, permissions: ['*:*'] }))).toContain('may give *:*')
    expect(may(grant, make('Source', 'people', { git, may: whole }))).toContain('may not change what it may itself')
  })
})

describe('the policy of the controller', () => {
  const policy = {
    file: '/etc/roster/policy.yaml',
    rules: [
      {
        sources: ['people'],
        paths: ['users/**'],
        may: { kinds: ['User' as const], roles: ['viewer'] },
        place: 'policy.yaml:2',
      },
      { sources: ['people'], paths: ['admins.yaml'], may: { kinds: ['User' as const] }, place: 'policy.yaml:5' },
      { sources: ['setup-*'], may: {}, place: 'policy.yaml:8' },
    ],
  }
  const at = (path: string, desired: AnyManifest, source = 'people') => judge({ policy, source }, desired, { path })
  it('lets in what one rule of the source and the file allows whole', () => {
    expect(at('users/acme/alice.yaml', user('alice', ['viewer']))).toBe('may')
    expect(at('admins.yaml', user('alice', ['admin']))).toBe('may')
    expect(at('x.yaml', role('x', ['*:*']), 'setup-1')).toBe('may')
  })
  it('refuses everything else, and names the rule', () => {
    expect(at('users/alice.yaml', user('alice', ['admin']))).toBe(
      '/spec/memberships/0 gives role admin, which is beyond the policy (policy.yaml:2)',
    )
    expect(at('roles/x.yaml', role('x', []))).toBe(
      ' no rule of policy.yaml lets source people declare anything in roles/x.yaml',
    )
    expect(at('users/alice.yaml', user('alice', []), 'other')).toContain('no rule of policy.yaml lets source other')
  })
  it('never widens what the source itself may', () => {
    expect(judge({ policy, may: { kinds: ['Role'] } }, user('alice', []), { path: 'admins.yaml' })).toContain(
      'Source.spec.may',
    )
  })
})

describe('nobody', () => {
  const names = ['ann', 'ben', 'cat']
  const roles = ['r1', 'r2', 'r3']
  const permission = fc.constantFrom('documents:read', 'documents:*', 'users:update', 'users:*', '*:*', 'guard:approve')
  const someOf = (all: readonly string[]) => fc.subarray([...all])
  const spec = {
    role: fc.record({ allow: fc.array(permission, { maxLength: 2 }), deny: fc.array(permission, { maxLength: 1 }) }),
    group: fc.record({
      members: someOf(names),
      roles: someOf(roles),
      groups: fc.constantFrom<string[]>([], ['g1'], ['g2']),
      membersWhere: fc.constantFrom(undefined, 'true', 'has(user.labels.team) && user.labels.team == "x"'),
    }),
    user: fc.record({
      roles: someOf(roles),
      team: fc.constantFrom(undefined, 'x', 'y'),
      email: fc.constantFrom('one', 'two'),
    }),
  }
  const document = fc.oneof(
    fc
      .tuple(fc.constantFrom(...roles), spec.role)
      .map(([name, of]) => make('Role', name, { organization: 'acme', ...of })),
    fc
      .tuple(fc.constantFrom('g1', 'g2'), spec.group)
      .map(([name, { membersWhere, ...of }]) =>
        make('Group', name, { organization: 'acme', ...of, ...(membersWhere !== undefined && { membersWhere }) }),
      ),
    fc
      .tuple(fc.constantFrom(...names), spec.user)
      .map(([name, { roles: given, team, email }]) =>
        make(
          'User',
          name,
          { email: `${name}-${email}@acme.example`, memberships: [{ organization: 'acme', roles: given }] },
          team === undefined ? {} : { team },
        ),
      ),
  )
  const once = (documents: AnyManifest[]) => new Map(documents.map(one => [keyOf(one), one]))

  /** Address → what whoever has it may. */
  const rights = (world: Map<string, AnyManifest>): Map<string, string[]> => {
    const declared = new Declared(world.values())
    return new Map(
      [...world.values()].flatMap(one => {
        if (one.kind !== 'User') return []
        const given = declared.rolesOfUser(one).get('acme') ?? []
        return [[one.spec.email, permissionsOf([...given].flatMap(name => declared.role(name) ?? []))] as const]
      }),
    )
  }

  it('may more after an edit than before, plus what the editor may give', () => {
    let refused = 0
    let edited = 0
    fc.assert(
      fc.property(
        fc.array(document, { minLength: 3, maxLength: 12 }),
        fc.array(document, { maxLength: 4 }),
        fc.subarray(['Role/r1', 'Role/r2', 'Group/g1', 'Group/g2', 'User/ann'], { maxLength: 2 }),
        fc.array(permission, { maxLength: 2 }),
        (before, edits, dropped, permissions) => {
          const live = once(before)
          const desired = once(edits)
          const declared = new Declared(live.values())
          const authority = { source: 'people', may: { permissions }, byPerson: false }
          const after = new Map(live)
          for (const [key, one] of desired) {
            if (refusalOf(authority, { before: live.get(key), desired: one }, declared)) refused++
            else {
              const left = merged(live.get(key), one)
              after.set(key, left)
              declared.set(left)
              edited++
            }
          }
          for (const key of dropped) {
            const gone = live.get(key)
            if (gone && !desired.has(key) && !refusalOf(authority, { before: gone, desired: undefined }, declared))
              after.delete(key)
          }
          const was = rights(live)
          const limit = permissions.map(one => `>${one}`)
          for (const [address, now] of rights(after)) {
            const bound = was.get(address) ?? []
            // Every concrete permission of the small world, one by one.
            for (const one of [
              'documents:read',
              'documents:sign',
              'users:update',
              'users:read',
              'guard:approve',
              'x:y',
            ])
              if (allows(now, one, 'here') && !allows(bound, one, 'here'))
                expect(lostPermissions([one], normalPermissions(limit)), `${address} gains ${one}`).toEqual([])
          }
        },
      ),
      { numRuns: 3000 },
    )
    expect(Math.min(refused, edited)).toBeGreaterThan(500)
  })
})
