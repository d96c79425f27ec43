import type { Reason } from '../../api/names.ts'
import { brokenConnection } from '../broken.ts'
import { ServiceTrouble } from '../trouble.ts'
import { Malformed } from './ber.ts'
import type { Result } from './message.ts'

/** What was asked for when the server answered with anything but success. */
export interface Asked {
  /** Host and port, for people. */
  readonly server: string
  /** Who asks, for people: the bindDn, or `anonymous`. */
  readonly reader: string
  readonly what: 'StartTLS' | 'bind' | 'search'
  /** Of a search: beneath which entry. */
  readonly base?: string
}

/** The trouble that a result code (RFC 4511 section 4.1.9 and appendix A) means. */
export const resultTrouble = (result: Result, asked: Asked): ServiceTrouble => {
  const { server, reader, base, what } = asked
  const said = result.text ? ` (it says: ${result.text})` : ''
  const trouble = (reason: Reason, sentence: string) => new ServiceTrouble(reason, `${sentence}${said}`)
  if (what === 'StartTLS')
    return trouble(
      'NotAllowed',
      `${server} refuses StartTLS, and nothing is sent unencrypted; set up TLS there, or use ldaps://`,
    )
  switch (result.code) {
    case 3:
      return trouble(
        'NotAllowed',
        `${server} stopped after its time limit, so some are missing; raise the limit for ${reader}, or lower pageSize`,
      )
    case 4:
      return trouble(
        'NotAllowed',
        `${server} stopped at its size limit, so some are missing; raise the limit for ${reader}, also the one for paged results`,
      )
    case 11:
      return trouble(
        'NotAllowed',
        `${server} stopped at an administrative limit, so some are missing; raise it for ${reader}`,
      )
    case 10:
      return trouble(
        'NotAllowed',
        `${server} sends us on to another server, which is never followed; name that server in url`,
      )
    case 12:
      return trouble('NotAllowed', `${server} cannot do what is asked of it; look into its log`)
    case 49:
      return trouble('CredentialsRefused', `${server} refuses the password of ${reader}; correct bindDn or the secret`)
    case 48:
    case 7:
      return trouble('CredentialsRefused', `${server} does not let ${reader} sign in this way; name another bindDn`)
    case 1:
    case 8:
    case 13:
    case 50:
    case 53:
      return trouble(
        'NotAllowed',
        what === 'bind'
          ? `${server} does not let ${reader} sign in; allow it there, or name another bindDn`
          : `${server} does not let ${reader} read ${base}; allow it there, or name another bindDn`,
      )
    case 32:
      return trouble(
        what === 'bind' ? 'CredentialsRefused' : 'InvalidSpec',
        what === 'bind'
          ? `${server} knows no ${reader}; correct bindDn`
          : `${server} has no entry ${base}, or does not show it to ${reader}; correct base, or allow it there`,
      )
    case 16:
    case 17:
    case 18:
    case 21:
    case 34:
      return trouble(
        'InvalidSpec',
        what === 'bind'
          ? `${server} does not understand bindDn ${reader}; correct it`
          : `${server} does not understand base ${base} or its filter; correct them`,
      )
    case 51:
    case 52:
      return trouble('Unreachable', `${server} is busy or not available; it is tried again`)
    default:
      return trouble('Unreachable', `${server} answered with code ${result.code}; look into its log`)
  }
}

/** What an error of the connection means. */
export const connectionTrouble = (error: unknown, server: string): ServiceTrouble => {
  if (error instanceof Malformed)
    return new ServiceTrouble(
      'Unreachable',
      `${server} sent ${error.message}; look whether it is an LDAP server, and what stands between`,
    )
  return brokenConnection(error, server)
}
