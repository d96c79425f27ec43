import { describe, expect, it } from 'vitest'
import type { Group } from '../../src/api/group.ts'
import { IndexedCache } from '../../src/runtime/cache.ts'
import fc from '../properties.ts'
import { group } from './scriptedstore.ts'

const byMember = { Group: { member: (each: Group) => each.spec.members ?? [] } }
const names = (groups: readonly Group[]) => groups.map(({ metadata }) => metadata.name)

describe.each([{ lazy: false }, { lazy: true }])('IndexedCache %j', options => {
  it('finds by an index what a search would find, ordered by name, after any changes', () => {
    const members = ['alice', 'bob', 'carol']
    const step = fc.record({
      name: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      members: fc.option(fc.subarray(members), { nil: undefined }),
      look: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), steps => {
        const cache = new IndexedCache(['Group'], byMember, options)
        const model = new Map<string, string[]>()
        let version = 0
        for (const { name, members: wanted, look } of steps) {
          if (wanted) {
            cache.set(group(name, ++version, { members: wanted }))
            model.set(name, wanted)
          } else {
            cache.delete('Group', name)
            model.delete(name)
          }
          if (!look) continue
          for (const member of members) {
            const expected = [...model].flatMap(([name, list]) => (list.includes(member) ? [name] : [])).sort()
            expect(names(cache.by('Group', 'member', member))).toEqual(expected)
          }
          expect([...cache.values('Group', 'member')].sort()).toEqual([...new Set([...model.values()].flat())].sort())
          expect(cache.count('Group')).toBe(model.size)
        }
      }),
    )
  })

  it('gives the newest object, and never changes a list that it gave away', () => {
    const cache = new IndexedCache(['Group'], byMember, options)
    for (const name of ['b', 'a']) cache.set(group(name, 1, { members: ['alice'] }))
    const given = cache.by('Group', 'member', 'alice')
    cache.set(group('c', 2, { members: ['alice'] }))
    cache.set(group('a', 3, { members: ['alice'] }))
    cache.delete('Group', 'b')
    expect(given.map(({ metadata }) => [metadata.name, metadata.resourceVersion])).toEqual([
      ['a', '1'],
      ['b', '1'],
    ])
    const now = cache.by('Group', 'member', 'alice')
    expect(now.map(({ metadata }) => [metadata.name, metadata.resourceVersion])).toEqual([
      ['a', '3'],
      ['c', '2'],
    ])
  })

  it('changes nothing when an index throws', () => {
    const cache = new IndexedCache(['Group'], {
      Group: {
        member: each => each.spec.members ?? [],
        broken: each => {
          if (each.metadata.resourceVersion === '2') throw new Error('no index for this')
          return []
        },
      },
    })
    cache.set(group('a', 1, { members: ['alice'] }))
    expect(() => cache.set(group('a', 2, { members: ['bob'] }))).toThrow('no index for this')
    expect(names(cache.by('Group', 'member', 'alice'))).toEqual(['a'])
    expect(names(cache.by('Group', 'member', 'bob'))).toEqual([])
  })
})
