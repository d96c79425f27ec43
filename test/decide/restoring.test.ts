import { describe, expect, it } from 'vitest'
import { unreadSince } from '../../src/decide/restoring.ts'

const time = '2026-03-02T09:00:00.000Z'
const read = (name: string, lastCompleteTime?: string, going = false) => ({
  metadata: { name, ...(going && { deletionTimestamp: time }) },
  ...(lastCompleteTime !== undefined && { status: { lastCompleteTime } }),
})
const directory = (policy: string, ...of: Parameters<typeof read>) => ({ ...read(...of), spec: { policy } })
const [before, after] = ['2026-03-02T08:59:59.999Z', '2026-03-02T09:00:00.000Z']

describe('what has to be read before a restored realm is let go', () => {
  it.each([
    ['a source that was never read', [read('people')], [], ['Source/people']],
    ['a source that was read before', [read('people', before)], [], ['Source/people']],
    ['no source that was read since', [read('people', after)], [], []],
    ['no source that is going', [read('people', undefined, true)], [], []],
    ['a directory that people come from', [], [directory('Import', 'hr', before)], ['Directory/hr']],
    ['no such directory that was read since', [], [directory('Import', 'hr', after)], []],
    ['no directory that is only observed', [], [directory('Observe', 'hr')], []],
    [
      'all of them, sources first',
      [read('b'), read('a')],
      [directory('Export', 'd'), directory('Import', 'c')],
      ['Source/a', 'Source/b', 'Directory/c', 'Directory/d'],
    ],
  ])('is %s', (_, sources, directories, unread) => {
    expect(unreadSince({ sources, directories }, { time })).toEqual(unread)
  })
})
