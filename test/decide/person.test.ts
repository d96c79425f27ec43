import { describe, expect, it } from 'vitest'
import type { UserMembership } from '../../src/api/user.ts'
import { mostOf, type Standing, standingOf, turnsAt } from '../../src/decide/person.ts'

const now = Date.parse('2026-03-10T12:00:00Z')
const acme = (more: Partial<UserMembership> = {}): UserMembership => ({ organization: 'acme', ...more })

describe('where a declaration stands', () => {
  const berlin = (text: string) => Date.parse(`${text}T00:00:00+01:00`)
  const cases: [because: string, entry: UserMembership | undefined, standing: Standing][] = [
    ['nothing is declared', undefined, { is: 'absent' }],
    ['no dates', acme(), { is: 'open' }],
    ['its day has not come', acme({ from: '2026-03-11' }), { is: 'waiting', from: berlin('2026-03-11') }],
    ['its day is today', acme({ from: '2026-03-10' }), { is: 'open' }],
    [
      'its last day is today: to the end of it',
      acme({ until: '2026-03-10' }),
      { is: 'open', until: berlin('2026-03-11') },
    ],
    [
      'its last day was yesterday',
      acme({ until: '2026-03-09' }),
      { is: 'over', why: 'Until', until: berlin('2026-03-10') },
    ],
    ['a moment, not a day', acme({ until: '2026-03-10T12:00:00Z' }), { is: 'over', why: 'Until', until: now }],
    [
      'over before it begins: it never begins',
      acme({ from: '2026-03-20', until: '2026-03-01' }),
      { is: 'over', why: 'Until', until: berlin('2026-03-02') },
    ],
    ['Ended, whatever the dates say', acme({ state: 'Ended', from: '2026-03-20' }), { is: 'over', why: 'Ended' }],
  ]
  it.each(cases)('%s', (_because, entry, standing) => {
    expect(standingOf(entry, { now, timeZone: 'Europe/Berlin' })).toEqual(standing)
  })
})

describe('when a standing changes by itself', () => {
  it('is at its beginning or its end, whichever comes first', () => {
    expect(turnsAt({ is: 'open' })).toBeUndefined()
    expect(turnsAt({ is: 'open', until: 5 })).toBe(5)
    expect(turnsAt({ is: 'waiting', from: 7 })).toBe(7)
    expect(turnsAt({ is: 'waiting', from: 7, until: 5 })).toBe(5)
    expect(turnsAt({ is: 'over', why: 'Ended' })).toBeUndefined()
    expect(turnsAt({ is: 'absent' })).toBeUndefined()
  })
})

describe('what a person is, for display', () => {
  it('is the most that they are anywhere', () => {
    expect(mostOf(['Ended', 'Invited', 'Active'])).toBe('Active')
    expect(mostOf(['Left', 'Restricted', 'Invited'])).toBe('Restricted')
    expect(mostOf(['Waiting', 'Ended'])).toBe('Ended')
    expect(mostOf(['Waiting'])).toBeUndefined()
    expect(mostOf([])).toBeUndefined()
  })
})
