import PQueue from 'p-queue'
import { isLoopback } from '../api/loopback.ts'
import { type Clock, timestamp } from '../ports/clock.ts'
import type { Dialer } from '../ports/dialer.ts'
import type { Secret } from '../ports/secrets.ts'
import { mustBeCertificate } from './broken.ts'
import type { Tally } from './ended.ts'
import { type Incoming, openExchange } from './exchange.ts'
import { backOff, MOST_TRIES, MOST_WAIT, passes, retryAfter } from './retry.ts'
import { asTrouble, ServiceTrouble } from './trouble.ts'

/** Requests under way at once, where nobody says otherwise. */
export const CONCURRENCY = 4

export interface ServiceRequest {
  /** GET when absent. */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Beneath the base: `/users`. Or an absolute URL, as a service names its next page: only of the same origin. */
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | undefined>>
  readonly headers?: Readonly<Record<string, string>>
  readonly json?: unknown
  readonly form?: Readonly<Record<string, string>>
  /** Changes nothing there although it is no GET, such as a search: it is tried again as a GET is. */
  readonly read?: boolean
  /** Statuses of 300 and more that are an answer to the one who asks, and no trouble. */
  readonly expect?: readonly number[]
}

export interface ServiceAnswer {
  readonly status: number
  readonly headers: Headers
  /** JSON, parsed and not checked; undefined where there is none. */
  readonly body: unknown
}

export interface ServiceSession {
  /** @throws ServiceTrouble; the signal's reason once it aborts */
  send(request: ServiceRequest): Promise<ServiceAnswer>
}

export interface ServiceClient {
  /** For people: host and port. */
  readonly host: string
  /** Requests that count together, with one reading of the secrets. */
  session(options: { signal: AbortSignal; tally: Tally }): ServiceSession
  /** Ends all connections; what is under way ends as trouble. */
  close(): Promise<void>
}

export interface ServiceClientOptions {
  /** `https://host[:port][/path]`; `http://` only for this computer. */
  readonly base: string
  readonly dialer: Dialer
  readonly clock: Clock
  /** All sessions together. */
  readonly limits: { readonly perSecond?: number; readonly concurrency?: number }
  /**
   * Headers with the credentials; asked for once a session, and once more after a 401.
   * @param bare sends without them, as part of the same session: for services that give out tokens
   */
  readonly authorize?: (bare: ServiceSession) => Promise<Record<string, string>>
  /** PEM of the authority that signed the certificate; undefined: those that this computer trusts. */
  readonly ca?: () => Promise<Secret>
  /** What the service says in its own words for "slow down", in milliseconds from now; undefined: it does not. */
  readonly limitedFor?: (answer: ServiceAnswer) => number | undefined
  /** From 0 to 1. */
  readonly random?: () => number
}

/**
 * JSON over HTTPS to one service. Where the service is busy, or a connection breaks, what only reads is tried again, after a pause that holds for all
 * requests of the client: whoever is asked to slow down is not asked by the next one. What was refused as too much was not done, and is tried again too.
 * Redirects are not followed, and no message holds what was sent.
 * @throws ServiceTrouble where `base` is no place that may be sent to
 */
export const serviceClient = (options: ServiceClientOptions): ServiceClient => {
  const { clock, limits, random = Math.random } = options
  const base = baseOf(options.base)
  const host = base.host
  const exchange = openExchange({ base, host, dialer: options.dialer, clock })
  const queue = new PQueue({
    concurrency: limits.concurrency ?? CONCURRENCY,
    ...(limits.perSecond === undefined ? {} : { intervalCap: limits.perSecond, interval: 1000, strict: true }),
  })
  const closing = new AbortController()
  let pausedUntil = 0

  /** @returns milliseconds that were waited */
  const pause = async (signal: AbortSignal, most: number): Promise<number> => {
    const begun = clock.now()
    for (let left = pausedUntil - begun; left > 0; left = pausedUntil - clock.now()) {
      const waited = clock.now() - begun
      if (waited + left > most)
        throw new ServiceTrouble(
          'Retrying',
          `${host} asks for a pause until ${timestamp(pausedUntil)}; it is tried again`,
        )
      await until(clock, pausedUntil, signal)
    }
    return clock.now() - begun
  }

  const session = ({ signal, tally }: Parameters<ServiceClient['session']>[0]): ServiceSession => {
    let held: Promise<Record<string, string>> | undefined
    let ca: Promise<string | undefined> | undefined
    const either = AbortSignal.any([signal, closing.signal])

    const authority = async (): Promise<string | undefined> => {
      const pem = (await asTrouble(async () => options.ca?.()))?.value
      mustBeCertificate(pem)
      return pem
    }
    const credentials = (): Promise<Record<string, string>> => {
      held ??= asTrouble(async () => (await options.authorize?.({ send: request => send(request, NOBODY) })) ?? {})
      return held
    }

    const send = async (request: ServiceRequest, as = credentials): Promise<ServiceAnswer> => {
      const method = request.method ?? 'GET'
      const url = urlOf(base, request)
      const { body, type } = bodyOf(request)
      const reads = method === 'GET' || request.read === true
      let waited = 0
      let renewed = false
      let failures = 0
      /** Set before anybody else has a turn, so that whoever waits for one waits for the end of the pause too. */
      const again = (milliseconds: number): boolean => {
        failures += 1
        pausedUntil = Math.max(pausedUntil, clock.now() + Math.max(milliseconds, backOff(failures, random())))
        return failures < MOST_TRIES
      }
      /** @returns undefined: to be tried again */
      const attempt = async (headers: Record<string, string>, trusted: string | undefined) => {
        waited += await pause(either, MOST_WAIT - waited)
        tally.requests += 1
        let came: Incoming
        try {
          came = await exchange.send({ method, url, headers, body, ca: trusted, signal: either })
        } catch (error) {
          const broke = error instanceof ServiceTrouble && error.reason === 'Unreachable'
          if (broke && reads && again(0)) return undefined
          throw error
        }
        const answer = answerOf(came)
        const asked = retryAfter(came.headers.get('retry-after'), clock.now())
        const limited = options.limitedFor?.(answer) ?? (came.status === 429 ? (asked ?? 0) : undefined)
        if (limited !== undefined || (passes(came.status) && reads)) {
          if (again(limited ?? asked ?? 0)) return undefined
          throw statusTrouble(came.status, limited !== undefined, host, url)
        }
        return { came, answer }
      }
      for (;;) {
        ca ??= authority()
        const trusted = await ca
        const authorized = as()
        const headers = {
          accept: 'application/json',
          'user-agent': 'roster',
          ...type,
          ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
          ...request.headers,
          ...(await authorized),
        }
        const ended = await queue.add(() => attempt(headers, trusted), { signal: either })
        if (!ended) continue
        const { came, answer } = ended
        if (came.status === 401 && options.authorize && as !== NOBODY && !renewed) {
          renewed = true
          // Whoever was refused with the same credentials has asked for new ones already, or does so now for all.
          if (held === authorized) held = undefined
          continue
        }
        if (came.status >= 300 && !request.expect?.includes(came.status))
          throw statusTrouble(came.status, false, host, url)
        if (came.status < 300 && came.text !== '' && answer.body === undefined)
          throw new ServiceTrouble(
            'NotAllowed',
            `${host} answered ${shown(url)} with something that is no JSON; look at url, and what stands between`,
          )
        return answer
      }
    }
    return {
      send: async request => {
        try {
          return await send(request)
        } catch (error) {
          signal.throwIfAborted()
          if (closing.signal.aborted) throw new ServiceTrouble('Unreachable', 'the directory was closed')
          throw error
        }
      },
    }
  }

  return {
    host,
    session,
    close: async () => {
      closing.abort()
      exchange.close()
    },
  }
}

