import { describe, expect, it } from 'vitest'
import { interner } from '../../src/runtime/interner.ts'
import fc from '../properties.ts'

describe('interner', () => {
  it('changes nothing that anybody could see', () => {
    const share = interner()
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        const before = JSON.stringify(value)
        share(value)
        expect(JSON.stringify(value)).toBe(before)
      }),
    )
  })

  it('leaves a __proto__ key from outside a plain key', () => {
    const hostile = JSON.parse('{"__proto__": "text", "a": {"__proto__": {"polluted": true}}}')
    interner()(hostile)
    expect(Object.keys(hostile)).toEqual(['__proto__', 'a'])
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })

  it('leaves frozen objects alone', () => {
    const frozen = Object.freeze({ organization: 'acme' })
    expect(() => interner()(frozen)).not.toThrow()
  })
})
