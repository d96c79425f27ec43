import { describe, expect, it } from 'vitest'
import type { Group } from '../../src/api/group.ts'
import type { Role } from '../../src/api/role.ts'
import { deriveAccess } from '../../src/decide/access.ts'
import { canDo } from '../../src/decide/can.ts'
import { groupLookups, groupResolver } from '../../src/decide/groups.ts'
import { type Access, compareAccess, isNothing } from '../../src/decide/losses.ts'
import { newMembership } from '../../src/decide/membership.ts'
import fc from '../properties.ts'

const access = (roles: string[], groups: string[] = [], permissions: string[] = []): Access => ({
  roles,
  groups,
  permissions,
})
const nothing = { roles: [], groups: [], permissions: [] }

describe('losses', () => {
  it('are none where nothing was settled', () => {
    const derived = access(['editor'], ['platform'], ['documents:*'])
    expect(compareAccess(undefined, derived)).toEqual({
      gains: derived,
      losses: nothing,
      settledAfterGains: derived,
      equal: false,
    })
  })

  it('and gains are none between equal states, but access that is none still has to be settled once', () => {
    const same = access(['editor'], ['platform'], ['documents:*'])
    expect(compareAccess(same, same)).toMatchObject({ equal: true, settledAfterGains: same })
    expect(compareAccess(undefined, nothing).equal).toBe(false)
  })

  it('wait for a permit while the gains beside them are written', () => {
    const comparison = compareAccess(
      access(['editor'], ['platform'], ['documents:*']),
      access(['viewer'], ['readers'], ['documents:read', 'users:read']),
    )
    expect(comparison.losses).toEqual(access(['editor'], ['platform'], ['documents:*']))
    expect(comparison.gains).toEqual(access(['viewer'], ['readers'], ['users:read']))
    expect(comparison.settledAfterGains).toEqual(
      access(['editor', 'viewer'], ['platform', 'readers'], ['documents:*', 'users:read']),
    )
    const again = compareAccess(
      comparison.settledAfterGains,
      access(['viewer'], ['readers'], ['documents:read', 'users:read']),
    )
    expect(again.gains).toEqual(nothing)
    expect(again.settledAfterGains).toEqual(comparison.settledAfterGains)
  })

  it.each([
    ['an emptied allow', ['users:*'], [], ['users:*']],
    ['a new deny', ['users:*'], ['users:*', '!users:delete'], ['users:delete']],
    ['a narrower scope', ['>users:read'], ['users:read'], ['>users:read']],
  ])('of permissions come with the same roles too: %s', (_, before, after, lost) => {
    const comparison = compareAccess(access(['admin'], [], before), access(['admin'], [], after))
    expect(comparison.losses).toEqual(access([], [], lost))
    expect(comparison.settledAfterGains.permissions).toEqual(before)
    expect(comparison.equal).toBe(false)
  })
})

const ORGANIZATIONS = ['o0', 'o1', 'o2', 'o3']
const PEOPLE = ['p0', 'p1', 'p2']
const PATTERNS = ['users:*', 'users:read', 'users:delete', 'documents:*', 'documents:read', 'documents:delete', '*:*']
const POINTS = [
  'users:read',
  'users:delete',
  'users:sync',
  'documents:read',
  'documents:delete',
  'documents:any',
  'any:any',
]

/** Who is who at one moment, as generated. */
interface State {
  /** The parent of each organization is one before it, or none. */
  parents: number[]
  roles: { at: number; allow: string[]; deny: string[]; below: boolean }[]
  /** A group holds people, and groups that come after it. */
  groups: { at: number; members: string[]; nested: number[]; roles: number[] }[]
  direct: Record<string, number[]>
}

