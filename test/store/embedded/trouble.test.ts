import { describe, expect, it } from 'vitest'
import { troubleOf } from '../../../src/store/embedded/trouble.ts'
import { StoreUnusableError } from '../../../src/store/errors.ts'

describe('trouble with the file of a store', () => {
  it.each([
    ['locked', 5, 'backoff'],
    ['of a locked table', 6, 'backoff'],
    ['read-only', 8, 'backoff'],
    ['with the disk', 10 | (3 << 8), 'backoff'],
    ['damaged', 11, 'never'],
    ['with a full disk', 13, 'backoff'],
    ['that cannot be opened', 14, 'backoff'],
    ['foreign', 26, 'never'],
  ])('%s (code %d) is met with %s, and says what to do', (_, errcode, retry) => {
    const trouble = troubleOf(Object.assign(new Error('sqlite'), { errcode }), '/data/roster.sqlite')
    expect(trouble).toBeInstanceOf(StoreUnusableError)
    expect(trouble).toMatchObject({ retry, remedy: expect.stringMatching(/./) })
  })

  it('of another kind stays what it is', () => {
    const error = new TypeError('no')
    expect(troubleOf(error, '/data/roster.sqlite')).toBe(error)
  })
})
