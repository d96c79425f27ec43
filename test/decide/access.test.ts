import { describe, expect, it } from 'vitest'
import type { Group, GroupSpec } from '../../src/api/group.ts'
import type { Role, RoleSpec } from '../../src/api/role.ts'
import { type AccessInput, deriveAccess } from '../../src/decide/access.ts'
import { groupLookups, groupResolver } from '../../src/decide/groups.ts'

const metadata = (name: string) => ({
  name,
  uid: name,
  resourceVersion: '1',
  generation: 1,
  creationTimestamp: '2026-11-22T08:00:00Z',
})
const role = (name: string, spec: Partial<RoleSpec> = {}): Role => ({
  apiVersion: 'roster.dev/v1alpha1',
  kind: 'Role',
  metadata: metadata(name),
  spec: { organization: 'acme', ...spec },
})
const group = (name: string, spec: Partial<GroupSpec> = {}): Group => ({
  apiVersion: 'roster.dev/v1alpha1',
  kind: 'Group',
  metadata: metadata(name),
  spec: { organization: 'acme', ...spec },
})

const CHAINS: Record<string, string[]> = { acme: ['acme', 'holding'], other: ['other'], holding: ['holding'] }

const derive = (given: AccessInput['roles'], roles: Role[], groups: Group[] = [], settled: string[] = []) =>
  deriveAccess({
    organization: 'acme',
    roles: given,
    user: {
      name: 'alice',
      facts: { name: 'alice', labels: {}, email: 'alice@acme.example', external: false },
      settled,
    },
    lookups: {
      role: name => roles.find(one => one.metadata.name === name),
      organizationChain: name => CHAINS[name] ?? [],
      organizationsBelow: name => Object.keys(CHAINS).filter(one => one !== name && CHAINS[one]?.includes(name)),
      groups: groupResolver(groupLookups(groups)),
    },
  })

const declared = (...names: string[]) => names.map(name => ({ role: name, how: 'declared' as const }))

describe('access', () => {
  it('without roles and groups is none', () => {
    expect(derive([], [])).toEqual({ roles: [], groups: [], permissions: [], via: {}, missing: [] })
  })

  it('comes declared, granted and through groups, and says so for each role', () => {
    const roles = [role('editor', { allow: ['documents:*'] }), role('viewer', { allow: ['documents:read'] })]
    const groups = [
      group('oncall', { members: ['alice'] }),
      group('platform', { groups: ['oncall'], roles: ['editor'] }),
      group('readers', { members: ['alice'], roles: ['viewer'] }),
    ]
    expect(derive([...declared('editor'), { role: 'editor', how: 'grant' }], roles, groups)).toEqual({
      roles: ['editor', 'viewer'],
      groups: ['oncall', 'platform', 'readers'],
      permissions: ['documents:*'],
      via: {
        editor: [{ how: 'declared' }, { how: 'grant' }, { how: 'group', path: ['oncall', 'platform'] }],
        viewer: [{ how: 'group', path: ['readers'] }],
      },
      missing: [],
    })
  })

  it('takes roles of this organization and of those above, and reports all others', () => {
    const roles = [
      role('own'),
      role('above', { organization: 'holding', allow: ['users:read'], scope: 'Descendants' }),
      role('foreign', { organization: 'other', allow: ['guard:update'] }),
    ]
    const access = derive(declared('own', 'above', 'foreign', 'gone', 'gone'), roles)
    expect(access.roles).toEqual(['above', 'own'])
    expect(access.permissions).toEqual(['>users:read'])
    expect(access.missing).toEqual([
      { role: 'foreign', problem: 'OtherOrganization' },
      { role: 'gone', problem: 'NotFound' },
    ])
  })

  it('denies what any role denies', () => {
    const roles = [role('admin', { allow: ['users:*'] }), role('limited', { deny: ['users:delete'] })]
    expect(derive(declared('admin', 'limited'), roles).permissions).toEqual(['!users:delete', 'users:*'])
  })

  it('keeps a role through a group that cannot be judged', () => {
    const groups = [group('odd', { membersWhere: 'user.name + 1 == 2', roles: ['editor'] })]
    expect(derive([], [role('editor')], groups, ['odd']).roles).toEqual(['editor'])
    expect(derive([], [role('editor')], groups).roles).toEqual([])
  })
})