const some = <T>(from: T[], maxLength = 3) => fc.uniqueArray(fc.constantFrom(...from), { maxLength })
const state: fc.Arbitrary<State> = fc.record({
  parents: fc.tuple(...ORGANIZATIONS.map((_, at) => fc.integer({ min: -1, max: at - 1 }))),
  roles: fc.array(fc.record({ at: fc.nat(3), allow: some(PATTERNS), deny: some(PATTERNS, 1), below: fc.boolean() }), {
    minLength: 4,
    maxLength: 4,
  }),
  groups: fc.tuple(
    ...[0, 1, 2].map(at =>
      fc.record({
        at: fc.nat(1),
        members: some(PEOPLE),
        nested: some([0, 1, 2]).map(all => all.filter(other => other > at)),
        roles: some([0, 1, 2, 3], 2),
      }),
    ),
  ),
  direct: fc.record(
    Object.fromEntries(PEOPLE.flatMap(who => ORGANIZATIONS.map(at => [`${who} ${at}`, some([0, 1, 2, 3], 2)]))),
  ),
})
/** Two that have parts in common, as before and after an edit. */
const edit = fc
  .tuple(state, state, fc.tuple(fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean()))
  .map(([before, other, [parents, roles, groups, direct]]): [State, State] => [
    before,
    {
      parents: (parents ? other : before).parents,
      roles: (roles ? other : before).roles,
      groups: (groups ? other : before).groups,
      direct: (direct ? other : before).direct,
    },
  ])

/** Edits that move organizations, where roles of the topmost reach down. */
const moving = fc
  .tuple(edit, fc.boolean(), fc.uniqueArray(fc.nat(3), { minLength: 1, maxLength: 2 }))
  .map(([[before, after], withRoles, direct]): [State, State] => {
    const reaching = ({ roles }: State) => roles.map(role => ({ ...role, at: 0, below: true }))
    const of = (state: State, parents: number[], roles: State['roles']) => ({
      ...state,
      parents,
      roles,
      direct: { ...state.direct, 'p0 o0': direct },
    })
    const below = (parents: number[]) =>
      parents.map((parent, at) => (at > 0 && parent < 0 && at % 2 === 1 ? 0 : parent))
    return [
      of(before, below(before.parents), reaching(before)),
      of(after, after.parents, reaching(withRoles ? after : before)),
    ]
  })

const chainOf = ({ parents }: State, at: number): number[] => {
  const parent = parents[at] ?? -1
  return [at, ...(parent < 0 ? [] : chainOf({ parents } as State, parent))]
}

const belowOf = (of: State, at: number): number[] =>
  ORGANIZATIONS.map((_, one) => one).filter(one => one !== at && chainOf(of, one).includes(at))

/** What a person has by one membership, written out: each thing and each single permission, here, for anything below, and in each organization below. */
const written = (of: State, who: string, at: number): { has: Set<string>; denied: Set<string> } => {
  const isIn = (group: number): boolean => {
    const { at: where, members, nested } = of.groups[group] as State['groups'][number]
    return where === at && (members.includes(who) || nested.some(isIn))
  }
  const groups = of.groups.flatMap((group, index) => (isIn(index) ? [{ ...group, name: `group g${index}` }] : []))
  const given = [...(of.direct[`${who} o${at}`] ?? []), ...groups.flatMap(group => group.roles)]
  const chain = chainOf(of, at)
  const names = [...new Set(given)].filter(role => chain.includes(of.roles[role]?.at ?? -1))
  const has = new Set([...groups.map(group => group.name), ...names.map(role => `role r${role}`)])
  const denied = new Set<string>()
  for (const point of POINTS)
    for (const where of ['here', 'below']) {
      const says = (patterns: 'allow' | 'deny') =>
        names.some(name => {
          const role = of.roles[name] as State['roles'][number]
          if (where === 'below' && !role.below) return false
          const [area] = point.split(':')
          return role[patterns].some(pattern => [point, `${area}:*`, '*:*'].includes(pattern))
        })
      const places = where === 'here' ? ['here'] : ['below', ...belowOf(of, at).map(one => `o${one}`)]
      for (const place of places)
        if (says('deny')) denied.add(`${place} ${point}`)
        else if (says('allow')) has.add(`${place} ${point}`)
    }
  return { has, denied }
}

