import { describe, expect, it } from 'vitest'
import type { Group, GroupSpec } from '../../src/api/group.ts'
import { cyclesFrom, cycleThrough } from '../../src/decide/cycles.ts'
import { groupLookups, groupResolver } from '../../src/decide/groups.ts'
import fc from '../properties.ts'

const group = (name: string, spec: Partial<GroupSpec> = {}): Group => ({
  apiVersion: 'roster.dev/v1alpha1',
  kind: 'Group',
  metadata: { name, uid: name, resourceVersion: '1', generation: 1, creationTimestamp: '2026-11-22T08:00:00Z' },
  spec: { organization: 'acme', ...spec },
})

const person = (name: string, { team = 'none', settled = [] as string[] } = {}) => ({
  name,
  facts: { name, labels: { team }, email: `${name}@acme.example`, external: false },
  settled,
})

const groupsOf = (groups: Group[], who: ReturnType<typeof person>, organization = 'acme') =>
  groupResolver(groupLookups(groups))
    .groupsOf(who, organization)
    .map(({ group: name, path, how }) => [name, path.join('>'), how])

describe('groups', () => {
  it('list people, nest, and match by expression, with the shortest way in', () => {
    const groups = [
      group('oncall', { members: ['alice'] }),
      group('platform', { groups: ['oncall'] }),
      group('everyone', { groups: ['platform', 'oncall'] }),
      group('red', { membersWhere: 'user.labels.team == "red"' }),
      group('colours', { groups: ['red'] }),
    ]
    expect(groupsOf(groups, person('alice', { team: 'red' }))).toEqual([
      ['colours', 'red>colours', 'nested'],
      ['everyone', 'oncall>everyone', 'nested'],
      ['oncall', 'oncall', 'listed'],
      ['platform', 'oncall>platform', 'nested'],
      ['red', 'red', 'expression'],
    ])
    expect(groupsOf(groups, person('bob'))).toEqual([])
  })

  it('of another organization mean nothing here, not even nested', () => {
    const groups = [
      group('theirs', { organization: 'other', members: ['alice'] }),
      group('ours', { groups: ['theirs'] }),
      group('theirs-outer', { organization: 'other', groups: ['theirs'] }),
    ]
    expect(groupsOf(groups, person('alice'))).toEqual([])
    expect(groupsOf(groups, person('alice'), 'other').map(([name]) => name)).toEqual(['theirs', 'theirs-outer'])
  })

  it('on a cycle keep who is settled in them and let nobody else in', () => {
    const groups = [
      group('a', { members: ['alice', 'bob'], groups: ['b'] }),
      group('b', { groups: ['a'] }),
      group('outer', { groups: ['a'] }),
    ]
    expect(groupsOf(groups, person('alice', { settled: ['a', 'outer'] }))).toEqual([
      ['a', 'a', 'held'],
      ['outer', 'a>outer', 'nested'],
    ])
    expect(groupsOf(groups, person('bob'))).toEqual([])
    expect(groupsOf(groups, person('dropped', { settled: ['b'] }))).toEqual([['b', 'b', 'held']])
    expect(groupsOf([group('self', { members: ['alice'], groups: ['self'] })], person('alice'))).toEqual([])
  })

  it('name the cycle they are on', () => {
    const resolver = groupResolver(
      groupLookups([
        group('a', { groups: ['b'] }),
        group('b', { groups: ['c', 'd'] }),
        group('c', { groups: ['a'] }),
        group('d'),
      ]),
    )
    expect(resolver.cycleOf('a')).toEqual(['a', 'b', 'c', 'a'])
    expect(resolver.cycleOf('d')).toBeUndefined()
  })

  it('with a failing expression keep the verdict before', () => {
    const groups = [group('odd', { membersWhere: 'user.name + 1 == 2', members: ['bob'] })]
    expect(groupsOf(groups, person('alice', { settled: ['odd'] }))).toEqual([['odd', 'odd', 'held']])
    expect(groupsOf(groups, person('carol'))).toEqual([])
    expect(groupsOf(groups, person('bob'))).toEqual([['odd', 'odd', 'listed']])
  })

  it('that are gone are gone, whatever is settled', () => {
    expect(groupsOf([], person('alice', { settled: ['old'] }))).toEqual([])
  })

  it('list the people in them and in those nested in them', () => {
    const resolver = groupResolver(
      groupLookups([
        group('a', { members: ['alice'], groups: ['b'] }),
        group('b', { members: ['bob', 'alice'], groups: ['a'] }),
      ]),
    )
    expect([...resolver.listedIn('a')]).toEqual([
      ['alice', ['a']],
      ['bob', ['b', 'a']],
    ])
    expect(resolver.listedIn('gone').size).toBe(0)
  })

  it('agree with reading all groups over and over', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    const edges = fc.array(fc.tuple(fc.constantFrom(...names), fc.constantFrom(...names)), { maxLength: 9 })
    fc.assert(
      fc.property(edges, fc.subarray(names), fc.subarray(names), (nested, listed, settled) => {
        const inside = (name: string) => nested.filter(([outer]) => outer === name).map(([, inner]) => inner)
        const reach = (from: string): Set<string> => {
          const seen = new Set<string>()
          const line = [from]
          for (const at of line)
            for (const inner of inside(at)) if (!seen.has(inner)) line.push(...(seen.add(inner) && [inner]))
          return seen
        }
        const stalled = names.filter(name => reach(name).has(name))
        const groups = names.map(name =>
          group(name, { groups: [...new Set(inside(name))], members: listed.includes(name) ? ['alice'] : [] }),
        )
        const expected = new Set(names.filter(name => (stalled.includes(name) ? settled : listed).includes(name)))
        for (let grew = true; grew; ) {
          grew = false
          for (const name of names)
            if (!stalled.includes(name) && !expected.has(name) && inside(name).some(inner => expected.has(inner)))
              grew = !!expected.add(name)
        }
        expect(groupsOf(groups, person('alice', { settled })).map(([name]) => name)).toEqual([...expected].sort())
      }),
      { numRuns: 500 },
    )
  })

  it('nested a thousand deep are resolved for ten thousand people without reading them all each time', () => {
    const groups = Array.from({ length: 1000 }, (_, at) =>
      group(`g${at}`, {
        members: Array.from({ length: 10 }, (_, who) => `u${at * 10 + who}`),
        // Trees ten wide and three deep.
        groups:
          at < 100
            ? Array.from({ length: 10 }, (_, child) => `g${(at + 1) * 10 + child}`).filter(
                name => Number(name.slice(1)) < 1000,
              )
            : [],
      }),
    )
    let looked = 0
    const lookups = groupLookups(groups)
    const counting = {
      ...lookups,
      get: (name: string) => {
        looked++
        return lookups.get(name)
      },
      containing: (name: string) => {
        looked++
        return lookups.containing(name)
      },
    }
    const resolver = groupResolver(counting)
    let found = 0
    for (let at = 0; at < 10_000; at++) found += resolver.groupsOf(person(`u${at}`), 'acme').length
    expect(found).toBeGreaterThan(10_000)
    expect(looked / 10_000).toBeLessThan(30)
  })
})

describe('cycles', () => {
  it('are found in a chain deeper than a call stack', () => {
    const depth = 50_000
    const next = (node: string) => [String((Number(node) + 1) % depth)]
    expect(cyclesFrom(['0'], next).size).toBe(depth)
    expect(cycleThrough('0', next)).toHaveLength(depth + 1)
  })
})
