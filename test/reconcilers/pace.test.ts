import { describe, expect, it } from 'vitest'
import { Pace } from '../../src/reconcilers/pace.ts'

describe('a pace', () => {
  it('lets eight of the largest runs go at once, and then one each time that its cost has come together', () => {
    const pace = new Pace(1000)
    const taken = Array.from({ length: 10 }, () => pace.take('a', 50_000, 0))
    expect(taken).toEqual([...Array(8).fill(undefined), 50_000, 50_000])
    expect(pace.take('b', 50_000, 0)).toBeUndefined()
    expect(pace.take('a', 50_000, 49_999)).toBe(50_000)
    expect(pace.take('a', 50_000, 50_000)).toBeUndefined()
    expect(pace.take('a', 50_000, 60_000)).toBe(100_000)
  })

  it('never holds up what costs little', () => {
    const pace = new Pace(100_000)
    for (let at = 0; at < 50_000; at++) expect(pace.take('a', 11, 0)).toBeUndefined()
  })

  it('takes an expensive run by what is left, and comes back when it is enough', () => {
    const pace = new Pace(1000)
    for (let at = 0; at < 15; at++) expect(pace.take('a', 500, 0)).toBeUndefined()
    expect(pace.take('a', 600, 0)).toBe(100)
    expect(pace.take('a', 600, 100)).toBeUndefined()
  })

  it('lets as many go again after a quiet time, and no more', () => {
    const pace = new Pace(1000)
    for (let at = 0; at < 8; at++) pace.take('a', 1000, 0)
    const taken = Array.from({ length: 9 }, () => pace.take('a', 1000, 3_600_000))
    expect(taken).toEqual([...Array(8).fill(undefined), 3_601_000])
  })
})
