import { describe, expect, it } from 'vitest'
import { PERMISSION_AREAS, PERMISSION_VERBS } from '../../src/api/names.ts'
import {
  allows,
  gainedPermissions,
  lostPermissions,
  normalPermissions,
  permissionProblem,
  permissionsOf,
  verdictOf,
  type Where,
  withGains,
} from '../../src/decide/permissions.ts'
import fc from '../properties.ts'

const WHERE: Where[] = ['here', 'below']

/** The meaning, spelled out: every concrete permission of a small world in which one area and one verb are named by nobody. */
const WORLD = [...PERMISSION_AREAS, 'documents', 'invoices', 'unnamed'].flatMap(area =>
  (PERMISSION_AREAS as readonly string[]).includes(area)
    ? PERMISSION_VERBS.map(verb => `${area}:${verb}`)
    : ['read', 'write', 'unnamed'].map(verb => `${area}:${verb}`),
)

const naive = (permissions: readonly string[], permission: string, where: Where) => {
  const matching = permissions.filter(text => {
    const [, , reach, pattern = ''] = /^(!?)(>?)(.*)$/.exec(text)?.map((part, at) => (at === 0 ? '' : part)) ?? []
    if (where === 'below' && reach !== '>') return false
    const [area = '', verb = ''] = pattern.split(':')
    return (area === '*' || area === permission.split(':')[0]) && (verb === '*' || verb === permission.split(':')[1])
  })
  if (matching.some(text => text.startsWith('!'))) return 'denied'
  return matching.length > 0 ? 'allowed' : 'silent'
}

const pattern = fc.oneof(
  fc.constantFrom('*:*', 'users:*', 'users:read', 'users:update', 'guard:approve', 'roles:*'),
  fc.constantFrom('documents:*', 'documents:read', 'documents:write', 'invoices:*', 'invoices:read'),
)
const entry = fc.tuple(fc.constantFrom('', '>', '!', '!>'), pattern).map(([sign, text]) => sign + text)
const flat = fc.array(entry, { maxLength: 6 })

