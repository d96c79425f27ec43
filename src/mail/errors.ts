import { type Retry, RosterError } from '../api/errors.ts'
import type { Reason } from '../api/names.ts'

/** A mail that may not be sent as it is: an address, a name or a subject that could change what the mail says or whom it reaches. */
export class MessageError extends RosterError {
  readonly retry: Retry = 'never'
  readonly reason: Reason = 'InvalidSpec'
}

/** The settings of the mail server cannot be used. The message names the setting and what to write instead, never a secret. */
export class MailSettingsError extends RosterError {
  readonly retry: Retry = 'never'
  readonly reason: Reason = 'InvalidSpec'
}

/** An organization's own text that breaks where it is used; the built-in text is sent instead. */
export class ParagraphError extends RosterError {
  readonly retry: Retry = 'never'
  readonly reason: Reason = 'InvalidSpec'
}
