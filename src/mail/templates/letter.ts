/** A mail before it is text or HTML: both are made from the same blocks, so neither can say something that the other does not. */
export interface Letter {
  /** BCP 47. */
  language: string
  direction: 'ltr' | 'rtl'
  /** One line; nothing of it was typed by a person but the names of organization and product. */
  subject: string
  /** What an inbox shows beside the subject. Never a link or token. */
  preview: string
  heading: string
  blocks: Block[]
  /** Who sent it and why: small, at the end. */
  footer: { text: string; url?: string }[]
}

export type Block =
  | { is: 'paragraph'; text: string }
  /** Somebody else's words, marked as such. */
  | { is: 'quote'; by: string; text: string }
  /** A table of two columns. */
  | { is: 'facts'; facts: Fact[] }
  /** The one button, and the same link on a line of its own. */
  | { is: 'action'; label: string; url: string; hint: string }
  | { is: 'links'; title: string; links: { title: string; url: string }[] }
  | { is: 'list'; title: string; items: { title: string; text?: string }[] }
  /** To be copied: one a line, unchanged. */
  | { is: 'codes'; codes: string[] }

export interface Fact {
  label: string
  value: string
}

/**
 * An address that may be a link: https, or http on this machine. For what an organization configured: where it is no such address,
 * the mail goes without that link.
 */
export function linkable(url: string | undefined): string | undefined {
  if (url === undefined || /[\s<>"\\^`{|}\p{C}]/u.test(url) || !URL.canParse(url)) return undefined
  const { protocol, hostname, username, password } = new URL(url)
  const near = protocol === 'http:' && /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(hostname)
  return (protocol === 'https:' || near) && username === '' && password === '' ? url : undefined
}

/**
 * The same for the links that a mail is for.
 *
 * @throws TypeError where it is none: such a link is a mistake of the caller, never of a person
 */
export function webAddress(url: string): string {
  const address = linkable(url)
  if (address === undefined)
    throw new TypeError(
      'a link in a mail must be an https address (or http on this machine), without a user and without spaces',
    )
  return address
}
