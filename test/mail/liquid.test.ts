import { describe, expect, it } from 'vitest'
import { checkTemplate, OWN_TEMPLATES, PLACEHOLDERS, renderParagraphs } from '../../src/mail/liquid.ts'
import { composeMail } from '../../src/mail/templates/compose.ts'
import fc from '../properties.ts'
import { samples } from './samples.ts'

describe("an organization's own text", () => {
  it.each(OWN_TEMPLATES)('may use every placeholder of %s', name => {
    const text = PLACEHOLDERS[name].map(path => `{{ ${path} }}`).join(' ')
    expect(checkTemplate(name, text)).toEqual([])
  })

  it.each([
    [
      'Hi {{ persn.name }}',
      1,
      7,
      /^\{\{ persn\.name \}\} is unknown here, did you mean \{\{ person\.name \}\}\? Known: person\.name, /,
    ],
    ['Hi\n\n  {{ email }}', 3, 6, /did you mean \{\{ person\.email \}\}\?/],
    ['{{ link }}', 1, 4, /^\{\{ link \}\} is unknown here\. Known: /],
    ['{{ person }}', 1, 4, /is unknown/],
    ['{{ person.constructor }}', 1, 4, /is unknown/],
    ['{{ roles.first }}', 1, 4, /is unknown/],
    ['{{ person[roles] }}', 1, 4, /is unknown/],
    ['{{ person[name] }}', 1, 11, /^\{\{ name \}\} is unknown/],
    ['{{ person.name | default: person.nmae }}', 1, 27, /did you mean \{\{ person\.name \}\}\?/],
    ['{{ person.name | raw }}', 1, 1, /the filter "raw" is unknown here\. Known: default, /],
    ['x {% if roles %}a{% endif %}', 1, 3, /^\{% if %\}: a text has placeholders/],
    ['{% include "x" %}', 1, 1, /no tags/],
    ['{% raw %}{{ x }}{% endraw %}', 1, 1, /no tags/],
    ['{% comment %}x{% endcomment %}', 1, 1, /no tags/],
    ['{% # x %}', 1, 1, /no tags/],
    ['{{ person.name', 1, 1, /not closed/],
    ['{{ (1..100000000) }}', 1, 1, /too much/],
    ['x'.repeat(4_001), 1, 1, /longer than 4000 characters/],
  ])('%s is refused with its place', (text, line, column, message) => {
    expect(checkTemplate('invitation', text)).toEqual([{ line, column, message: expect.stringMatching(message) }])
  })

  it('is checked whole: every unknown name is told', () => {
    expect(checkTemplate('welcome', '{{ a }}\n{{ validUntil }}').map(({ line }) => line)).toEqual([1, 2])
  })

  it('becomes paragraphs of plain text; what is put in is not read again', () => {
    const text =
      'Hello {{ person.name | upcase }},\n\n<b>{{ organization.name }}</b> asks. {{ inviter.name | default: "We" }}'
    expect(
      renderParagraphs('invitation', text, { 'person.name': '{{ roles }}', 'organization.name': 'A & B' }),
    ).toEqual(['Hello {{ ROLES }},', '<b>A & B</b> asks. We'])
  })

  it('replaces greeting and lead, and never the facts, the button or the link', () => {
    const own = 'Welcome aboard, {{ person.name }}!\n\n<a href="https://evil.example">https://evil.example</a>'
    const plain = composeMail('invitation', samples.invitation, { languages: ['en'] })
    const mail = composeMail('invitation', samples.invitation, { languages: ['en'], own })
    expect(mail.problem).toBeUndefined()
    expect(mail.text).toContain('Welcome aboard, Alice Ärmel!')
    expect(mail.text).not.toContain('Hello Alice')
    expect(mail.html.match(/href="[^"]*"/g)).toEqual(plain.html.match(/href="[^"]*"/g))
    expect(mail.text.slice(mail.text.indexOf('Invited by:'))).toBe(plain.text.slice(plain.text.indexOf('Invited by:')))
    expect(mail.subject).toBe(plain.subject)
  })

  it('that does not work is replaced by the built-in one, and the mail says so to us', () => {
    const mail = composeMail('invitation', samples.invitation, { languages: ['en'], own: '{{ nobody }}' })
    expect(mail).toEqual({
      ...composeMail('invitation', samples.invitation, { languages: ['en'] }),
      problem: expect.stringContaining('mail.templates.invitation, line 1, column 4'),
    })
  })

  it('of whatever kind neither throws nor takes long', () => {
    const piece = fc.oneof(
      fc.constantFrom('{{', '}}', '{%', '%}', '|', 'person.name', ' raw ', 'include "x"', '(1..9)', '"', ':', '\n'),
      fc.string(),
    )
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 12 }).map(pieces => pieces.join('')),
        own => {
          checkTemplate('invitation', own)
          composeMail('invitation', samples.invitation, { languages: ['en'], own })
        },
      ),
    )
  })
})
