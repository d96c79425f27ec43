import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { BindRequest, ExtendedRequest, type SearchRequest, UnbindRequest } from 'ldapts'
import type { Clock } from '../../ports/clock.ts'
import { ServiceTrouble } from '../trouble.ts'
import { Malformed } from './ber.ts'
import { type Answer, decode, type Entry, Inbox, type Result } from './message.ts'
import type { Server } from './server.ts'
import { connectionTrouble, resultTrouble } from './trouble.ts'

/** How long one request may take, in milliseconds. */
export const DEADLINE = 30_000
const START_TLS = '1.3.6.1.4.1.1466.20037'
/** Bytes of entries that are kept before they are handed on. */
const MOST_KEPT = 8 * 1024 * 1024

export interface ConnectionOptions {
  readonly server: Server
  /** As the dialer found it; connected to in place of the name. */
  readonly address: { address: string; family: 4 | 6 }
  /** PEM of the one authority that is trusted; undefined: those of this computer. */
  readonly ca: string | undefined
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Counted up with each request. */
  readonly tally: { requests: number }
}

/**
 * One encrypted connection, with one request under way at a time. ldapts writes the requests; answers are read here, because its client loses
 * what came before a limit, ends at an empty page in the middle, and trusts the lengths that a server tells.
 */
export class Connection {
  readonly #options: ConnectionOptions
  #socket: Socket
  #inbox = new Inbox()
  #lastId = 0
  /** Why nothing comes any more. */
  #broken: { readonly why: unknown } | undefined
  #wake = () => {}

  private constructor(options: ConnectionOptions, socket: Socket) {
    this.#options = options
    this.#socket = socket
    this.#attach(socket)
  }