const NOBODY = async (): Promise<Record<string, string>> => ({})

const baseOf = (text: string): URL => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const place = text.replace(/\/\/.*@/, '//').slice(0, 200)
  if (!url?.hostname || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash)
    throw new ServiceTrouble('InvalidSpec', `${place} is no https://host; correct url`)
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    throw new ServiceTrouble('InvalidSpec', `${place} is not encrypted, and nothing is sent so; use https`)
  return url
}

const urlOf = (base: URL, { path, query = {} }: ServiceRequest): URL => {
  const below = base.pathname.replace(/\/$/, '')
  const absolute = URL.canParse(path) ? new URL(path) : undefined
  const url = absolute ?? new URL(`${base.origin}${below}/${path.replace(/^\/+/, '')}`)
  if (url.origin !== base.origin || url.username || url.password)
    throw new ServiceTrouble(
      'NotAllowed',
      `${base.host} sends us on to another place, ${url.origin}, which is never followed; correct url`,
    )
  if (!absolute && below !== '' && !url.pathname.startsWith(`${below}/`))
    throw new ServiceTrouble('NotAllowed', `a request would leave ${base.host}${below}; look at the names in it`)
  url.hash = ''
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value))
  return url
}

const bodyOf = ({ json, form }: ServiceRequest): { body?: string; type?: Record<string, string> } => {
  if (json !== undefined) return { body: JSON.stringify(json), type: { 'content-type': 'application/json' } }
  if (form === undefined) return {}
  const type = { 'content-type': 'application/x-www-form-urlencoded' }
  return { body: new URLSearchParams(form).toString(), type }
}

const answerOf = ({ status, headers, text }: Incoming): ServiceAnswer => {
  try {
    return { status, headers, body: text === '' ? undefined : JSON.parse(text) }
  } catch {
    return { status, headers, body: undefined }
  }
}

/** Without the query: it may hold what nobody should read. */
const shown = (url: URL): string => url.pathname.slice(0, 200)

const statusTrouble = (status: number, limited: boolean, host: string, url: URL): ServiceTrouble => {
  const where = shown(url)
  if (limited) return new ServiceTrouble('Retrying', `${host} asks us to slow down; it is tried again`)
  if (status < 400)
    return new ServiceTrouble(
      'NotAllowed',
      `${host} sends us on from ${where} to another place, which is never followed; correct url`,
    )
  if (status === 401)
    return new ServiceTrouble('CredentialsRefused', `${host} refuses the credentials; renew the secret`)
  if (status === 403)
    return new ServiceTrouble('NotAllowed', `${host} does not allow us ${where}; give the credentials the right there`)
  if (status === 404)
    return new ServiceTrouble(
      'InvalidSpec',
      `${host} has no ${where}, or does not show it to us; correct the name, or give the right there`,
    )
  if (status < 500) return new ServiceTrouble('NotAllowed', `${host} refuses ${where} (${status}); look into its log`)
  return new ServiceTrouble('Unreachable', `${host} answered ${where} with ${status}; it is tried again`)
}

/** Resolves at that time. @throws the signal's reason once it aborts */
const until = async (clock: Clock, time: number, signal: AbortSignal): Promise<void> => {
  signal.throwIfAborted()
  await new Promise<void>((resolve, reject) => {
    const abort = () => {
      disarm()
      reject(signal.reason)
    }
    const disarm = clock.at(time, () => {
      signal.removeEventListener('abort', abort)
      resolve()
    })
    signal.addEventListener('abort', abort, { once: true })
  })
}
