import { describe, expect, it } from 'vitest'
import {
  escapedLine,
  headerName,
  labelText,
  personText,
  plainLine,
  plainLines,
  unlinked,
} from '../../src/mail/plain.ts'

describe('a text that somebody typed', () => {
  it.each([
    ['Hello\r\nBcc: eve@x.example', 'Hello Bcc: eve@x.example'],
    ['  a \t b\u2028c\u0085d  ', 'a b c d'],
    ['\u202egnp.exe\u2066\u200b\ufeff', 'gnp.exe'],
    ['a\u0000b\u001b[31mc\u009b', 'ab[31mc'],
    ['lone \ud800 surrogate', 'lone \ufffd surrogate'],
    ['می\u200cخواهم 👩‍💻 café', 'می\u200cخواهم 👩‍💻 café'],
  ])('is one line without hidden characters: %j', (text, expected) => {
    expect(plainLine(text)).toBe(expected)
  })

  it('keeps its lines where lines are meant, and not more than one empty one', () => {
    expect(plainLines('a\r\nb\r\r\r\nc\u2029d \n', 100)).toBe('a\nb\n\nc\nd')
  })

  it('is cut by characters, never through one', () => {
    expect(plainLine('👍👍👍', 3)).toBe('👍👍👍')
    expect(plainLine('👍👍👍👍', 3)).toBe('👍👍…')
  })

  it.each([
    ['see https://evil.example/x', 'see https: //evil. example/x'],
    ['http:\\\\evil.example', 'http: \\\\evil. example'],
    ['WWW.evil.example', 'WWW. evil. example'],
    ['eve@evil.example', 'eve@evil. example'],
    ['mailto:eve', 'mailto: eve'],
    ['at 192.0.2.1 now', 'at 192. 0.2.1 now'],
    ['bücher。example', 'bücher。 example'],
    ['xn--a.xn--b', 'xn--a. xn--b'],
    ['J. R. Smith, Ph.D., 5.1.1, 3.50 €, 09:14', 'J. R. Smith, Ph.D., 5.1.1, 3.50 €, 09:14'],
    ['Done.Next', 'Done. Next'],
  ])('holds nothing that becomes a link: %j', (text, expected) => {
    expect(unlinked(text)).toBe(expected)
    expect(unlinked(expected)).toBe(expected)
  })

  it('may be the name of a product that is a domain, if it is an organization that says so', () => {
    expect(labelText('monday.com')).toBe('monday.com')
    expect(labelText('https://monday.com')).toBe('https: //monday.com')
    expect(personText('monday.com')).toBe('monday. com')
  })

  it.each([
    ['Acme, "IT" <ceo@bank.example>', 'Acme IT ceo bank.example'],
    ['Bob\r\nBcc: x', 'Bob Bcc x'],
    ['\u202e', undefined],
    ['', undefined],
    ['Jürgen Müller', 'Jürgen Müller'],
  ])('is the shown name of an address only as a name: %j', (text, expected) => {
    expect(headerName(text)).toBe(expected)
  })

  it('is shown with what is hidden in it, where lines are for engineers', () => {
    expect(escapedLine('550 no\r\n\u001b[2J\u202e', 200)).toBe('550 no \\u001b[2J\\u202e')
  })
})

describe('a name that a person gave themselves', () => {
  it.each([
    ['evil\u200c.com', 'a joiner before the dot'],
    ['evil.\u200ccom', 'one behind it'],
    ['evil.c\u200dom', 'one in the last part'],
    ['i❤.ws', 'a sign that is no letter'],
    ['evil。com', 'another dot'],
    ['evil．com', 'a wide dot'],
    ['(evil).com', 'brackets'],
  ])('is no address of a page: %j (%s)', name => {
    const shown = personText(name).replace(/[\u200c\u200d]/g, '')
    expect(shown).toMatch(/[.。．] \p{L}/u)
    expect(personText(personText(name))).toBe(personText(name))
  })
  it.each(['J.R.R. Tolkien', 'Dr. Zoë', 'A.B', 'v1.2', '...'])('stays as it is: %s', name => {
    expect(personText(name)).toBe(name)
  })
})
