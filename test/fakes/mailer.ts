import type { Delivery, Mailer, OutgoingMail } from '../../src/ports/mailer.ts'

export interface FakeMailer extends Mailer {
  /** Everything that a mail server took, or may have taken, in order. */
  readonly sent: OutgoingMail[]
  /** Every try, whatever came of it. */
  readonly tried: OutgoingMail[]
  /** What the next tries answer; when used up, mails are taken. A function decides for each mail. */
  answers: (Partial<Delivery> & Pick<Delivery, 'outcome'>)[] | ((mail: OutgoingMail) => Delivery)
  /** Called before a mail is answered. */
  onSend: ((mail: OutgoingMail) => Promise<void> | void) | undefined
  /** Mails to one address. */
  to(address: string): OutgoingMail[]
}

/** A mail server in memory. */
export const fakeMailer = (): FakeMailer => {
  const sent: OutgoingMail[] = []
  const tried: OutgoingMail[] = []
  return {
    binding: 'smtp://mail.example:25',
    sent,
    tried,
    answers: [],
    onSend: undefined,
    to: address => sent.filter(mail => mail.to.address === address),
    async send(mail, { signal, admit }) {
      signal.throwIfAborted()
      await this.onSend?.(mail)
      const stays = await admit?.()
      if (stays !== undefined) return { outcome: 'NotSent', response: stays }
      tried.push(mail)
      const answer: Delivery =
        typeof this.answers === 'function'
          ? this.answers(mail)
          : { response: '250 taken', ...(this.answers.shift() ?? { outcome: 'Sent' }) }
      if (answer.outcome === 'Sent' || answer.outcome === 'Unknown') sent.push(mail)
      return answer
    },
    async [Symbol.asyncDispose]() {},
  }
}
