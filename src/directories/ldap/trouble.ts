import type { Reason } from '../../api/names.ts'
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

const CERTIFICATES: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'has expired; renew it there',
  CERT_NOT_YET_VALID: 'is not valid yet; look at the clocks',
  ERR_TLS_CERT_ALTNAME_INVALID: 'is for another name; use that name in url, or make a certificate for this one',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'is signed by nobody whom we trust; name its authority in caSecretRef',
  SELF_SIGNED_CERT_IN_CHAIN: 'is signed by nobody whom we trust; name its authority in caSecretRef',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'is signed by nobody whom we trust; name its authority in caSecretRef',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'is signed by nobody whom we trust; name its authority in caSecretRef',
  CERT_SIGNATURE_FAILURE: 'is signed by nobody whom we trust; name its authority in caSecretRef',
}

/** What an error of the connection means. */
export const connectionTrouble = (error: unknown, server: string): ServiceTrouble => {
  if (error instanceof ServiceTrouble) return error
  if (error instanceof Malformed)
    return new ServiceTrouble(
      'Unreachable',
      `${server} sent ${error.message}; look whether it is an LDAP server, and what stands between`,
    )
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const certificate = CERTIFICATES[code]
  if (certificate) return new ServiceTrouble('NotAllowed', `the certificate of ${server} ${certificate}`)
  if (code === 'ECONNREFUSED')
    return new ServiceTrouble('Unreachable', `${server} accepts no connections; look whether it runs, and at the port`)
  if (/^ERR_SSL|^ERR_TLS|^EPROTO/.test(code))
    return new ServiceTrouble('NotAllowed', `${server} and we do not agree on TLS (${code}); it needs TLS 1.2 or newer`)
  return new ServiceTrouble(
    'Unreachable',
    `the connection to ${server} broke${code ? ` (${code})` : ''}; it is tried again`,
  )
}
