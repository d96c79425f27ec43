import { isDeepStrictEqual } from 'node:util'
import type { GithubDirectory } from '../../api/services/github.ts'
import type { RequestLimits } from '../../api/services/requests.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Dialer } from '../../ports/dialer.ts'
import type { Secret } from '../../ports/secrets.ts'
import { secretFor } from '../audience.ts'
import { type ServiceClient, type ServiceSession, serviceClient } from '../client.ts'
import type { Tally } from '../ended.ts'
import { ServiceTrouble } from '../trouble.ts'
import { shape } from './shape.ts'
import { errorsOf, type GraphqlError, githubLimit, graphqlTrouble, listTrouble } from './trouble.ts'

/** How many GitHub gives at once, over REST and over GraphQL. */
export const PAGE_SIZE = 100
/** Pages of one list: whatever a server sends beyond is its own invention. */
const MOST_PAGES = 10_000

export interface GithubOptions {
  /** The block of the Directory. */
  readonly spec: GithubDirectory
  readonly limits: RequestLimits
  readonly dialer: Dialer
  readonly clock: Clock
  readonly token: () => Promise<Secret>
  readonly ca?: () => Promise<Secret>
  /** 100 where it is absent, which is the most. */
  readonly pageSize?: number
  /** From 0 to 1. */
  readonly random?: () => number
}

/** Reads one organization. */
export interface Session {
  readonly host: string
  readonly organization: string
  readonly pageSize: number
  /**
   * The data of a query, which only reads.
   * @param tolerate errors that are an answer: the place holds null
   * @throws ServiceTrouble for any other error, even where some of the data came
   */
  query(
    text: string,
    variables: Record<string, unknown>,
    tolerate?: (error: GraphqlError) => boolean,
  ): Promise<Record<string, unknown>>
  /** All pages of a list over REST. @param what for people */
  list(path: string, what: string): Promise<Record<string, unknown>[]>
  /** Whether a list may be read at all. */
  mayList(path: string): Promise<boolean>
}

/** Reads of a list that changes meanwhile. */
const MOST_READS = 4
const idOf = ({ id }: Record<string, unknown>): unknown => id

const API = 'https://api.github.com'

/** Where REST and GraphQL are: beside each other on GitHub itself, in two folders on GitHub Enterprise Server. */
const placesOf = (url: string = API): { base: string; rest: string } => {
  const trimmed = url.replace(/\/$/, '')
  const server = /^(.*)\/v3$/.exec(trimmed)
  return server?.[1] === undefined ? { base: trimmed, rest: '' } : { base: server[1], rest: '/v3' }
}

export const githubClient = ({ spec, limits, dialer, clock, token, ca, random }: GithubOptions): ServiceClient => {
  const { base } = placesOf(spec.url)
  return serviceClient({
    base,
    dialer,
    clock,
    limits: {
      concurrency: limits.concurrency ?? 4,
      ...(limits.perSecond !== undefined && { perSecond: limits.perSecond }),
    },
    authorize: async () => ({ authorization: `Bearer ${await secretFor(base, token, 'tokenSecretRef')}` }),
    limitedFor: githubLimit(clock),
    ...(ca && { ca }),
    ...(random && { random }),
  })
}

/** @throws ServiceTrouble; the signal's reason once it aborts */
export const openSession = (
  client: ServiceClient,
  { spec, pageSize = PAGE_SIZE }: GithubOptions,
  options: { signal: AbortSignal; tally: Tally },
): Session => {
  const { host } = client
  const { organization } = spec
  const { rest } = placesOf(spec.url)
  const service: ServiceSession = client.session(options)
  const headers = { accept: 'application/vnd.github+json', 'x-github-api-version': '2022-11-28' }

  const pagesOf = async (path: string, what: string) => {
    const items: Record<string, unknown>[] = []
    let pages = 0
    for (
      let next: string | undefined = `${rest}/orgs/${organization}/${path}?per_page=${pageSize}`;
      next !== undefined;
      pages++
    ) {
      if (pages >= MOST_PAGES)
        throw new ServiceTrouble(
          'NotAllowed',
          `${host} tells of ${what} without an end; look at url, and what stands between`,
        )
      const answer = await service.send({ path: next, headers, expect: [403, 404] })
      if (answer.status >= 400) throw listTrouble(answer.status, what, host, organization)
      for (const item of shape.list(answer.body, what)) items.push(shape.object(item, what))
      next = nextOf(answer.headers.get('link'))
    }
    return { pages, items }
  }

  return {
    host,
    organization,
    pageSize,
    query: async (text, variables, tolerate = () => false) => {
      const answer = await service.send({
        method: 'POST',
        path: '/graphql',
        json: { query: text, variables },
        read: true,
      })
      const error = errorsOf(answer).find(error => !tolerate(error))
      if (error) throw graphqlTrouble(error, host, organization)
      return shape.object(shape.object(answer.body, 'data')['data'], 'data')
    },
    list: async (path, what) => {
      let { pages, items } = await pagesOf(path, what)
      // Pages by number skip somebody when somebody before them leaves: only a list that stood still from one read to the next is whole.
      for (let reads = 1; pages > 1; reads++) {
        if (reads > MOST_READS)
          throw new ServiceTrouble(
            'Incomplete',
            `the ${what} of ${organization} changed each time that they were read; they are read again`,
          )
        const again = await pagesOf(path, what)
        const same = isDeepStrictEqual(again.items.map(idOf), items.map(idOf))
        ;({ pages, items } = again)
        if (same) break
      }
      return items
    },
    mayList: async path => {
      const answer = await service.send({
        path: `${rest}/orgs/${organization}/${path}?per_page=1`,
        headers,
        expect: [403, 404],
      })
      return answer.status < 400
    },
  }
}

/** The next page, as a service links it (RFC 8288). */
export const nextOf = (link: string | null): string | undefined =>
  /<([^<>]+)>\s*;[^,<]*\brel="?next"?/.exec(link ?? '')?.[1]
