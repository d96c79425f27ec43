import { describe, expect, it } from 'vitest'
import { compareVersions } from '../../src/store/version.ts'
import fc from '../properties.ts'

describe('compareVersions', () => {
  it.each([
    { older: '9', newer: '10', because: 'they are numbers, not texts' },
    { older: '9007199254740993', newer: '9007199254740994', because: 'they may be larger than a double holds' },
    { older: '0099', newer: '100', because: 'leading zeros say nothing' },
    { older: '7', newer: '7+1', because: 'an overlay goes on from the version below it' },
    { older: '7+9', newer: '7+10', because: 'each part is a number' },
    { older: '7+9', newer: '8', because: 'the first part counts first' },
  ])('$older is older than $newer: $because', ({ older, newer }) => {
    expect(compareVersions(older, newer)).toBeLessThan(0)
    expect(compareVersions(newer, older)).toBeGreaterThan(0)
  })

  it('agrees with the order of whole numbers', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 80n }), fc.bigInt({ min: 0n, max: 2n ** 80n }), (a, b) => {
        expect(Math.sign(compareVersions(String(a), String(b)))).toBe(a < b ? -1 : a > b ? 1 : 0)
      }),
    )
  })

  it('refuses what no store of ours gives', () => {
    expect(() => compareVersions('7', 'W/"abc"')).toThrow('no resourceVersion that can be ordered')
  })
})
