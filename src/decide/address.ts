import { domainToASCII } from 'node:url'
import { ADDRESS_PATTERN } from '../api/patterns.ts'

const SHAPE = new RegExp(ADDRESS_PATTERN, 'u')

/** A checked address: `text` as written and `address`, the key under which it is compared. */
export interface Address {
  /** As written, with the domain in lower case: what mail goes to. */
  text: string
  /** Local part folded in ASCII only, domain as A-label in lower case: equal for two spellings of one mailbox. */
  address: string
  /** A-label in lower case. */
  domain: string
}

/**
 * Checks one mail address and gives its key. Only `local@domain` of RFC 5321 section 4.1.2 is taken, without quoting, comments, groups or a display name,
 * so that one text can never be two recipients. The local part is folded in ASCII only: what other letters fold to is the mail server's business (RFC 6530 section 4.6.1).
 */
export const parseAddress = (text: string): Address | { problem: string } => {
  if (text.length > 254) return { problem: 'is longer than 254 characters' }
  if (!SHAPE.test(text)) return { problem: 'is not one mail address of the form name@domain' }
  const at = text.lastIndexOf('@')
  const local = text.slice(0, at)
  if (Buffer.byteLength(local) > 64)
    return { problem: 'has more than 64 bytes before the @ (RFC 5321 section 4.5.3.1.1)' }
  const domain = domainToASCII(text.slice(at + 1))
  // RFC 1035 section 2.3.4
  if (domain === '' || domain.length > 253 || domain.split('.').some(label => label.length > 63))
    return { problem: 'has a domain that is not valid' }
  return { text: `${local}@${text.slice(at + 1).toLowerCase()}`, address: `${foldAscii(local)}@${domain}`, domain }
}

/** Most addresses are their own key already: lower case, ASCII, and a domain that is neither a number nor in Punycode. */
const PLAIN = /^[a-z0-9._+-]+@(?!.*xn--)[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]+$/

/** The key of an address that was checked before; of any other text, the text folded. */
export const normalizeAddress = (text: string): string => {
  if (PLAIN.test(text)) return text
  const parsed = parseAddress(text)
  return 'problem' in parsed ? foldAscii(text) : parsed.address
}

/** A-label in lower case, or undefined for what is no domain. */
export const normalizeDomain = (text: string): string | undefined => domainToASCII(text) || undefined

/** Whether the address lies in none of the domains (as written in an Organization). */
export const isExternal = (address: string, domains: readonly string[]): boolean => {
  const domain = normalizeAddress(address).split('@').at(-1)
  return !domains.some(own => normalizeDomain(own) === domain)
}

const foldAscii = (text: string): string => text.replace(/[A-Z]/g, letter => letter.toLowerCase())
