import { describe, expect, it } from 'vitest'
import { countLack } from '../../../src/directories/keycloak/counting.ts'

describe('a count', () => {
  it.each([
    ['fits', { before: 5, after: 5, told: 5, foreign: 0 }, undefined],
    ['fits while somebody comes', { before: 5, after: 6, told: 5, foreign: 0 }, undefined],
    ['fits while somebody goes', { before: 5, after: 4, told: 5, foreign: 0 }, undefined],
    ['lacks somebody', { before: 5, after: 5, told: 4, foreign: 0 }, 'NotAllowed'],
    ['lacks everybody', { before: 5, after: 5, told: 0, foreign: 0 }, 'NotAllowed'],
    ['is lower than those who came', { before: 5, after: 5, told: 6, foreign: 0 }, 'Retrying'],
    ['may leave out who is kept elsewhere', { before: 5, after: 5, told: 8, foreign: 3 }, undefined],
    ['may count who is kept elsewhere', { before: 8, after: 8, told: 8, foreign: 3 }, undefined],
    ['misses more than those kept elsewhere', { before: 5, after: 5, told: 9, foreign: 3 }, 'Retrying'],
  ])('%s', (_, counts, reason) => {
    expect(countLack({ what: 'people', ...counts })?.reason).toBe(reason)
  })
})
