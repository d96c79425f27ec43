import { describe, expect, it, test } from 'vitest'
import { isWorthNoting, type LastingRecord, lostRecords, type RecordCounts } from '../../src/decide/record-loss.ts'

const found = (counts: RecordCounts) => (kind: LastingRecord) => counts[kind] ?? 0

describe('records that are gone', () => {
  test.each<[string, RecordCounts, RecordCounts, string[]]>([
    ['nothing was counted', {}, {}, []],
    ['nothing was counted, and now there are some', {}, { Membership: 3 }, []],
    ['all are there', { Membership: 3, Account: 1 }, { Membership: 3, Account: 1 }, []],
    ['there are more', { Membership: 3 }, { Membership: 300 }, []],
    ['the only one is gone', { Membership: 1 }, {}, ['Membership']],
    ['all of a few are gone', { Membership: 4, Account: 2 }, { Account: 2 }, ['Membership']],
    [
      'all of each kind are gone',
      { Membership: 4, Account: 2, SeatLedger: 1 },
      {},
      ['Membership', 'Account', 'SeatLedger'],
    ],
    ['one of a few was forgotten by hand', { Membership: 4 }, { Membership: 3 }, []],
    ['five of some', { Membership: 40 }, { Membership: 35 }, []],
    ['six of some', { Membership: 40 }, { Membership: 34 }, ['Membership']],
    ['a tenth of many', { Membership: 1_000 }, { Membership: 900 }, []],
    ['more than a tenth of many', { Membership: 1_000 }, { Membership: 899 }, ['Membership']],
  ])('%s', (_, noted, now, kinds) => {
    expect(lostRecords(noted, found(now)).map(({ kind }) => kind)).toEqual(kinds)
  })

  it('say how many there were and are', () => {
    expect(lostRecords({ Account: 40 }, found({ Account: 3 }))).toEqual([{ kind: 'Account', noted: 40, found: 3 }])
  })
})

describe('counts', () => {
  it('are written down for the first record, and when there are a quarter more', () => {
    expect(isWorthNoting({}, found({}))).toBe(false)
    expect(isWorthNoting({}, found({ Account: 1 }))).toBe(true)
    expect(isWorthNoting({ Membership: 100 }, found({ Membership: 125 }))).toBe(false)
    expect(isWorthNoting({ Membership: 100 }, found({ Membership: 126 }))).toBe(true)
    expect(isWorthNoting({ Membership: 100 }, found({ Membership: 5 }))).toBe(false)
  })
})
