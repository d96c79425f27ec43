/** One mail, ready to be sent. Texts are final; nothing in it is interpreted any more. */
export interface OutgoingMail {
  /** Deterministic: the same attempt has the same id, so that a copy is recognisable. With angle brackets. */
  messageId: string
  from: MailAddress
  replyTo?: MailAddress
  to: MailAddress
  subject: string
  text: string
  html: string
  /** BCP 47 */
  language: string
  /** RFC 3339, the `Date` header. */
  date: string
}
export interface MailAddress {
  /** Shown name; control characters and line breaks are refused. */
  name?: string
  /** `local@domain`, checked by `decide/address`. */
  address: string
}

/**
 * What became of a mail.
 *
 * - `Sent`: the server took responsibility for it (RFC 5321 section 4.2.5: 250 after DATA).
 * - `Refused`: it will never take it (5yz).
 * - `NotSent`: it did not take it, for certain: refused for now (4yz), not reached, or broken off before the end of DATA. Try again.
 * - `Unknown`: broken off after the end of DATA without an answer; it may have been taken.
 */
export interface Delivery {
  outcome: 'Sent' | 'Refused' | 'NotSent' | 'Unknown'
  /** The server's answer, shortened to 200 characters, control characters escaped, without anything secret. */
  response: string
  /** With `NotSent`: whether the whole server is out of reach, so that other mails need not be tried now. */
  serverDown?: boolean
}

export interface Mailer extends AsyncDisposable {
  /** How the store is bound to it: `smtp://host:port` or `folder:<path>`. */
  readonly binding: string
  /** Hands over one mail. Never throws for what a mail server does; gives up at the deadline (milliseconds since 1970, the Clock's scale). */
  send(mail: OutgoingMail, options: SendOptions): Promise<Delivery>
}

export interface SendOptions {
  deadline: number
  signal: AbortSignal
  /**
   * Asked last, when the mail has waited its turn and before anything of it is handed over.
   * What it gives back says why the mail stays: it is `NotSent`, with this as the response.
   */
  admit?: () => Promise<string | undefined>
}
