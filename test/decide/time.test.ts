import { describe, expect, it } from 'vitest'
import { durationMilliseconds, durationText, endOf, isDate, isTimeZone, startOf } from '../../src/decide/time.ts'

describe('a duration', () => {
  it.each([
    ['24h', 86_400_000],
    ['90m', 5_400_000],
    ['1h30m', 5_400_000],
    ['1h0m5s'.replace('0m', ''), 3_605_000],
    ['0s', 0],
  ])('%s is %i ms', (text, ms) => {
    expect(durationMilliseconds(text)).toBe(ms)
    expect(durationMilliseconds(durationText(ms))).toBe(ms)
  })
})

describe('a date', () => {
  it('begins and ends with the day of the organization, also on the days on which clocks are changed', () => {
    expect(new Date(startOf('2026-12-01', 'Europe/Berlin')).toISOString()).toBe('2026-11-30T23:00:00.000Z')
    expect(new Date(endOf('2026-12-01', 'Europe/Berlin')).toISOString()).toBe('2026-12-01T23:00:00.000Z')
    expect(endOf('2026-03-29', 'Europe/Berlin') - startOf('2026-03-29', 'Europe/Berlin')).toBe(23 * 3_600_000)
    expect(endOf('2026-10-25', 'Europe/Berlin') - startOf('2026-10-25', 'Europe/Berlin')).toBe(25 * 3_600_000)
  })
  it('with a time is that moment', () => {
    expect(startOf('2026-12-01T08:00:00+01:00', 'Asia/Tokyo')).toBe(Date.parse('2026-12-01T07:00:00Z'))
    expect(endOf('2026-12-01T08:00:00Z', 'Asia/Tokyo')).toBe(Date.parse('2026-12-01T08:00:00Z'))
  })
  it('must be in the calendar', () => {
    expect(['2026-02-28', '2028-02-29', '2026-12-01T08:00:00Z'].map(isDate)).toEqual([true, true, true])
    expect(['2026-02-29', '2026-02-30', '2026-04-31'].map(isDate)).toEqual([false, false, false])
  })
})

describe('a time zone', () => {
  it('must be known', () => {
    expect(['Europe/Berlin', 'UTC', 'Europe/Berln', 'x'].map(isTimeZone)).toEqual([true, true, false, false])
  })
})
