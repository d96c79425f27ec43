import PostalMime from 'postal-mime'
import { describe, expect, it } from 'vitest'
import { readEml } from '../../src/mail/eml.ts'
import { messageBytes } from '../../src/mail/message.ts'
import { headerName } from '../../src/mail/plain.ts'
import { composeMail } from '../../src/mail/templates/compose.ts'
import type { InvitationMail, MailData, MailTemplate } from '../../src/mail/templates/mails.ts'
import fc from '../properties.ts'
import { acme, samples } from './samples.ts'

const ID = '<invitation.1@people.acme.example>'
/** What the Message-ID says the parts are separated by: known to whoever knows the id. */
const boundary =
  (await bytesOf(composeMail('invitation', samples.invitation, { languages: ['en'] })))
    .toString()
    .match(/boundary="([^"]+)"/)?.[1] ?? ''

const nasty = fc.constantFrom(
  'https://evil.example/x',
  'www.evil.example',
  'evil.example',
  'eve@evil.example',
  'mailto:eve@evil.example',
  'javascript:alert(1)',
  '1.2.3.4',
  'https:\\\\evil.example',
  '\r\nBcc: eve@evil.example',
  '\nSubject: x',
  '\r\n\r\n',
  '\u2028',
  '\u0085',
  '\u202e',
  '\u200b',
  '\u0000',
  '\ud800',
  '\t',
  '<a href="https://evil.example">x</a>',
  '"><script>',
  "' onload='",
  '</td></tr></table>',
  '<!--',
  '&lt;',
  '{{ roles }}',
  '=?utf-8?q?x?=',
  '=0D=0A',
  '.',
  `\r\n--${boundary}`,
  `\r\n--${boundary}--\r\n`,
  `--${boundary}`,
  '\r\n> ',
  '\n-- \n',
  'ſ',
  'K',
  '🧑‍💻',
  'ß',
)
const typed = fc
  .array(fc.oneof(nasty, nasty, fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' })), { maxLength: 8 })
  .map(pieces => pieces.join(''))
const hostile: fc.Arbitrary<InvitationMail> = fc.record({
  organization: fc.record({
    name: typed,
    customerId: typed,
    product: typed,
    contacts: fc.array(fc.record({ name: typed, phone: typed }), { maxLength: 2 }),
  }),
  address: fc.constant('alice@acme.example'),
  person: typed,
  inviter: typed,
  roles: fc.array(typed, { maxLength: 3 }),
  validUntil: fc.constant(samples.invitation.validUntil),
  link: fc.constant(samples.invitation.link),
  message: typed,
})

async function bytesOf(
  composed: { subject: string; text: string; html: string; language: string },
  name = 'Acme',
): Promise<Buffer> {
  const shown = headerName(name)
  const { bytes } = await messageBytes({
    ...composed,
    messageId: ID,
    from: { ...(shown === undefined ? {} : { name: shown }), address: 'it@acme.example' },
    replyTo: { ...(shown === undefined ? {} : { name: shown }), address: 'bob@acme.example' },
    to: { ...(shown === undefined ? {} : { name: shown }), address: 'alice@acme.example' },
    date: '2026-11-22T08:14:00.000Z',
  })
  return bytes
}
const hrefs = (html: string) => [...html.matchAll(/<a\s[^>]*?href="([^"]*)"/gi)].map(([, href]) => href)
const tags = (html: string) => html.replace(/<(wbr|br)>/g, '').match(/<[a-z/!][^>]*>/gi) ?? []

describe('whatever people type', () => {
  it('adds no header, no recipient and no part to a mail, and comes back as it was composed', async () => {
    await fc.assert(
      fc.asyncProperty(hostile, typed, fc.constantFrom('en', 'de'), async (data, name, language) => {
        const composed = composeMail('invitation', data, { languages: [language] })
        const bytes = await bytesOf(composed, name)
        const parsed = await PostalMime.parse(bytes)
        expect(parsed.headers.map(({ key }) => key).sort()).toEqual(
          [
            'auto-submitted',
            'content-language',
            'content-type',
            'date',
            'from',
            'message-id',
            'mime-version',
            'reply-to',
            'subject',
            'to',
            'x-auto-response-suppress',
          ].sort(),
        )
        expect(parsed.to?.map(({ address }) => address)).toEqual(['alice@acme.example'])
        expect(parsed.from?.address).toBe('it@acme.example')
        expect(parsed.replyTo?.map(({ address }) => address)).toEqual(['bob@acme.example'])
        expect(parsed.cc ?? parsed.bcc).toBeUndefined()
        expect(parsed.attachments).toEqual([])
        expect(parsed.messageId).toBe(ID)
        expect(parsed.text?.trimEnd()).toBe(composed.text.trimEnd())
        expect(parsed.html?.trimEnd()).toBe(composed.html.trimEnd())
        const read = readEml(bytes)
        expect(read.text).toBe(composed.text)
        expect(read.html).toBe(composed.html)
        expect(await bytesOf(composed, name)).toEqual(bytes)
      }),
      { numRuns: 100 },
    )
  })

  it('adds no link, no markup and no hidden character', () => {
    fc.assert(
      fc.property(hostile, data => {
        const { text, html, subject } = composeMail('invitation', data, { languages: ['en'] })
        expect(hrefs(html)).toEqual([data.link, data.link])
        expect(html).not.toMatch(/<(script|img|iframe|form|object|svg)\b|\ssrc=|url\(|<[^>]*\son\w+=/i)
        // the same elements as a mail in which nobody typed anything nasty
        const tame = {
          ...data,
          organization: { ...acme, contacts: data.organization.contacts?.map(() => ({ name: 'x' })) ?? [] },
          person: 'x',
          inviter: 'x',
          roles: [],
          message: 'x',
        }
        delete (tame.organization as { privacyUrl?: string }).privacyUrl
        const expected = tags(composeMail('invitation', tame, { languages: ['en'] }).html)
        const optional = 4 + 4 // the row of the inviter and the quotation, where nothing readable was typed
        expect(tags(html).length).toBeGreaterThan(expected.length - 2 * optional)
        expect(tags(html).length).toBeLessThanOrEqual(expected.length)
        // in the page no piece of text between two tags is something that a mail program makes a link of
        const pieces = html
          .slice(html.indexOf('<body'))
          .replace(/<a\s.*?<\/a>/gs, '')
          .split(/<[^>]*>/)
        expect(pieces.filter(piece => /[a-z]:\S|www\.\S|\S@\S|[\p{L}\p{N}]\.\p{L}{2}/iu.test(piece))).toEqual([])
        expect(text.match(/https?:\/\//g)).toEqual(['https://'])
        expect(text).not.toMatch(/\bwww\.\S/i)
        for (const one of [text, html, subject]) {
          expect(one.isWellFormed()).toBe(true)
          expect(
            [...one].filter(
              sign => /[\p{Cc}\u200b\u202a-\u202e\u2066-\u2069\u2028\u2029]/u.test(sign) && sign !== '\n',
            ),
          ).toEqual([])
        }
        expect(subject).not.toContain('\n')
      }),
      { numRuns: 200 },
    )
  })

  it('stays inside of its quotation, line by line', () => {
    fc.assert(
      fc.property(typed, message => {
        const without = composeMail(
          'invitation',
          { ...samples.invitation, message: 'x' },
          { languages: ['en'] },
        ).text.split('\n')
        const lines = composeMail('invitation', { ...samples.invitation, message }, { languages: ['en'] }).text.split(
          '\n',
        )
        const own = lines.filter(line => !line.startsWith('>'))
        const quoted = lines.some(line => line.startsWith('>'))
        expect(own).toEqual(quoted ? without.filter(line => !line.startsWith('>')) : expect.any(Array))
      }),
    )
  })

  it('is quoted up to 1,000 characters', () => {
    const { text } = composeMail(
      'invitation',
      { ...samples.invitation, message: 'ä '.repeat(5_000) },
      { languages: ['en'] },
    )
    const quoted = text
      .split('\n')
      .filter(line => line.startsWith('>'))
      .join('')
    expect(quoted.match(/ä/g)?.length).toBe(500)
    expect(quoted).toMatch(/…$/)
  })

  it('changes nothing else in any other mail either', () => {
    const strings = (value: unknown, text: string): unknown =>
      Array.isArray(value)
        ? value.map(item => strings(item, text))
        : typeof value === 'object' && value !== null
          ? Object.fromEntries(
              Object.entries(value).map(([key, item]) => [
                key,
                typeof item === 'string' &&
                /^(name|person|inviter|message|response|title|description|declaredAt|product|customerId)$/.test(key)
                  ? text
                  : strings(item, text),
              ]),
            )
          : value
    for (const template of Object.keys(samples) as MailTemplate[]) {
      const calm = hrefs(composeMail(template, samples[template], { languages: ['en'] }).html)
      fc.assert(
        fc.property(typed, text => {
          const data = strings(samples[template], text) as MailData[typeof template]
          const { html } = composeMail(template, data, { languages: ['en'] })
          expect(hrefs(html)).toEqual(calm)
          expect(html).not.toContain('<script')
        }),
        { numRuns: 50 },
      )
    }
  })
})

describe('a link in a mail', () => {
  it.each([
    'javascript:alert(1)',
    'http://acme.example',
    'https://user@acme.example',
    'https://acme.example/"x',
    'https://acme.example/ x',
    'data:text/html,x',
    'acme.example',
    '',
  ])('is never %s', link => {
    expect(() => composeMail('invitation', { ...samples.invitation, link }, { languages: ['en'] })).toThrow(TypeError)
  })
})

describe('a link that an organization configured', () => {
  it.each(['https://', 'https://[', 'http://acme.example', 'javascript:alert(1)'])(
    'and that is none (%s) costs nobody their mail',
    url => {
      const organization = { ...acme, privacyUrl: url }
      const welcome = composeMail(
        'welcome',
        { ...samples.welcome, organization, homeUrl: url, links: [{ title: 'x', url }] },
        { languages: ['en'] },
      )
      expect(new Set(hrefs(welcome.html))).toEqual(new Set([samples.welcome.portalUrl]))
      const keys = composeMail(
        'licenseKeys',
        { ...samples.licenseKeys, organization, homeUrl: url },
        { languages: ['en'] },
      )
      expect(hrefs(keys.html)).toEqual([])
    },
  )
})

describe('the language of a mail', () => {
  it.each([
    [['de-AT', 'en'], 'de'],
    [['fr', 'de'], 'de'],
    [[undefined, 'de'], 'de'],
    [['fr', undefined], 'en'],
    [['x-broken', ''], 'en'],
    [['de-!!'], 'de'],
    [[], 'en'],
  ])('%s: %s', (languages, language) => {
    expect(composeMail('invitation', samples.invitation, { languages })).toMatchObject({ language })
  })

  it('writes times as the reader does, in the zone of the organization', () => {
    const time = (languages: string[], timeZone: string) =>
      composeMail(
        'invitation',
        { ...samples.invitation, organization: { ...acme, timeZone } },
        { languages },
      ).text.match(/(?:Valid until|Gültig bis): +(.*)/)?.[1]
    expect(time(['en-US'], 'America/New_York')).toBe('Monday, November 23, 2026 at 03:14 AM EST')
    expect(time(['en'], 'Europe/London')).toBe('Monday, 23 November 2026 at 08:14 GMT')
    expect(time(['de'], 'Europe/Berlin')).toBe('Montag, 23. November 2026 um 09:14 MEZ')
    expect(time(['en'], 'Mars/Olympus')).toBe('Monday, 23 November 2026 at 08:14 UTC')
  })
})
