import { describe, expect, it } from 'vitest'
import { didYouMean, editDistance, nearest } from '../../src/manifests/suggest.ts'
import fc from '../properties.ts'

const roles = ['admin', 'editor', 'viewer', 'billing', 'EU-admin']

describe('a suggestion', () => {
  it.each([
    ['editr', 'editor'],
    ['eidtor', 'editor'],
    ['Editor', 'editor'],
    ['eu-admin', 'EU-admin'],
    ['veiwr', 'viewer'],
    ['biling', 'billing'],
    ['owner', undefined],
    ['', undefined],
    ['x'.repeat(1000), undefined],
  ])('for %s is %s', (word, expected) => {
    expect(nearest(word, roles)).toBe(expected)
  })

  it('is the nearest, whatever stands first', () => {
    expect(nearest('displayNme', ['displayName', 'customerId'])).toBe('displayName')
    expect(nearest('displayNme', ['customerId', 'displayName'])).toBe('displayName')
  })

  it('reads as a question at the end of a message', () => {
    expect(didYouMean('editr', roles)).toBe('; did you mean "editor"?')
    expect(didYouMean('owner', roles)).toBe('')
  })
})

describe('the distance of two texts', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 8 })

  it('is the same both ways, nothing only for equal ones, and never above the bound by more than one', () => {
    fc.assert(
      fc.property(word, word, fc.integer({ min: 0, max: 8 }), (a, b, most) => {
        const distance = editDistance(a, b, most)
        return distance === editDistance(b, a, most) && (distance === 0) === (a === b) && distance <= most + 1
      }),
    )
  })

  it('counts one for exchanged neighbours', () => {
    expect(editDistance('roster.dev', 'rotser.dev', 2)).toBe(1)
    expect(editDistance('roster.dev', 'rster.dev', 2)).toBe(1)
    expect(editDistance('abc', 'xyz', 2)).toBe(3)
  })
})