describe('permissions', () => {
  it.each([
    [['users:read'], 'users:read', 'here', true],
    [['users:*'], 'users:delete', 'here', true],
    [['*:*'], 'documents:sign', 'here', true],
    [['users:read'], 'users:update', 'here', false],
    [['users:read'], 'users:read', 'below', false],
    [['>users:read'], 'users:read', 'below', true],
    [['>users:read'], 'users:read', 'here', true],
    [['*:*', '!organizations:create'], 'organizations:create', 'here', false],
    [['>*:*', '!organizations:create'], 'organizations:create', 'below', true],
    [['>*:*', '!>organizations:create'], 'organizations:create', 'below', false],
    [['*:*'], 'users:fly', 'here', false],
  ] as const)('%j gives %s %s: %s', (permissions, permission, where, expected) => {
    expect(allows(permissions, permission, where)).toBe(expected)
  })

  it('know the verbs of our own areas and leave the rest to the customer', () => {
    expect(permissionProblem('users:fly')).toContain('the verbs of users are read, create')
    expect(permissionProblem('documents:fly')).toBeUndefined()
    expect(permissionProblem('*:*')).toBeUndefined()
  })

  it('of several roles are one flat, normal list', () => {
    expect(
      permissionsOf([
        { allow: ['users:read', 'documents:*', 'users:fly'] },
        { allow: ['users:*', 'invoices:read'], scope: 'Descendants' },
        { allow: ['invoices:write'], deny: ['invoices:*', 'audit:read'] },
      ]),
    ).toEqual(['!audit:read', '!invoices:*', '>invoices:read', '>users:*', 'documents:*'])
  })

  it.each([
    [['documents:*'], ['documents:read'], ['documents:*']],
    [['users:*'], PERMISSION_VERBS.map(verb => `users:${verb}`), []],
    [['users:read', 'users:update'], ['users:read'], ['users:update']],
    [['>users:read'], ['users:read'], ['>users:read']],
    [['>users:read'], [], ['>users:read']],
    [['users:read'], ['users:read', '!users:read'], ['users:read']],
    [['users:read'], ['users:read', '!audit:read'], ['!audit:read']],
    [['*:*'], ['users:*', 'documents:*'], ['*:*']],
    [['users:*'], ['documents:*'], ['users:*']],
    [['>*:*'], ['>*:*', '!guard:update'], ['guard:update']],
  ] as const)('from %j to %j lose %j', (before, after, lost) => {
    expect(lostPermissions(before, after)).toEqual(lost)
    expect(gainedPermissions(after, before)).toEqual(lost)
  })

  it('mean what the spelled-out world says, and the same in normal form', () => {
    fc.assert(
      fc.property(flat, permissions => {
        const normal = normalPermissions(permissions)
        for (const permission of WORLD)
          for (const where of WHERE) {
            expect(verdictOf(permissions, permission, where)).toBe(naive(permissions, permission, where))
            expect(verdictOf(normal, permission, where) === 'allowed').toBe(
              naive(permissions, permission, where) === 'allowed',
            )
            expect(verdictOf(normal, permission, where) === 'denied').toBe(
              naive(permissions, permission, where) === 'denied',
            )
          }
        expect(normalPermissions(normal)).toEqual(normal)
      }),
    )
  })

  it('are lost exactly where the spelled-out world says so', () => {
    fc.assert(
      fc.property(flat, flat, (before, after) => {
        const lost = lostPermissions(before, after)
        const taken = WORLD.flatMap(permission =>
          WHERE.filter(
            where => naive(before, permission, where) === 'allowed' && naive(after, permission, where) !== 'allowed',
          ).map(where => ({ permission, where })),
        )
        const denied = WORLD.some(permission =>
          WHERE.some(
            where => naive(after, permission, where) === 'denied' && naive(before, permission, where) !== 'denied',
          ),
        )
        expect(lost.length > 0).toBe(taken.length > 0 || denied)
        const losses = lost.filter(text => !text.startsWith('!'))
        for (const { permission, where } of taken) expect(naive(losses, permission, where)).toBe('allowed')
        for (const text of losses)
          expect(taken.some(({ permission }) => naive([text], permission, 'here') === 'allowed')).toBe(true)
        for (const text of losses.filter(one => !one.includes('*')))
          expect(taken).toContainEqual({
            permission: text.replace('>', ''),
            where: text.startsWith('>') ? 'below' : 'here',
          })
      }),
    )
  })

  it('with gains take nothing, invent nothing, and settle at once', () => {
    fc.assert(
      fc.property(flat, flat, (before, after) => {
        const grown = withGains(before, after)
        expect(lostPermissions(before, grown)).toEqual([])
        for (const permission of WORLD)
          for (const where of WHERE)
            if (naive(grown, permission, where) === 'allowed')
              expect([naive(before, permission, where), naive(after, permission, where)]).toContain('allowed')
        expect(withGains(grown, after)).toEqual(grown)
        if (lostPermissions(before, after).length === 0) expect(grown).toEqual(normalPermissions(after))
      }),
      { numRuns: 500 },
    )
  })

  it('give with gains what comes beside a loss, and hold back only what a new denial belongs to', () => {
    expect(withGains(['users:read'], ['documents:*', 'users:update'])).toEqual([
      'documents:*',
      'users:read',
      'users:update',
    ])
    expect(withGains(['audit:read'], ['users:*', '!users:delete'])).toEqual(
      ['audit:read', ...PERMISSION_VERBS.filter(verb => verb !== 'delete').map(verb => `users:${verb}`)].sort(),
    )
    expect(withGains(['audit:read'], ['documents:*', 'documents:read', '!documents:delete'])).toEqual([
      'audit:read',
      'documents:read',
    ])
  })
})
