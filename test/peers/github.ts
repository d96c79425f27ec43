import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecure } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { LOCALHOST_CERTIFICATE, LOCALHOST_KEY } from './certificate.ts'
import { graphqlAnswer } from './github/graphql.ts'
import { emptyOrganization, filling, type OrganizationState } from './github/organization.ts'
import { restAnswer, simpleUser } from './github/rest.ts'

/**
 * How the peer treats the next requests: each word is used up by one of them, and after the last one every request is answered.
 *
 * - `answer`
 * - `break`: the connection ends instead of an answer
 * - `break-after`: the connection ends in the middle of the answer
 * - `bad-gateway`, `unavailable`: 502 with a page of HTML, as GitHub gives up on a query; 503
 * - `too-many`: the budget of the hour is used up: 403 over REST, an error with status 200 over GraphQL, `x-ratelimit-remaining: 0` and a reset
 * - `secondary`, `secondary-429`: a secondary limit with `Retry-After: 1`, as 403 or 429
 * - `secondary-bare`: the same as 403 without any time
 * - `error`: a query that came to nothing, with status 200
 */
export type Treatment =
  | 'answer'
  | 'break'
  | 'break-after'
  | 'bad-gateway'
  | 'unavailable'
  | 'too-many'
  | 'secondary'
  | 'secondary-429'
  | 'secondary-bare'
  | 'error'

export interface GithubPeerOptions {
  organization?: string
  token?: string
  /** Of the token; all that a read needs when absent. */
  scopes?: string[]
  /** Whether the token is that of an owner; true when absent. */
  isOwner?: boolean
  tls?: boolean
  /** "No more than 100 concurrent requests", "no more than 900 points per minute" over REST and 2,000 over GraphQL. */
  limits?: { concurrent?: number; restPerMinute?: number; graphqlPerMinute?: number }
  /** Seconds since 1970, of the time at which the budget begins anew. */
  reset?: () => number
}

export interface GithubPeer extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly state: OrganizationState
  readonly fill: ReturnType<typeof filling>
  /** Requests until now: method and path, without the query. */
  readonly requests: string[]
  /** Requests under way at once, at most. */
  readonly concurrent: number
  /** Answers only after so many milliseconds from now on. */
  delay(milliseconds: number): void
  treat(...treatments: Treatment[]): void
  /** Does something before the n-th request (from 1) of this method and path from now on is answered. @returns when it was */
  onceAsked(request: string, at: number, work: () => void): Promise<void>
  /** From now on each request from the n-th on (1 is the next) is treated so. */
  treatFrom(request: number, treatment: Treatment): void
}

export const GITHUB_TOKEN = 'ghp_0123456789abcdefghijklmnopqrstuvwxyz'
const ALL_SCOPES = ['admin:org', 'read:org', 'read:user']
const MINUTE = 60_000

