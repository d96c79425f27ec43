import { ServiceTrouble } from '../trouble.ts'

/** Where an LDAP server is. */
export interface Server {
  /** A name or an address, without brackets, in lower case. */
  readonly host: string
  readonly port: number
  /** Encrypted from the first byte; else StartTLS is the first request. */
  readonly secure: boolean
  /** For people: `ldaps://ldap.acme.example`. */
  readonly name: string
}

/** @throws ServiceTrouble for an address that is none */
export const serverOf = (url: string): Server => {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  const secure = parsed?.protocol === 'ldaps:'
  if (!parsed?.hostname || !(secure || parsed.protocol === 'ldap:') || parsed.username || parsed.password)
    throw new ServiceTrouble(
      'InvalidSpec',
      `${url.replace(/\/\/.*@/, '//')} is no ldaps://host or ldap://host; correct url`,
    )
  const host = parsed.hostname.toLowerCase().replace(/^\[|\]$/g, '')
  const port = parsed.port ? Number(parsed.port) : secure ? 636 : 389
  return { host, port, secure, name: `${parsed.protocol}//${parsed.host.toLowerCase()}` }
}
