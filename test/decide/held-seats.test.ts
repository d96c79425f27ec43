import { describe, expect, it } from 'vitest'
import type { Slot } from '../../src/api/seatledger.ts'
import { holdersThatDiffer, seatsOf } from '../../src/decide/held-seats.ts'

const T = () => '2026-11-22T09:00:00.000Z'
const slot = (number: number, name: string, more: Partial<Slot> = {}): Slot => ({
  slot: number,
  holder: `user/${name}`,
  address: `${name}@acme.example`,
  state: 'Used',
  since: T(),
  ...more,
})

describe('seats of a person', () => {
  it('are found by any key of theirs, added up by pool', () => {
    const ledgers = [
      {
        pool: 'suite',
        slots: [slot(0, 'a'), slot(1, 'a', { state: 'Releasing' }), slot(2, 'b')],
        waiting: [{ holder: 'user/a', since: T(), quantity: 2 }],
      },
      { pool: 'tools', slots: [slot(0, 'older', { address: 'a@acme.example', state: 'Reserved' })] },
      { pool: 'zoo', slots: [], waiting: [{ holder: 'user/a', since: T(), quantity: 3 }] },
    ]
    expect(seatsOf(ledgers, ['user/a', 'address/a@acme.example'])).toEqual([
      { pool: 'suite', quantity: 2, state: 'Used' },
      { pool: 'tools', quantity: 1, state: 'Reserved' },
      { pool: 'zoo', quantity: 3, state: 'Waiting' },
    ])
  })
})

describe('a page that changed', () => {
  it('concerns only those of whom it says something else', () => {
    const before = {
      slots: [slot(0, 'a'), slot(1, 'b'), slot(2, 'c')],
      waiting: [{ holder: 'user/w', since: T(), quantity: 1 }],
    }
    const after = { slots: [slot(0, 'a'), slot(1, 'b', { state: 'Releasing' }), slot(2, 'w')] }
    const both = (name: string) => [`user/${name}`, `address/${name}@acme.example`]
    expect(holdersThatDiffer(before, after)).toEqual([...both('b'), ...both('c'), 'user/w'])
    expect(holdersThatDiffer(after, before)).toEqual([...both('b'), ...both('w')])
    expect(holdersThatDiffer(before, before)).toEqual([])
    expect(holdersThatDiffer(after, undefined)).toEqual([...both('a'), ...both('b'), ...both('w')])
  })
})
