import type { Secret } from '../ports/secrets.ts'
import { asTrouble, ServiceTrouble } from './trouble.ts'

const bare = (host: string): string => host.toLowerCase().replace(/^\[|\]$/g, '')

/**
 * A secret goes only to hosts that it names, with or without a port.
 * @param field of the block of the Directory, for people
 * @throws ServiceTrouble where it does not name this one
 */
export const mayBeSent = (secret: Secret, to: { host: string; port: number }, field: string): void => {
  const host = bare(to.host)
  const named = secret.hosts.map(bare)
  if (named.includes(host) || named.includes(`${host}:${to.port}`)) return
  throw new ServiceTrouble(
    'SecretAudience',
    `the secret of ${field} may not be sent to ${host}; name that host in its hosts`,
  )
}

/**
 * A secret to be sent to a service in a header or a body, read anew at each call.
 * @param url of the service
 * @throws ServiceTrouble where it may not be sent there, is empty, or holds what no header may hold
 */
export const secretFor = async (url: string, read: () => Promise<Secret>, field: string): Promise<string> => {
  const { hostname, port, protocol } = new URL(url)
  const secret = await asTrouble(read)
  mayBeSent(secret, { host: hostname, port: port ? Number(port) : protocol === 'http:' ? 80 : 443 }, field)
  const value = secret.value.trim()
  // Said without the value: what Node says of a header that it refuses may hold it.
  if (value === '' || !/^[\x20-\x7e]+$/.test(value))
    throw new ServiceTrouble(
      'CredentialsRefused',
      `the secret of ${field} is ${value === '' ? 'empty' : 'no token: it holds other characters than a header may'}; fill it`,
    )
  return value
}
