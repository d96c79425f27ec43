import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { escapeText } from '../../src/api/escape.ts'

describe('escaped text', () => {
  it.each([
    ['\u001b[31mred', '\\u{1b}[31mred'],
    ['two\nlines\tand a tab', 'two\\nlines\\tand a tab'],
    ['evil\u202egnp.exe', 'evil\\u{202e}gnp.exe'],
    ['zero\u200bwidth', 'zero\\u{200b}width'],
    ['c1\u009b31m', 'c1\\u{9b}31m'],
    ['Žofie 李 👩‍🚀'.replace('\u200d', ''), 'Žofie 李 👩🚀'],
  ])('of %j is %j', (text, escaped) => {
    expect(escapeText(text)).toBe(escaped)
  })
  it('never holds a control character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => !/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u.test(escapeText(text))),
    )
  })
})