/** A server on loopback that answers as docs.github.com and the published schema of GraphQL describe it, and counts. */
export const githubPeer = async (options: GithubPeerOptions = {}): Promise<GithubPeer> => {
  const { organization = 'acme', token = GITHUB_TOKEN, scopes = ALL_SCOPES, isOwner = true } = options
  const limits = { concurrent: 100, restPerMinute: 900, graphqlPerMinute: 2000, ...options.limits }
  const reset = options.reset ?? (() => Math.ceil(Date.now() / 1000) + 3600)
  const state = emptyOrganization(organization)
  const requests: string[] = []
  const treatments: Treatment[] = []
  const failures: unknown[] = []
  const watchers: { request: string; nth: number; work: () => void }[] = []
  let from: { at: number; treatment: Treatment } | undefined
  let under = 0
  let concurrent = 0
  const minute = { begun: Date.now(), rest: new Map<string, number>(), graphql: 0 }

  /** One more request of this minute. @returns whether it is one too many */
  const overSpent = (path: string, graphql: boolean): boolean => {
    if (Date.now() - minute.begun >= MINUTE) {
      minute.begun = Date.now()
      minute.rest.clear()
      minute.graphql = 0
    }
    if (graphql) return ++minute.graphql > limits.graphqlPerMinute
    const spent = (minute.rest.get(path) ?? 0) + 1
    minute.rest.set(path, spent)
    return spent > limits.restPerMinute
  }

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = ''
    for await (const chunk of request) body += chunk
    const url = new URL(request.url ?? '', 'http://localhost')
    const graphql = request.method === 'POST' && /\/graphql$/.test(url.pathname)
    const asked = `${request.method} ${url.pathname}`
    requests.push(asked)
    const nth = watchers.length > 0 ? requests.filter(other => other === asked).length : 0
    for (const watcher of watchers) if (watcher.request === asked && watcher.nth === nth) watcher.work()
    const treatment = treatments.shift() ?? (from && requests.length >= from.at ? from.treatment : 'answer')
    if (self.latency > 0) await new Promise(resolve => setTimeout(resolve, self.latency))
    const send = (status: number, value: unknown, headers: Record<string, string> = {}) => {
      const text = typeof value === 'string' ? value : JSON.stringify(value)
      response.writeHead(status, {
        'content-type': typeof value === 'string' ? 'text/html' : 'application/json; charset=utf-8',
        'content-length': Buffer.byteLength(text),
        'x-oauth-scopes': scopes.join(', '),
        'x-ratelimit-limit': '5000',
        'x-ratelimit-remaining': '4000',
        'x-ratelimit-reset': String(reset()),
        'x-ratelimit-resource': graphql ? 'graphql' : 'core',
        ...headers,
      })
      if (treatment !== 'break-after') return response.end(text)
      response.write(text.slice(0, text.length / 2))
      return setImmediate(() => response.destroy())
    }
    const secondary = (status: number, headers: Record<string, string> = {}) =>
      send(
        status,
        { message: 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.' },
        headers,
      )
    if (treatment === 'break') return void response.destroy()
    if (treatment === 'bad-gateway') return void send(502, '<html>Unicorn!</html>')
    if (treatment === 'unavailable') return void send(503, { message: 'Service Unavailable' })
    if (treatment === 'secondary') return void secondary(403, { 'retry-after': '1' })
    if (treatment === 'secondary-429') return void secondary(429, { 'retry-after': '1' })
    if (treatment === 'secondary-bare') return void secondary(403)
    if (treatment === 'too-many') {
      const message = 'API rate limit exceeded for user ID 1.'
      const used = { 'x-ratelimit-remaining': '0' }
      return void (graphql
        ? send(200, { errors: [{ type: 'RATE_LIMITED', message }] }, used)
        : send(403, { message }, used))
    }
    if (treatment === 'error')
      return void send(200, {
        data: null,
        errors: [{ message: 'Something went wrong while executing your query. This is a temporary issue.' }],
      })
    if (under > limits.concurrent || overSpent(url.pathname, graphql))
      return void secondary(403, { 'retry-after': '60' })
    const { authorization } = request.headers
    if (authorization !== `Bearer ${token}` && authorization !== `token ${token}`)
      return void send(401, { message: 'Bad credentials', status: '401' })
    if (graphql) return void send(200, await graphqlAnswer(state, JSON.parse(body), { scopes, isOwner }))
    if (request.method !== 'GET') return void send(404, { message: 'Not Found' })
    if (/invitations|outside/.test(url.pathname) && !scopes.includes('admin:org'))
      return void send(403, { message: 'You must be an admin to view invitations for an organization.' })
    const found = restAnswer(state, url.pathname, url.searchParams)
    if ('item' in found) return void send(found.status, found.item)
    const all = 'people' in found ? found.people : found.list
    // "The number of results per page (max 100)", 30 when absent.
    const size = Math.min(Math.max(Number(url.searchParams.get('per_page') ?? 30) || 30, 1), 100)
    const page = Math.max(Number(url.searchParams.get('page') ?? 1) || 1, 1)
    const last = Math.max(Math.ceil(all.length / size), 1)
    const linkTo = (to: number, rel: string) => {
      const there = new URL(`${self.url}${url.pathname}${url.search}`)
      there.searchParams.set('page', String(to))
      return `<${there}>; rel="${rel}"`
    }
    const links = [
      ...(page > 1 ? [linkTo(page - 1, 'prev')] : []),
      ...(page < last ? [linkTo(page + 1, 'next'), linkTo(last, 'last')] : []),
      ...(page > 1 ? [linkTo(1, 'first')] : []),
    ]
    const items = all.slice((page - 1) * size, page * size)
    send(
      200,
      'people' in found ? (items as typeof found.people).map(simpleUser) : items,
      links.length > 0 ? { link: links.join(', ') } : {},
    )
  }

  const listen = (request: IncomingMessage, response: ServerResponse) => {
    concurrent = Math.max(concurrent, ++under)
    response.once('close', () => under--)
    answer(request, response).catch((error: unknown) => {
      // A mistake of this peer, not of who asks.
      failures.push(error)
      response.destroy()
    })
  }
  const server = options.tls
    ? createSecure({ key: LOCALHOST_KEY, cert: LOCALHOST_CERTIFICATE }, listen)
    : createServer(listen)
  const sockets = new Set<Socket>()
  server.on('connection', socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const self = { url: `${options.tls ? 'https' : 'http'}://localhost:${port}`, latency: 0 }

  return {
    url: self.url,
    port,
    delay: milliseconds => {
      self.latency = milliseconds
    },
    state,
    fill: filling(state),
    requests,
    get concurrent() {
      return concurrent
    },
    treat: (...next) => void treatments.push(...next),
    onceAsked: (request, at, work) =>
      new Promise(resolve => {
        const nth = requests.filter(asked => asked === request).length + at
        watchers.push({
          request,
          nth,
          work: () => {
            work()
            resolve()
          },
        })
      }),
    treatFrom: (request, treatment) => {
      from = { at: requests.length + request, treatment }
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
      if (failures.length > 0) throw failures[0]
    },
  }
}
