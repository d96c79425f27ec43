import type { MailBasics, MailComposer } from '../../src/ports/composer.ts'
import type { OutgoingMail } from '../../src/ports/mailer.ts'

/** Mails whose text is the facts as JSON, and whose subject begins with their kind. */
export const fakeComposer: MailComposer = {
  invitation: facts => mail('invitation', facts),
  accountCreated: facts => mail('accountCreated', facts),
  welcome: facts => mail('welcome', facts),
  licenseKeys: facts => mail('licenseKeys', facts),
  removalsHeld: facts => mail('removalsHeld', facts),
  invitationsHeld: facts => mail('invitationsHeld', facts),
  directoryStale: facts => mail('directoryStale', facts),
  adminNotice: facts => mail(`adminNotice ${facts.notice}`, facts),
}

const mail = (kind: string, facts: MailBasics): OutgoingMail => ({
  messageId: facts.messageId,
  from: facts.from ?? { address: 'roster@mail.example' },
  ...(facts.replyTo && { replyTo: facts.replyTo }),
  to: facts.to,
  subject: kind,
  text: JSON.stringify(facts),
  html: '',
  language: facts.languages[0] ?? 'en',
  date: facts.date,
})

/** The facts that a mail of {@link fakeComposer} was made from. */
export const factsOf = <F = Record<string, unknown>>(of: OutgoingMail | undefined): F =>
  JSON.parse(of?.text ?? '{}') as F
