import { createHash } from 'node:crypto'
import { domainToASCII } from 'node:url'
import MailComposer from 'nodemailer/lib/mail-composer'
import type { MailAddress, OutgoingMail } from '../ports/mailer.ts'
import { MessageError } from './errors.ts'
import { headerName } from './plain.ts'

/** A mail as bytes (RFC 5322, MIME), with the addresses of its envelope. */
export interface Message {
  readonly bytes: Buffer
  /** For `MAIL FROM` and `RCPT TO`: exactly one each, domains as A-labels. */
  readonly from: string
  readonly to: string
  /** Whether the recipient, or one of the senders, has a local part outside of ASCII, so that the server must offer SMTPUTF8 (RFC 6531). */
  readonly utf8: { readonly recipient: boolean; readonly sender: boolean }
}

/**
 * Makes the bytes of a mail. The same mail gives the same bytes, whenever and wherever: a copy that is sent again is recognisable.
 *
 * Boundaries derive from the Message-ID. Somebody who knows it could write one into a text; therefore it holds `=_`,
 * which quoted-printable never produces (RFC 2045 section 6.7), and both parts are always quoted-printable.
 *
 * @throws MessageError where a value could add a header, a recipient or a part
 */
export async function messageBytes(mail: OutgoingMail): Promise<Message> {
  const from = checkedAddress(mail.from, 'sender')
  const to = checkedAddress(mail.to, 'recipient')
  const replyTo = mail.replyTo && checkedAddress(mail.replyTo, 'address for answers')
  const date = new Date(mail.date)
  if (Number.isNaN(date.getTime()))
    throw new MessageError(`the date ${JSON.stringify(mail.date)} of a mail is not a time of RFC 3339`)
  if (!/^<[\w.+=/-]+@([\w.-]+|\[[0-9a-fA-F:.]+\])>$/.test(mail.messageId))
    throw new MessageError(`the Message-ID ${JSON.stringify(mail.messageId)} is not <left@right> in ASCII`)
  if (!/^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/.test(mail.language))
    throw new MessageError(`the language ${JSON.stringify(mail.language)} is not a language tag`)

  const composer = new MailComposer({
    from,
    to,
    ...(replyTo ? { replyTo } : {}),
    subject: oneLine(mail.subject, 'subject'),
    date,
    messageId: mail.messageId,
    text: mail.text,
    html: mail.html,
    headers: {
      'Auto-Submitted': 'auto-generated', // RFC 3834 section 5: no out-of-office answers, please
      'X-Auto-Response-Suppress': 'All', // the same, for Exchange
      'Content-Language': mail.language,
    },
    encoding: 'quoted-printable',
    baseBoundary: `=_${createHash('sha256').update(mail.messageId).digest('hex').slice(0, 32)}`,
    newline: 'windows',
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return {
    bytes: await composer.compile().build(),
    from: from.address,
    to: to.address,
    utf8: {
      recipient: !isAscii(to.address),
      sender: !isAscii(from.address) || (replyTo !== undefined && !isAscii(replyTo.address)),
    },
  }
}

// What RFC 5321 calls a Dot-string, and RFC 6531 widens: nothing that quotes, comments, groups or separates.
const LOCAL_PART = /^[^\s\p{C}\p{Z}<>()[\]\\,;:"@]{1,64}$/u
const DOMAIN = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

/** The second look at an address: whoever called checked it, and a mistake there must still not become a second recipient. */
function checkedAddress({ name, address }: MailAddress, what: string): { name: string; address: string } {
  const at = address.lastIndexOf('@')
  const local = address.slice(0, at)
  const domain = domainToASCII(address.slice(at + 1))
  if (at < 1 || !LOCAL_PART.test(local) || !DOMAIN.test(domain)) {
    throw new MessageError(`the ${what} ${JSON.stringify(address)} is not one plain address (local@domain)`)
  }
  return { name: headerName(oneLine(name ?? '', `name of the ${what}`)) ?? '', address: `${local}@${domain}` }
}

function oneLine(text: string, what: string): string {
  if (/[\p{Cc}\u2028\u2029]/u.test(text))
    throw new MessageError(
      `the ${what} of a mail holds a line break or another control character: ${JSON.stringify(text)}`,
    )
  return text.toWellFormed()
}

function isAscii(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text)
}
