import PostalMime from 'postal-mime'
import { describe, expect, it } from 'vitest'
import { MessageError } from '../../src/mail/errors.ts'
import { messageBytes } from '../../src/mail/message.ts'
import type { OutgoingMail } from '../../src/ports/mailer.ts'

const mail: OutgoingMail = {
  messageId: '<m-abc.1@roster.example>',
  from: { name: 'Acme IT', address: 'it@acme.example' },
  to: { address: 'alice@acme.example' },
  subject: 'Hello',
  text: 'Hello\n',
  html: '<p>Hello</p>',
  language: 'en',
  date: '2026-11-22T08:14:00.000Z',
}
const raw = async (changes: Partial<OutgoingMail>) => (await messageBytes({ ...mail, ...changes })).bytes.toString()

describe('the bytes of a mail', () => {
  it('say what machines want to know (RFC 3834)', async () => {
    const bytes = await raw({ language: 'de' })
    expect(bytes).toContain('\r\nContent-Language: de\r\n')
    expect(bytes).toMatch(/^Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\n/)
    expect(bytes).toContain('\r\nDate: Sun, 22 Nov 2026 08:14:00 +0000\r\n')
    expect(bytes.indexOf('text/plain')).toBeLessThan(bytes.indexOf('text/html'))
  })

  it('are all ASCII, in lines that every server takes', async () => {
    const bytes = await raw({
      subject: 'Grüße aus Köln '.repeat(20),
      text: `${'ä'.repeat(3_000)}\n${'x'.repeat(3_000)}`,
      html: `<p>${'ö'.repeat(3_000)}</p>`,
    })
    expect(bytes).toMatch(/^[\x20-\x7e\r\n]*$/)
    expect(Math.max(...bytes.split('\r\n').map(line => line.length))).toBeLessThanOrEqual(78)
    expect(bytes.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/)
  })

  it('keep to their parts when a text holds the line between them, wherever lines are folded', async () => {
    const boundary = /boundary="([^"]+)"/.exec(await raw({}))?.[1] ?? ''
    for (let shift = 0; shift < 80; shift++) {
      const text = `${'x'.repeat(shift)}--${boundary}\nContent-Type: text/html\n\n<a href="https://evil.example">\n--${boundary}--\n`
      const parsed = await PostalMime.parse((await messageBytes({ ...mail, text, html: text })).bytes)
      expect(parsed.text?.trimEnd()).toBe(text.trimEnd())
      expect(parsed.html?.trimEnd()).toBe(text.trimEnd())
    }
  })

  it('may name a host that is an address only: a portal on this machine', async () => {
    expect(await raw({ messageId: '<m-abc.1@[::1]>' })).toContain('\r\nMessage-ID: <m-abc.1@[::1]>\r\n')
  })

  it('name the domain as an A-label', async () => {
    const message = await messageBytes({ ...mail, to: { address: 'alice@Bücher.example' } })
    expect(message).toMatchObject({ to: 'alice@xn--bcher-kva.example', utf8: { recipient: false, sender: false } })
    expect((await messageBytes({ ...mail, to: { address: 'jörg@acme.example' } })).utf8).toEqual({
      recipient: true,
      sender: false,
    })
    expect((await messageBytes({ ...mail, replyTo: { address: 'jörg@acme.example' } })).utf8).toEqual({
      recipient: false,
      sender: true,
    })
  })

  it.each([
    { subject: 'x\r\nBcc: eve@evil.example' },
    { subject: 'x\u0085y' },
    { to: { name: 'x\ny', address: 'alice@acme.example' } },
    { to: { address: 'alice@acme.example,eve@evil.example' } },
    { to: { address: 'alice@acme.example>,<eve@evil.example' } },
    { to: { address: 'eve@evil.example (alice@acme.example)' } },
    { to: { address: 'a@b@acme.example' } },
    { to: { address: '"a b"@acme.example' } },
    { to: { address: 'a\u200bb@acme.example' } },
    { to: { address: 'alice@[192.0.2.1]' } },
    { to: { address: 'alice@acme_.example' } },
    { to: { address: `${'a'.repeat(65)}@acme.example` } },
    { from: { address: '' } },
    { replyTo: { address: 'bob' } },
    { messageId: '<a@b>\r\nX: y' },
    { messageId: 'a@b' },
    { messageId: '<a@[::1]x>' },
    { language: 'de\r\nX: y' },
    { date: 'yesterday' },
  ] satisfies Partial<OutgoingMail>[])('are not made of %j', async changes => {
    await expect(messageBytes({ ...mail, ...changes })).rejects.toThrow(MessageError)
  })
})
