import { describe, expect, it } from 'vitest'
import { escapeLines, escapeText, firstHidden } from '../../src/api/escape.ts'
import fc from '../properties.ts'

describe('an escaped text', () => {
  it.each([
    ['Zoë Müller 中村 🦉', 'Zoë Müller 中村 🦉'],
    ['a\u001b[31mred', 'a\\u001b[31mred'],
    ['bell\u0007 and \u009b1m', 'bell\\u0007 and \\u009b1m'],
    ['line\nbreak\r\ttab', 'line\\nbreak\\r\\ttab'],
    ['admin\u202egnp.exe', 'admin\\u202egnp.exe'],
    ['\u2066isolated\u2069', '\\u2066isolated\\u2069'],
    ['zero\u200bwidth\ufeff', 'zero\\u200bwidth\\ufeff'],
    ['tag \u{e0041}', 'tag \\u{e0041}'],
    ['lone \ud800', 'lone \\ud800'],
    ['para\u2028graph', 'para\\u2028graph'],
  ])('shows what is hidden in %j', (text, shown) => {
    expect(escapeText(text)).toBe(shown)
  })

  it('never holds a control or format character, whatever went in', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(escapeText(text))),
    )
  })

  it('may keep its line breaks', () => {
    expect(escapeLines('a\nb\u001b')).toBe('a\nb\\u001b')
  })
})

describe('the first hidden character', () => {
  it('is neither a line break nor a joiner, which spelling needs', () => {
    expect(firstHidden('a\n\tb می\u200cخواهم 👩\u200d🚀')).toBeUndefined()
    expect(firstHidden('a\u200cb\u202e')).toBe('\\u202e')
  })
})