  /**
   * Connects, and encrypts before anything else is sent. There is no way to an unencrypted one.
   * @throws ServiceTrouble; the signal's reason once it aborts
   */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const { server, address, signal } = options
    signal.throwIfAborted()
    const target = { host: address.address, port: server.port, family: address.family }
    const connection = new Connection(
      options,
      server.secure ? secured(options, target) : connectTcp({ ...target, noDelay: true }),
    )
    try {
      await connection.#guard(() => connection.#comes(server.secure ? 'secureConnect' : 'connect'))
      if (!server.secure) await connection.#startTls()
      return connection
    } catch (error) {
      connection.close()
      throw error
    }
  }

  /** The version of TLS, for people. */
  get protocol(): string {
    return 'getProtocol' in this.#socket ? ((this.#socket as TLSSocket).getProtocol() ?? 'TLS') : 'TLS'
  }

  /** @throws ServiceTrouble unless the server accepts */
  async bind(dn: string, password: string): Promise<void> {
    const messageId = this.#next()
    const result = await this.#ask(new BindRequest({ messageId, dn, password }).write(), messageId)
    if (result.code !== 0)
      throw resultTrouble(result, { server: this.#options.server.name, reader: dn || 'anonymous', what: 'bind' })
  }

  /**
   * One search, its entries in batches as they come, whatever it ends with.
   * @param write the request with that id, as bytes
   * @param batch how many entries are handed on at once; each batch has a deadline of its own
   * @param onReference told where the server says that more is elsewhere
   */
  async *search(
    request: SearchRequest,
    options: { batch: number; onReference: (uris: readonly string[]) => void },
  ): AsyncGenerator<Entry[], Result> {
    request.messageId = this.#next()
    this.#send(request.write())
    for (;;) {
      const entries: Entry[] = []
      const result = await this.#guard(async () => {
        for (let size = 0; entries.length < options.batch && size < MOST_KEPT; ) {
          const answer = await this.#answer(request.messageId)
          if (answer.kind === 'result') return answer.result
          if (answer.kind === 'reference') options.onReference(answer.uris)
          else {
            entries.push(answer.entry)
            size += answer.entry.size
          }
        }
        return undefined
      })
      if (entries.length > 0) yield entries
      if (result) return result
    }
  }

  /** Says goodbye where it can. */
  close(): void {
    if (!this.#broken && this.#socket.writable)
      this.#socket.write(new UnbindRequest({ messageId: this.#next() }).write())
    this.#break(new ServiceTrouble('Unreachable', `the connection to ${this.#options.server.name} was closed by us`))
  }

  async #startTls(): Promise<void> {
    const { server } = this.#options
    const messageId = this.#next()
    const result = await this.#ask(new ExtendedRequest({ messageId, oid: START_TLS }).write(), messageId)
    if (result.code !== 0) throw resultTrouble(result, { server: server.name, reader: '', what: 'StartTLS' })
    const plain = this.#socket
    // Whoever sits between could put answers in front of the encrypted ones.
    if (!this.#inbox.empty || plain.readableLength > 0)
      throw new ServiceTrouble(
        'NotAllowed',
        `${server.name} sent more before encryption began; something stands between`,
      )
    for (const event of ['readable', 'end', 'close', 'error']) plain.removeAllListeners(event)
    plain.on('error', error => this.#break(error))
    plain.on('close', () => this.#break(undefined))
    this.#socket = secured(this.#options, { socket: plain })
    this.#attach(this.#socket)
    await this.#guard(() => this.#comes('secureConnect'))
  }

  #attach(socket: Socket): void {
    socket.on('readable', () => this.#wake())
    socket.on('end', () => this.#break(undefined))
    socket.on('close', () => this.#break(undefined))
    socket.on('error', error => this.#break(error))
  }

  #next(): number {
    this.#lastId++
    return this.#lastId
  }

  #send(bytes: Buffer): void {
    this.#options.tally.requests++
    this.#socket.write(bytes)
  }

  async #ask(bytes: Buffer, id: number): Promise<Result> {
    this.#send(bytes)
    return this.#guard(async () => {
      const answer = await this.#answer(id)
      if (answer.kind !== 'result') throw new Malformed('an answer that we did not ask for')
      return answer.result
    })
  }

  async #answer(asked: number): Promise<Answer> {
    for (;;) {
      const message = this.#inbox.next()
      if (message) {
        const { id, answer } = decode(message)
        if (id === asked) return answer
        // RFC 4511 section 4.4.1: id 0 says why the server ends the connection.
        if (id === 0 && answer.kind === 'result')
          throw new ServiceTrouble(
            'Unreachable',
            `${this.#options.server.name} ended the connection: ${answer.result.text}`,
          )
        throw new Malformed('an answer that we did not ask for')
      }
      const chunk = this.#socket.read() as Buffer | null
      if (chunk) this.#inbox.push(chunk)
      else await this.#wait()
    }
  }

  async #wait(): Promise<void> {
    if (this.#broken) throw this.#broken.why
    await new Promise<void>(resolve => {
      this.#wake = resolve
    })
  }

  async #comes(event: 'connect' | 'secureConnect'): Promise<void> {
    let came = false
    this.#socket.once(event, () => {
      came = true
      this.#wake()
    })
    while (!came) await this.#wait()
  }

  /** Runs one step with the deadline and the signal, either of which ends the connection. Trouble of the connection comes out as such. */
  async #guard<Value>(step: () => Promise<Value>): Promise<Value> {
    const { clock, signal, server } = this.#options
    const late = new ServiceTrouble(
      'Unreachable',
      `${server.name} did not answer within ${DEADLINE / 1000} seconds; it is tried again`,
    )
    const disarm = clock.at(clock.now() + DEADLINE, () => this.#break(late))
    const abort = () => this.#break(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    try {
      signal.throwIfAborted()
      return await step()
    } catch (error) {
      signal.throwIfAborted()
      throw connectionTrouble(error, server.name)
    } finally {
      disarm()
      signal.removeEventListener('abort', abort)
    }
  }

  #break(why: unknown): void {
    this.#broken ??= { why }
    this.#socket.destroy()
    this.#wake()
  }
}

/** Checked against the name and the authority; the address may be any. */
const secured = (
  { server, ca }: ConnectionOptions,
  over: { host: string; port: number } | { socket: Socket },
): TLSSocket => {
  try {
    return connectTls({
      ...over,
      // What identity is checked against where it is an address, which must not be told as a name (RFC 6066 section 3).
      ...('socket' in over ? { host: server.host } : {}),
      servername: isIP(server.host) ? '' : server.host,
      minVersion: 'TLSv1.2',
      rejectUnauthorized: true,
      ...(ca === undefined ? {} : { ca }),
    })
  } catch {
    throw new ServiceTrouble('InvalidSpec', 'what caSecretRef names is no certificate in PEM; correct the secret')
  }
}
