import type { ServiceSession } from '../client.ts'
import { isJson, type Json } from './resource.ts'
import { type Asked, EXPLAINED, refusal, strange } from './trouble.ts'

export type Query = Readonly<Record<string, string | number | undefined>>

/** One service during a read or a check. */
export interface Service {
  /** Host and port, for people. */
  readonly host: string
  /**
   * @param path beneath the url: `/Users`
   * @throws ServiceTrouble; the signal's reason once it aborts
   */
  get(path: string, query?: Query, filter?: Asked['filter']): Promise<Json>
  /** As `get`. @returns undefined where the service does not serve that path, or not to us */
  find(path: string, query?: Query): Promise<Json | undefined>
}

/** @param options.secret what the session sends as its credentials, once it has sent them */
export const serviceOf = (options: {
  session: ServiceSession
  host: string
  secret: () => string | undefined
}): Service => {
  const { session, host, secret } = options
  const ask = async (path: string, query: Query) =>
    await session.send({
      path: `${path}${queryOf(query)}`,
      headers: { accept: 'application/scim+json, application/json' },
      expect: EXPLAINED,
    })
  const jsonOf = (body: unknown, path: string): Json => {
    if (isJson(body)) return body
    throw strange(host, path, body === undefined ? 'nothing' : 'JSON of another kind')
  }
  return {
    host,
    get: async (path, query = {}, filter) => {
      const { status, body } = await ask(path, query)
      if (status < 300) return jsonOf(body, path)
      throw refusal({ status, body }, { host, path, secret: secret(), ...(filter && { filter }) })
    },
    find: async (path, query = {}) => {
      const { status, body } = await ask(path, query)
      return status < 300 ? jsonOf(body, path) : undefined
    },
  }
}

/** Spaces as %20: not every service takes the `+` of forms for one. */
const queryOf = (query: Query): string => {
  const parts = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
  )
  return parts.length === 0 ? '' : `?${parts.join('&')}`
}

/** A resource by its id, beneath its collection; undefined for an id that no path can hold. */
export const pathOf = (collection: '/Users' | '/Groups', id: string): string | undefined =>
  /^\.{1,2}$/.test(id) ? undefined : `${collection}/${encodeURIComponent(id)}`
