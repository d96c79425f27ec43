import { describe, expect, test } from 'vitest'
import { momentOf, spanOf } from '../../src/app/moment.ts'

const NOW = Date.parse('2026-11-22T10:00:00Z')

describe('a moment', () => {
  test.each([
    ['90m', '2026-11-22T08:30:00.000Z'],
    ['24h', '2026-11-21T10:00:00.000Z'],
    ['7d', '2026-11-15T10:00:00.000Z'],
    ['2w', '2026-11-08T10:00:00.000Z'],
    ['2026-11-01', '2026-11-01T00:00:00.000Z'],
    ['2026-11-01T09:00:00+02:00', '2026-11-01T07:00:00.000Z'],
  ])('%s is %s', (text, time) => expect(momentOf(text, NOW)).toBe(time))

  test.each(['yesterday', '', '7', '-7d', '2026-13-01', '1e3h', '99999999999d'])('%j is none', text =>
    expect(() => momentOf(text, NOW)).toThrow('is no time'),
  )
})

describe('a span', () => {
  test('is seconds, minutes or hours', () => {
    expect([spanOf('30s'), spanOf('5m'), spanOf('2h')]).toEqual([30_000, 300_000, 7_200_000])
    expect(() => spanOf('soon')).toThrow('is no duration')
    expect(() => spanOf('1d')).toThrow('is no duration')
  })
})
