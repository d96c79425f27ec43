import type { LdapDirectory } from '../../api/services/ldap.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Dialer } from '../../ports/dialer.ts'
import type { Secret } from '../../ports/secrets.ts'
import { mayBeSent } from '../audience.ts'
import { mustBeCertificate } from '../broken.ts'
import { asTrouble, ServiceTrouble } from '../trouble.ts'
import { Connection } from './connection.ts'
import { serverOf } from './server.ts'

export interface LdapOptions {
  /** The block of the Directory. */
  readonly spec: LdapDirectory
  readonly dialer: Dialer
  /** The password of `bindDn`; asked for at each connection. */
  readonly password?: () => Promise<Secret>
  /** PEM of the authority that signed the certificate of the server; undefined: those that this computer trusts. */
  readonly ca?: () => Promise<Secret>
  readonly clock: Clock
}

/** A connection that has signed in. */
export interface Session {
  readonly connection: Connection
  /** For people: the server, and who reads. */
  readonly asked: { readonly server: string; readonly reader: string }
}

/**
 * Connects, encrypts and signs in.
 * @throws ServiceTrouble; the signal's reason once it aborts
 */
export const openSession = async (
  options: LdapOptions & { signal: AbortSignal; tally: { requests: number }; onOpen: (connection: Connection) => void },
): Promise<Session> => {
  const { spec, dialer, clock, signal, tally } = options
  const server = serverOf(spec.url)
  const secret = await asTrouble(async () => options.password?.())
  if (secret) mayBeSent(secret, server, 'passwordSecretRef')
  // RFC 4513 section 5.1.2: a name without a password signs in as nobody, and looks like a success.
  if (spec.bindDn !== undefined && !secret?.value)
    throw new ServiceTrouble(
      'CredentialsRefused',
      `there is no password for ${spec.bindDn}; fill the secret of passwordSecretRef`,
    )
  const ca = (await asTrouble(async () => options.ca?.()))?.value
  mustBeCertificate(ca)
  const address = await asTrouble(() => dialer.resolve(server.host))
  const connection = await Connection.open({ server, address, ca, clock, signal, tally })
  options.onOpen(connection)
  await connection.bind(spec.bindDn ?? '', secret?.value ?? '')
  return { connection, asked: { server: server.name, reader: spec.bindDn ?? 'anonymous' } }
}