const metadata = (name: string) => ({
  name,
  uid: name,
  resourceVersion: '1',
  generation: 1,
  creationTimestamp: '2026-11-22T08:00:00Z',
})
const derived = (of: State, who: string, at: number) => {
  const roles = of.roles.map(
    ({ at, allow, deny, below }, index): Role => ({
      apiVersion: 'roster.dev/v1alpha1',
      kind: 'Role',
      metadata: metadata(`r${index}`),
      spec: { organization: `o${at}`, allow, deny, scope: below ? 'Descendants' : 'Organization' },
    }),
  )
  const groups = of.groups.map(
    ({ at, members, nested, roles }, index): Group => ({
      apiVersion: 'roster.dev/v1alpha1',
      kind: 'Group',
      metadata: metadata(`g${index}`),
      spec: {
        organization: `o${at}`,
        members,
        groups: nested.map(one => `g${one}`),
        roles: roles.map(one => `r${one}`),
      },
    }),
  )
  return deriveAccess({
    organization: `o${at}`,
    roles: (of.direct[`${who} o${at}`] ?? []).map(role => ({ role: `r${role}`, how: 'declared' })),
    user: { name: who, facts: { name: who, labels: {}, email: `${who}@acme.example`, external: false }, settled: [] },
    lookups: {
      role: name => roles.find(one => one.metadata.name === name),
      organizationChain: name => chainOf(of, Number(name.slice(1))).map(one => `o${one}`),
      organizationsBelow: name => belowOf(of, Number(name.slice(1))).map(one => `o${one}`),
      groups: groupResolver(groupLookups(groups)),
    },
  })
}

/** Whether settled access gives something in an organization, here or below. */
const gives = ({ roles, groups, permissions, reach }: Access, at: number, where: number, permission: string): boolean =>
  canDo({
    permission,
    chain: [`o${where}`],
    memberships: [
      {
        ...newMembership({ organization: `o${at}`, address: 'p@acme.example', nonce: Buffer.alloc(32), now: 0 }),
        joined: { time: '2026-11-22T08:00:00Z', how: 'Declared' },
        settled: { roles, groups, permissions, ...(reach && { reach }), time: '2026-11-22T08:00:00Z' },
      },
    ],
    suspended: false,
    now: 0,
  }).may

describe('the losses of an edit', () => {
  it('name exactly those who have less, in every organization, and what is written at once takes nothing', () => {
    let [taking, cut] = [0, 0]
    fc.assert(
      fc.property(fc.oneof(edit, moving), ([before, after]) => {
        for (const who of PEOPLE)
          for (const at of ORGANIZATIONS.keys()) {
            const [was, is] = [written(before, who, at), written(after, who, at)]
            const less = [...was.has].some(one => !is.has.has(one)) || [...is.denied].some(one => !was.denied.has(one))
            const settled = derived(before, who, at)
            const comparison = compareAccess(settled, derived(after, who, at))
            expect([who, at, !isNothing(comparison.losses)]).toEqual([who, at, less])
            expect(isNothing(compareAccess(settled, comparison.settledAfterGains).losses)).toBe(true)
            if (less) taking++
            if (comparison.losses.reach) cut++
            // Nor does it give anything anywhere that neither of the two gives, and it is written once.
            const [mid, whole] = [comparison.settledAfterGains, derived(after, who, at)]
            for (const one of ORGANIZATIONS.keys())
              for (const point of POINTS)
                if (gives(mid, at, one, point))
                  expect([at, one, point, gives(settled, at, one, point) || gives(whole, at, one, point)]).toEqual([
                    at,
                    one,
                    point,
                    true,
                  ])
            const again = compareAccess(mid, whole)
            expect([again.settledAfterGains, isNothing(again.losses)]).toEqual([mid, isNothing(comparison.losses)])
          }
      }),
    )
    expect(taking).toBeGreaterThan(100)
    expect(cut).toBeGreaterThan(30)
  })
})
