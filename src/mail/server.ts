import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import { isLoopback } from '../api/loopback.ts'
import { MailSettingsError } from './errors.ts'

/** A mail server, as its URL names it. Holds no secret. */
export interface MailServer {
  readonly host: string
  readonly port: number
  /**
   * - `Implicit`: TLS from the first byte (`smtps://`, RFC 8314).
   * - `Required`: STARTTLS, or nothing is said.
   * - `Offered`: STARTTLS where the server offers it.
   * - `Never`: plain text.
   */
  readonly tls: 'Implicit' | 'Required' | 'Offered' | 'Never'
  readonly user?: string
  /** How a store is bound to it: `smtp://mail.acme.example:587`, without user and options. */
  readonly binding: string
}

const TLS = { required: 'Required', offered: 'Offered', never: 'Never' } as const

/**
 * Reads the URL of a mail server: `smtps://user@host` (port 465) or `smtp://user@host` (port 587, STARTTLS).
 *
 * `smtp://` insists on STARTTLS unless the server is on this machine; `?tls=offered` or `?tls=never` loosens that, and with a user
 * only for a server on this machine: credentials never cross a network in plain text. Certificates are always verified.
 *
 * @throws MailSettingsError naming the remedy; the message never repeats a password
 */
export function mailServer(text: string): MailServer {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || (url.protocol !== 'smtp:' && url.protocol !== 'smtps:')) {
    throw new MailSettingsError(
      'the mail server must be a URL like smtp://user@mail.example.com:587 or smtps://user@mail.example.com',
    )
  }
  if (url.password) {
    throw new MailSettingsError(
      `the URL of the mail server ${url.hostname} holds a password, where logs and process lists show it: leave it out, and put it into the secret "smtp"`,
    )
  }
  // URL leaves hosts of unknown schemes as they are
  const host =
    domainToASCII(decodeURIComponent(url.hostname).replace(/^\[|\]$/g, '')) || url.hostname.replace(/^\[|\]$/g, '')
  if (!host || (isIP(host) === 0 && !/^[a-z0-9._-]+$/i.test(host)))
    throw new MailSettingsError(`the URL of the mail server names no host: ${JSON.stringify(withoutUser(url))}`)
  if ((url.pathname !== '' && url.pathname !== '/') || url.hash)
    throw new MailSettingsError(`the URL of the mail server ends after the port: ${JSON.stringify(withoutUser(url))}`)
  const user = decoded(url.username)
  const implicit = url.protocol === 'smtps:'
  const port = url.port === '' ? (implicit ? 465 : 587) : Number(url.port)
  if (port < 1 || port > 65_535)
    throw new MailSettingsError(`the mail server's port must be between 1 and 65535, not ${url.port}`)
  const near = isLoopback(host)

  const unknown = [...url.searchParams.keys()].find(key => key !== 'tls')
  if (unknown !== undefined)
    throw new MailSettingsError(
      `the URL of the mail server has an option ${JSON.stringify(unknown)}; there is only "tls"`,
    )
  const asked = url.searchParams.get('tls')
  if (asked !== null && !Object.hasOwn(TLS, asked))
    throw new MailSettingsError(`tls=${JSON.stringify(asked)} is unknown: write tls=required, tls=offered or tls=never`)
  const option = asked as keyof typeof TLS | null
  if (implicit && option !== null && option !== 'required')
    throw new MailSettingsError('smtps:// is encrypted from the first byte: leave "tls" out, or write smtp://')
  const tls = implicit
    ? 'Implicit'
    : option !== null
      ? TLS[option]
      : near && user === undefined
        ? 'Offered'
        : 'Required'
  if (user !== undefined && !near && (tls === 'Offered' || tls === 'Never')) {
    throw new MailSettingsError(
      `tls=${option} would send the password for ${host} in plain text: write tls=required or smtps://, or leave the user out`,
    )
  }
  if (user !== undefined && tls === 'Offered') {
    throw new MailSettingsError(
      'tls=offered with a user would leave it to the server whether the password is sent in plain text: write tls=required, or tls=never for a server on this machine',
    )
  }
  return {
    host,
    port,
    tls,
    ...(user === undefined ? {} : { user }),
    binding: `${url.protocol}//${isIP(host) === 6 ? `[${host}]` : host.toLowerCase()}:${port}`,
  }
}

function decoded(user: string): string | undefined {
  if (user === '') return undefined
  try {
    const text = decodeURIComponent(user)
    if (/^[^\p{Cc}]+$/u.test(text)) return text
  } catch {
    // falls through: a lone percent sign
  }
  throw new MailSettingsError("the mail server's user cannot be read: write special signs percent-encoded, @ as %40")
}

function withoutUser(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`
}
