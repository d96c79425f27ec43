import { describe, expect, it } from 'vitest'
import { isExternal, normalizeAddress, parseAddress } from '../../src/decide/address.ts'
import fc from '../properties.ts'

describe('an address', () => {
  it.each([
    ['Alice@Acme.Example', 'alice@acme.example'],
    ['a.b-c+d@x-y.z', 'a.b-c+d@x-y.z'],
    ['ü@MÜNCHEN.example', 'ü@xn--mnchen-3ya.example'],
    ['Ü@münchen.example', 'Ü@xn--mnchen-3ya.example'],
    ['root@localhost', 'root@localhost'],
  ])('%s is compared as %s', (text, address) => {
    expect(parseAddress(text)).toMatchObject({ address })
  })
  it.each([
    'a@b,c@d',
    'a@b;c@d',
    'a b@c',
    'Alice <a@b>',
    '"a b"@c',
    'a(comment)@b',
    'a@b (x)',
    'list:a@b;',
    '@b',
    'a@',
    'a',
    'a@b@c',
    'a@-b',
    'a@b-',
    'a@b..c',
    'a..b@c',
    '.a@b',
    'a.@b',
    'a@[127.0.0.1]',
    'a@b\n',
    'a@b\r\nBcc: c@d',
    'a\u0000@b',
    'a\u200b@b',
    'a\u202e@b',
    'a\u00ad@b',
    'a@b\u2028',
    'a\u00a0b@c',
    `${'a'.repeat(65)}@b`,
    `a@${'b'.repeat(250)}.c`,
  ])('%j is none', text => {
    expect(parseAddress(text)).toHaveProperty('problem')
  })
  it('is its own key', () => {
    fc.assert(
      fc.property(fc.emailAddress(), text => normalizeAddress(normalizeAddress(text)) === normalizeAddress(text)),
    )
  })
  it('that is plain has the key that the long way gives', () => {
    const part = fc.stringMatching(/^[a-z0-9._+-]{1,12}$/)
    const label = fc.stringMatching(/^[a-z0-9-]{1,8}$/)
    fc.assert(
      fc.property(part, fc.array(label, { minLength: 1, maxLength: 4 }), (local, labels) => {
        const text = `${local}@${labels.join('.')}`
        const parsed = parseAddress(text)
        expect(normalizeAddress(text)).toBe('problem' in parsed ? text : parsed.address)
      }),
      { numRuns: 2000 },
    )
  })
  it('never holds what could make two recipients or a header of it', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        text => 'problem' in parseAddress(text) || !/[\s,;<>()"\p{Cc}\p{Cf}]/u.test(text),
      ),
    )
  })
  it('is external where its domain is none of the organization', () => {
    expect(isExternal('Kim@ACME.example', ['acme.example'])).toBe(false)
    expect(isExternal('kim@sub.acme.example', ['acme.example'])).toBe(true)
    expect(isExternal('kim@xn--mnchen-3ya.example', ['münchen.example'])).toBe(false)
    expect(isExternal('kim@acme.example', [])).toBe(true)
  })
})
