import { describe, expect, it } from 'vitest'
import { Pace } from '../../src/reconcilers/pace.ts'

describe('a pace', () => {
  it('lets a few runs go at once, and then one in each interval', () => {
    const pace = new Pace(1000)
    const taken = Array.from({ length: 12 }, () => pace.take('a', 0))
    expect(taken).toEqual([...Array(8).fill(undefined), 1000, 1000, 1000, 1000])
    expect(pace.take('b', 0)).toBeUndefined()
    expect(pace.take('a', 999)).toBe(1000)
    expect(pace.take('a', 1000)).toBeUndefined()
    expect(pace.take('a', 1500)).toBe(2000)
    expect([2500, 2500].map(now => pace.take('a', now))).toEqual([undefined, 3000])
  })

  it('lets as many go again after a quiet time, and no more', () => {
    const pace = new Pace(1000)
    for (let at = 0; at < 8; at++) pace.take('a', 0)
    const taken = Array.from({ length: 9 }, () => pace.take('a', 3_600_000))
    expect(taken).toEqual([...Array(8).fill(undefined), 3_601_000])
  })
})
