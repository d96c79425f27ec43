import { describe, expect, it } from 'vitest'
import { messageBytes } from '../../src/mail/message.ts'
import { MAIL_LANGUAGES } from '../../src/mail/templates/catalogue.ts'
import { composeMail } from '../../src/mail/templates/compose.ts'
import type { MailTemplate } from '../../src/mail/templates/mails.ts'
import { samples, variants } from './samples.ts'

const golden = (name: string) => `golden/${name}`

describe('a mail', () => {
  for (const language of MAIL_LANGUAGES) {
    it.each(Object.keys(samples) as MailTemplate[])(`reads as agreed: ${language} %s`, async template => {
      const composed = composeMail(template, samples[template], { languages: [language] })
      await expect(composed.text).toMatchFileSnapshot(golden(`${template}.${language}.txt`))
      await expect(composed.html).toMatchFileSnapshot(golden(`${template}.${language}.html`))
      const { bytes } = await messageBytes({
        ...composed,
        messageId: `<${template}.1@people.acme.example>`,
        from: { name: 'Acme IT', address: 'it@acme.example' },
        replyTo: { name: 'Bob Berg', address: 'bob@acme.example' },
        to: { name: 'Alice Ärmel', address: 'alice@acme.example' },
        date: '2026-11-22T08:14:00.000Z',
      })
      await expect(bytes.toString('latin1').replaceAll('\r\n', '\n')).toMatchFileSnapshot(
        golden(`${template}.${language}.eml`),
      )
    })

    it.each(Object.keys(variants) as (keyof typeof variants)[])(`reads as agreed: ${language} %s`, async name => {
      const composed = composeMail('invitation', variants[name], { languages: [language] })
      await expect(composed.text).toMatchFileSnapshot(golden(`${name}.${language}.txt`))
      await expect(composed.html).toMatchFileSnapshot(golden(`${name}.${language}.html`))
    })
  }
})

describe("an organization's own text", () => {
  it('adds no link to the text either, not even out of a name', () => {
    const own = 'Hello {{ person.name }}, look at https://evil.example/{{ person.name }} or www.evil.example!'
    const { text, html } = composeMail(
      'invitation',
      { ...samples.invitation, person: 'Eve' },
      { languages: ['en'], own },
    )
    expect(text).toContain('Hello Eve, look at https: //evil.example/Eve')
    const links = [...text.matchAll(/https?:\/\/[^\s]+|www\.\S/g)].map(([link]) => link)
    expect(new Set(links)).toEqual(new Set([samples.invitation.link, samples.invitation.organization.privacyUrl]))
    expect(html).not.toMatch(/href="[^"]*evil/)
  })
})
