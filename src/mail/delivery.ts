import type { Delivery } from '../ports/mailer.ts'
import { escapedLine } from './plain.ts'

/** What went wrong in a conversation with a mail server. */
export interface Failure {
  /**
   * What was being talked about when it happened: the session itself (connecting, greeting, EHLO, STARTTLS, AUTH, and every break before a mail's end),
   * the sender (`MAIL FROM`), the recipient (`RCPT TO`), the permission to send (`DATA`), or the mail after its end was handed over.
   */
  stage: 'Session' | 'Sender' | 'Recipient' | 'Data' | 'Answer'
  /** The server's reply code. Absent: there was no reply; the line broke or stayed silent. */
  code?: number
  /** The reply, or what happened instead. */
  response: string
}

/** Replies that speak of who we are, not of the mail: sign-in needed or refused, encryption needed (RFC 4954 section 6, RFC 3207 section 4). */
const ABOUT_US = new Set([421, 454, 530, 534, 535, 538])
/** Replies that say that the server does not understand the command (RFC 5321 section 4.2.2). 501 is missing: at `RCPT TO` it is the address. */
const ABOUT_THE_COMMAND = new Set([500, 502, 503, 504])

/**
 * What a failure means for the mail. A recipient is blamed only for what was said about them or their mail;
 * trouble with the session, our account or our sender is never theirs.
 */
export function deliveryOf({ stage, code, response }: Failure): Delivery {
  const answer = { response: escapedLine(response, 200) }
  const reply = code !== undefined && code >= 400 && code < 600 ? code : undefined
  if (reply === undefined)
    return stage === 'Answer' ? { outcome: 'Unknown', ...answer } : { outcome: 'NotSent', ...answer, serverDown: true }
  if (stage === 'Session' || ABOUT_US.has(reply) || ABOUT_THE_COMMAND.has(reply))
    return { outcome: 'NotSent', ...answer, serverDown: true }
  if (reply < 500) return { outcome: 'NotSent', ...answer }
  // A sender that the server will not have concerns one organization: other mails may pass. 552 is about the mail's size.
  if (stage === 'Sender' && reply !== 552) return { outcome: 'NotSent', ...answer }
  return { outcome: 'Refused', ...answer }
}
