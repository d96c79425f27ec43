import {
  type AgentOptions,
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { connect as connectTcp, isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { RosterError } from '../api/errors.ts'
import { isLoopback } from '../api/loopback.ts'
import type { Clock } from '../ports/clock.ts'
import type { Dialer } from '../ports/dialer.ts'
import { brokenConnection } from './broken.ts'
import { asTrouble, ServiceTrouble } from './trouble.ts'

/** How long one request may take from its first byte to the last one of the answer, in milliseconds. */
export const DEADLINE = 30_000
/** Bytes of one answer. */
export const MOST_BYTES = 32 * 1024 * 1024

/** What goes over the wire. */
export interface Outgoing {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
  /** PEM of the one authority that is trusted; undefined: those of this computer. */
  readonly ca: string | undefined
  readonly signal: AbortSignal
}

/** What came back, whole. */
export interface Incoming {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** Connections to one service, kept open between requests. */
export interface Exchange {
  /** @throws ServiceTrouble where no whole answer came; the signal's reason once it aborts */
  send(outgoing: Outgoing): Promise<Incoming>
  close(): void
}

type Connected = (error: Error | null, socket: Duplex) => void
type Target = { host?: string | null | undefined; port?: string | number | null | undefined; ca?: unknown }

/** @param options.host for people */
export const openExchange = (options: { base: URL; host: string; dialer: Dialer; clock: Clock }): Exchange => {
  const { base, host, dialer, clock } = options
  const secure = base.protocol === 'https:'
  const agent = agentFor(secure, dialer)

  const send = async ({ method, url, headers, body, ca, signal }: Outgoing): Promise<Incoming> => {
    signal.throwIfAborted()
    const late = new ServiceTrouble(
      'Unreachable',
      `${host} did not answer within ${DEADLINE / 1000} seconds; it is tried again`,
    )
    let request: ClientRequest | undefined
    let isLate = false
    const disarm = clock.at(clock.now() + DEADLINE, () => {
      isLate = true
      request?.destroy()
    })
    const abort = () => request?.destroy()
    signal.addEventListener('abort', abort, { once: true })
    try {
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        const ask = secure ? httpsRequest : httpRequest
        request = ask(url, { method, headers, agent, ...(ca === undefined ? {} : { ca }) })
        // After the answer began, its own stream tells.
        request.on('error', reject)
        request.on('response', resolve)
        request.end(body)
      })
      return { status: answer.statusCode ?? 0, headers: headersOf(answer), text: await textOf(answer, host) }
    } catch (error) {
      signal.throwIfAborted()
      if (isLate) throw late
      return await asTrouble(async () => {
        throw error instanceof RosterError ? error : brokenConnection(error, host)
      })
    } finally {
      disarm()
      signal.removeEventListener('abort', abort)
    }
  }
  return { send, close: () => agent.destroy() }
}

/** Resolves by the dialer, and connects to exactly that address, while the certificate is checked for the name. */
const agentFor = (secure: boolean, dialer: Dialer): HttpAgent => {
  const connect = (target: Target, connected: Connected) => {
    const host = (target.host ?? '').replace(/^\[|\]$/g, '')
    const open = async () => {
      const { address, family } = await dialer.resolve(host)
      if (!secure && !isLoopback(address))
        throw new ServiceTrouble(
          'NotAllowed',
          `${host} is not this computer, and nothing is sent unencrypted; use https`,
        )
      const to = { host: address, port: Number(target.port), family, noDelay: true }
      if (!secure) return connectTcp(to)
      return connectTls({
        ...to,
        // RFC 6066 section 3: an address is told by no name, and checked all the same.
        servername: isIP(host) ? '' : host,
        minVersion: 'TLSv1.2',
        rejectUnauthorized: true,
        ALPNProtocols: ['http/1.1'],
        ...(typeof target.ca === 'string' ? { ca: target.ca } : {}),
      })
    }
    open().then(
      socket => connected(null, socket),
      (error: Error) => connected(error, undefined as unknown as Duplex),
    )
  }
  const kept: AgentOptions = { keepAlive: true, timeout: DEADLINE }
  const agent = secure ? new HttpsAgent(kept) : new HttpAgent(kept)
  agent.createConnection = (target: Target, connected?: Connected) => {
    if (connected) connect(target, connected)
    return undefined
  }
  return agent
}

const headersOf = ({ rawHeaders }: IncomingMessage): Headers => {
  const headers = new Headers()
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    try {
      headers.append(rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '')
    } catch {
      // A header that is none is nothing we ask for.
    }
  }
  return headers
}

const textOf = async (answer: IncomingMessage, host: string): Promise<string> => {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of answer) {
    size += (chunk as Buffer).length
    if (size > MOST_BYTES)
      throw new ServiceTrouble(
        'NotAllowed',
        `${host} answered with more than ${MOST_BYTES / 1024 / 1024} MiB at once; look what stands there, or ask for smaller pages`,
      )
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks).toString('utf8')
}
