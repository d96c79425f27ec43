import { describe, expect, it } from 'vitest'
import type { SeatKey, Slot } from '../../src/api/seatledger.ts'
import { claimKeys, type KeyedPage, keyBatches, PAGE_KEYS } from '../../src/decide/license-keys.ts'
import fc from '../properties.ts'

const NOW = Date.parse('2026-11-22T09:00:00Z')
const T = new Date(NOW).toISOString()
const slot = (number: number, name: string, more: Partial<Slot> = {}): Slot => ({
  slot: number,
  holder: `user/${name}`,
  address: `${name}@acme.example`,
  state: 'Used',
  since: T,
  ...more,
})
const key = (fingerprint: string, name: string, more: Partial<SeatKey> = {}): SeatKey => ({
  fingerprint,
  holder: `user/${name}`,
  address: `${name}@acme.example`,
  slot: 0,
  time: '2026-01-01T00:00:00.000Z',
  ...more,
})
const claim = (pages: KeyedPage[], available: string[], names: string[], elsewhere: string[] = []) =>
  claimKeys({
    pages,
    mailed: new Map(names.map(name => [`user/${name}`, [`${name}@acme.example`]])),
    available,
    elsewhere: new Set(elsewhere),
    now: NOW,
  })
const page = (slots: Slot[], keys: SeatKey[] = []): KeyedPage => ({ page: 0, slots, keys })

describe('licence keys', () => {
  it('go in their order, one a used seat, to those whose keys are mailed', () => {
    const slots = [slot(0, 'a'), slot(1, 'b', { state: 'Reserved' }), slot(2, 'c'), slot(3, 'a'), slot(4, 'd')]
    const { pages, short } = claim([page(slots)], ['k1', 'k2', 'k3'], ['a', 'b', 'd'])
    expect(pages.get(0)?.map(one => `${one.fingerprint} ${one.holder} ${one.slot}`)).toEqual([
      'k1 user/a 0',
      'k2 user/a 3',
      'k3 user/d 4',
    ])
    expect(short).toEqual([])
  })

  it('that were ever claimed count: here, elsewhere, and by an address under another holder', () => {
    const pages = [
      page([slot(0, 'a'), slot(1, 'b')], [key('k1', 'gone'), key('k2', 'older', { address: 'a@acme.example' })]),
    ]
    expect(claim(pages, ['k1', 'k2', 'k3', 'k4'], ['a', 'b'], ['k3']).pages.get(0)?.slice(2)).toMatchObject([
      { fingerprint: 'k4', holder: 'user/b' },
    ])
  })

  it('are all of them or none, whoever has had a seat longest first', () => {
    const early = { since: '2026-01-01T00:00:00.000Z' }
    const slots = [slot(0, 'late'), slot(1, 'two', early), slot(2, 'two', early), slot(3, 'late')]
    const { pages, short } = claim([page(slots)], ['k1', 'k2', 'k3'], ['late', 'two'])
    expect(pages.get(0)?.map(one => one.holder)).toEqual(['user/two', 'user/two'])
    expect(short).toEqual(['user/late'])
  })

  it('go to another page when one remembers as many as it can', () => {
    const full = Array.from({ length: PAGE_KEYS }, (_, at) => key(`x${at}`, 'gone'))
    const pages = [page([slot(0, 'a')], full), { page: 1, slots: [], keys: [] }]
    expect([...claim(pages, ['k1'], ['a']).pages.keys()]).toEqual([1])
    expect(claim(pages.slice(0, 1), ['k1'], ['a'])).toEqual({ pages: new Map(), short: ['user/a'] })
  })

  it('that were claimed at once go in one mail', () => {
    const batches = keyBatches([
      page([], [key('k1', 'a', { time: T }), key('k2', 'b', { time: T }), key('k3', 'a', { time: T }), key('k4', 'a')]),
    ])
    expect(batches.map(batch => batch.fingerprints)).toEqual([['k1', 'k3'], ['k2'], ['k4']])
  })

  it('are never given to two people, and claimed again they are not', () => {
    const step = fc.record({
      seats: fc.array(
        fc.tuple(fc.constantFrom(...'abcde'), fc.constantFrom<Slot['state']>('Used', 'Reserved', 'Releasing')),
        { maxLength: 8 },
      ),
      keys: fc.integer({ min: 0, max: 9 }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 6 }), steps => {
        let keys: SeatKey[] = []
        for (const { seats, keys: many } of steps) {
          const slots = seats.map(([name, state], at) => slot(at, name, { state }))
          const ring = Array.from({ length: many }, (_, at) => `k${at}`)
          const first = claim([page(slots, keys)], ring, [...'abcde'])
          keys = first.pages.get(0) ?? keys
          expect(new Set(keys.map(one => one.fingerprint)).size).toBe(keys.length)
          for (const name of 'abcde') {
            const used = slots.filter(one => one.holder === `user/${name}` && one.state === 'Used').length
            const had = keys.filter(one => one.holder === `user/${name}`).length
            if (!first.short.includes(`user/${name}`)) expect(had).toBeGreaterThanOrEqual(used)
          }
          expect(claim([page(slots, keys)], ring, [...'abcde']).pages.size).toBe(0)
        }
      }),
    )
  })
})
