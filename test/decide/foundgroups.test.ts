import { describe, expect, it } from 'vitest'
import { emptied, FoundGroups } from '../../src/decide/foundgroups.ts'
import { believedGroups } from '../../src/decide/reading.ts'

const group = (id: string, users: string[], groups: string[] = [], name = id) => ({ id, name, users, groups })
const told = (wanted: string[], ...groups: ReturnType<typeof group>[]) => {
  const found = new FoundGroups(wanted)
  for (const one of groups) found.add(one)
  return found
}

describe('who is in groups of a directory', () => {
  it('is told of wanted groups only, by themselves and by groups in groups, whatever the order', () => {
    const groups = [
      group('a', ['1'], ['b']),
      group('b', ['2'], ['c']),
      group('c', ['3'], ['a', 'c']),
      group('d', ['4']),
    ]
    const expected = new Map([
      ['1', ['a', 'b']],
      ['2', ['a', 'b']],
      ['3', ['a', 'b']],
    ])
    expect(told(['b', 'a'], ...groups).members()).toEqual(expected)
    expect(told(['b', 'a'], ...groups.toReversed()).members()).toEqual(expected)
    expect(told([], ...groups).members()).toEqual(new Map())
  })

  it('leaves out groups that were not told', () => {
    expect(told(['a'], group('a', ['1'], ['gone'])).members()).toEqual(new Map([['1', ['a']]]))
  })

  it('is nobody in groups of one name', () => {
    const found = told(['a'], group('1', ['x'], [], 'a'), group('2', ['y'], [], 'a'))
    expect(found.members()).toEqual(new Map())
    expect(found.ambiguous).toEqual(['a'])
  })

  it('counts a group that comes twice once', () => {
    const found = told(['a'], group('a', ['x']), group('a', ['y']))
    expect([found.members(), found.ambiguous]).toEqual([new Map([['x', ['a']]]), []])
  })
})

it('a group that lost its last person is not believed, unless somebody says so', () => {
  expect(emptied([['a', 'b'], ['b']], new Map([['1', ['b']]]))).toEqual(['a'])
  const complete = { outcome: 'Complete' } as const
  const none = { emptied: [], ambiguous: [] }
  expect(believedGroups(complete, none, false)).toEqual(complete)
  expect(believedGroups(complete, { ...none, emptied: ['a'] }, false)).toMatchObject({ reason: 'EmptyDirectory' })
  expect(believedGroups(complete, { ...none, emptied: ['a'] }, true)).toEqual(complete)
  expect(believedGroups(complete, { ...none, ambiguous: ['a'] }, true)).toMatchObject({ outcome: 'Partial' })
})
