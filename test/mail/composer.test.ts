import { describe, expect, it } from 'vitest'
import { type ComposerOptions, mailComposer } from '../../src/mail/composer.ts'
import { messageBytes } from '../../src/mail/message.ts'
import type { InvitationFacts, MailBasics } from '../../src/ports/composer.ts'

const from = { name: 'Roster', address: 'no-reply@people.acme.example' }
const basics: MailBasics = {
  messageId: '<abc.m-123@people.acme.example>',
  date: '2026-11-22T08:14:00.000Z',
  to: { name: 'Alice Smith', address: 'alice@acme.example' },
  languages: ['en'],
  organization: {
    name: 'acme',
    displayName: 'Acme GmbH',
    customerId: '10042',
    productName: 'CloudHub',
    homeUrl: 'https://app.acme.example',
    timeZone: 'Europe/Berlin',
    supportContacts: [{ name: 'Bob Berg', email: 'bob@acme.example' }],
    links: [{ title: 'Data sheet', url: 'https://acme.example/sheet', type: 'Document' }],
  },
  person: { givenName: 'Alice', displayName: 'Alice Smith', address: 'alice@acme.example' },
}
const invitation: InvitationFacts = {
  ...basics,
  url: 'https://people.acme.example/invitations/v1.token',
  expirationTime: '2026-11-23T08:14:00.000Z',
  inviter: { name: 'Bob Berg' },
  roles: [{ name: 'editor', displayName: 'Editor' }],
}
const composer = (options: Partial<ComposerOptions> = {}) => mailComposer({ from, ...options })

describe('a mail made of facts', () => {
  it('is the same whenever it is made', () => {
    expect(composer().invitation(invitation)).toEqual(composer().invitation(structuredClone(invitation)))
  })

  it('is in the first wished language that there is: a French person in a German organization reads German', () => {
    expect(composer().invitation({ ...invitation, languages: ['fr', 'de'] })).toMatchObject({ language: 'de' })
    expect(composer().invitation({ ...invitation, languages: ['fr'] })).toMatchObject({ language: 'en' })
  })

  it('comes from the controller, or from the organization where it says so', () => {
    expect(composer().invitation(invitation)).toMatchObject({
      from,
      to: basics.to,
      messageId: basics.messageId,
      date: basics.date,
    })
    const own = { name: 'Acme IT', address: 'it@acme.example' }
    expect(composer().invitation({ ...invitation, from: own, replyTo: { address: 'bob@acme.example' } })).toMatchObject(
      { from: own, replyTo: { address: 'bob@acme.example' } },
    )
  })

  it('reaches people whose name cannot stand in a header', async () => {
    const odd = { name: 'Eve\r\nBcc: x@y.example\u202e', address: 'eve@acme.example' }
    const mail = composer().invitation({ ...invitation, to: odd, from: { ...odd, name: '\u0000' }, replyTo: odd })
    expect(mail.to).toEqual({ name: 'Eve Bcc x y.example', address: 'eve@acme.example' })
    expect(mail.from).toEqual({ address: 'eve@acme.example' })
    await expect(messageBytes(mail)).resolves.toMatchObject({ to: 'eve@acme.example' })
  })

  it('says when an own text could not be used, and goes with ours', () => {
    const problems: unknown[] = []
    const mail = composer({ onProblem: problem => problems.push(problem) }).invitation({
      ...invitation,
      paragraph: 'Hi {{ nobody }}',
    })
    expect(mail.text).toContain('Bob Berg from Acme GmbH (customer 10042) invites you to CloudHub.')
    expect(problems).toEqual([
      { template: 'invitation', organization: 'acme', problem: expect.stringContaining('{{ nobody }} is unknown') },
    ])
  })

  it('holds the facts, each kind its own', () => {
    const mails = composer()
    expect(mails.invitation({ ...invitation, message: 'Hi!' }).text).toMatch(/Editor[\s\S]*09:14 CET[\s\S]*> Hi!/)
    expect(mails.accountCreated({ ...invitation, signInUrl: 'https://people.acme.example/sign-in' }).text).toContain(
      '\nhttps://people.acme.example/sign-in\n',
    )
    const welcome = mails.welcome({
      ...basics,
      roles: [],
      licenses: [{ product: 'Suite', quantity: 3 }],
      portalUrl: 'https://people.acme.example/me',
    }).text
    expect(welcome).toContain('Suite × 3')
    expect(welcome).toContain('You have no role yet')
    expect(mails.licenseKeys({ ...basics, product: 'Suite', keys: ['AAAA-BBBB'] }).text).toContain('\n    AAAA-BBBB\n')
    const notice = {
      ...basics,
      invited: { address: 'carol@partner.example' },
      roles: [],
      resource: 'Invitation/carol',
      attempts: 3,
      time: basics.date,
      response: '550 no',
    }
    expect(mails.adminNotice({ ...notice, notice: 'InvitationFailed' }).text).toContain('> 550 no')
    expect(mails.adminNotice({ ...notice, notice: 'InvitationGaveUp' }).text).toContain(
      'roster resend carol@partner.example',
    )
  })
})
