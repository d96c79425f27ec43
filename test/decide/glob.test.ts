import { describe, expect, it } from 'vitest'
import { matchesGlob, matchesPath } from '../../src/decide/glob.ts'
import fc from '../properties.ts'

describe('a pattern of names', () => {
  it.each([
    ['acme', 'acme', true],
    ['acme', 'acme-2', false],
    ['acme-*', 'acme-2', true],
    ['*', 'anything', true],
    ['a*a', 'a', false],
  ])('%s and %s: %s', (pattern, name, expected) => {
    expect(matchesGlob(pattern, name)).toBe(expected)
  })
})

describe('a pattern of paths', () => {
  it.each([
    ['users/alice.yaml', 'users/alice.yaml', true],
    ['users/*.yaml', 'users/alice.yaml', true],
    ['users/*.yaml', 'users/acme/alice.yaml', false],
    ['users/*', 'users/alice.yaml', true],
    ['*', 'users/alice.yaml', false],
    ['**', 'users/alice.yaml', true],
    ['users/**', 'users/acme/alice.yaml', true],
    ['users/**', 'users.yaml', false],
    ['**/acme/*.yaml', 'acme/alice.yaml', true],
    ['**/acme/*.yaml', 'a/b/acme/alice.yaml', true],
    ['**/acme/*.yaml', 'a/acme/b/alice.yaml', false],
    ['a/**/b/**/c', 'a/b/b/x/c', true],
    ['a/**/b/**/c', 'a/x/c', false],
  ])('%s and %s: %s', (pattern, path, expected) => {
    expect(matchesPath(pattern, path)).toBe(expected)
  })

  it('means what the regular expression of the same meaning does', () => {
    const part = fc.constantFrom('a', 'b', 'ab', '*', 'a*', '*b', '**')
    const name = fc.constantFrom('a', 'b', 'ab', 'aab', 'c')
    fc.assert(
      fc.property(
        fc.array(part, { minLength: 1, maxLength: 5 }),
        fc.array(name, { minLength: 1, maxLength: 5 }),
        (parts, names) => {
          const source = parts.map(one => (one === '**' ? '([^/]+/)*' : `${one.replaceAll('*', '[^/]*')}/`)).join('')
          expect(matchesPath(parts.join('/'), names.join('/'))).toBe(
            new RegExp(`^${source}$`).test(`${names.join('/')}/`),
          )
        },
      ),
      { numRuns: 2000 },
    )
  })
})
