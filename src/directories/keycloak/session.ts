import type { KeycloakDirectory } from '../../api/services/keycloak.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Dialer } from '../../ports/dialer.ts'
import type { Secret } from '../../ports/secrets.ts'
import { secretFor } from '../audience.ts'
import { CONCURRENCY, type ServiceClient, type ServiceSession, serviceClient } from '../client.ts'
import { type Asked, missing, refused, strange, type What } from './trouble.ts'

export interface KeycloakOptions {
  /** The block of the Directory. */
  readonly spec: KeycloakDirectory
  readonly dialer: Dialer
  readonly clock: Clock
  readonly limits: { readonly perSecond?: number; readonly concurrency?: number }
  /** The secret of the client; asked for at each token. */
  readonly secret: () => Promise<Secret>
  /** PEM of the authority that signed the certificate of the server; undefined: those that this computer trusts. */
  readonly ca?: () => Promise<Secret>
  /** From 0 to 1, for the pauses between tries. */
  readonly random?: () => number
}

type Query = Readonly<Record<string, string | number>>

/** Asks one realm, with a token of its own that is kept until the server no longer takes it. */
export interface Session {
  readonly asked: Asked
  /** Requests that are worth being under way at once. */
  readonly concurrency: number
  /**
   * Signs in, whatever may be seen then.
   * @throws ServiceTrouble
   */
  signIn(): Promise<void>
  /**
   * @param path beneath the realm in the admin API: `/users`
   * @throws ServiceTrouble, also where there is no such thing
   */
  get(what: What, path: string, query?: Query): Promise<unknown>
  /** As `get`, and undefined where there is no such thing. */
  find(what: What, path: string, query?: Query): Promise<unknown>
}

/** @throws ServiceTrouble where `url` is no place that may be sent to */
export const keycloakClient = (options: KeycloakOptions): ServiceClient => {
  const { spec, secret } = options
  return serviceClient({
    base: spec.url,
    dialer: options.dialer,
    clock: options.clock,
    limits: options.limits,
    ...(options.ca && { ca: options.ca }),
    ...(options.random && { random: options.random }),
    authorize: async bare => ({ authorization: `Bearer ${await tokenOf(bare, spec, secret)}` }),
  })
}

export const sessionOf = (
  client: ServiceClient,
  { spec, limits }: Pick<KeycloakOptions, 'spec' | 'limits'>,
  options: Parameters<ServiceClient['session']>[0],
): Session => {
  const session = client.session(options)
  const realm = `admin/realms/${encodeURIComponent(spec.realm)}`
  const asked = askedOf(spec)
  const find: Session['find'] = async (what, path, query = {}) => {
    const { status, body } = await session.send({
      path: `${realm}${path}`,
      query,
      expect: [403, 404],
    })
    if (status === 403) throw refused(asked, what)
    if (status === 404) return undefined
    return body ?? null
  }
  return {
    asked,
    concurrency: limits.concurrency ?? CONCURRENCY,
    signIn: async () => {
      await session.send({ path: realm, expect: [403, 404] })
    },
    find,
    get: async (what, path, query) => {
      const body = await find(what, path, query)
      if (body === undefined) throw missing(asked, what)
      return body
    },
  }
}

/** By the client's own credentials (RFC 6749 section 4.4). */
const tokenOf = async (
  bare: ServiceSession,
  spec: KeycloakDirectory,
  secret: () => Promise<Secret>,
): Promise<string> => {
  const asked = askedOf(spec)
  const { status, body } = await bare.send({
    method: 'POST',
    path: `realms/${encodeURIComponent(spec.realm)}/protocol/openid-connect/token`,
    form: {
      grant_type: 'client_credentials',
      client_id: spec.clientId,
      client_secret: await secretFor(spec.url, secret, 'clientSecretRef'),
    },
    // Asking twice for a token changes nothing there.
    read: true,
    expect: [400, 401, 404],
  })
  if (status === 404) throw missing(asked, 'realm')
  if (status >= 400) throw refused(asked, 'token')
  const token = typeof body === 'object' && body !== null && 'access_token' in body ? body.access_token : undefined
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) throw strange(asked, 'token')
  return token
}

const askedOf = ({ url, realm, clientId }: KeycloakDirectory): Asked => ({
  server: url.replace(/\/+$/, ''),
  realm,
  clientId,
})
