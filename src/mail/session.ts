import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import SMTPConnection from 'nodemailer/lib/smtp-connection'
import type { Failure } from './delivery.ts'
import type { Message } from './message.ts'
import type { MailServer } from './server.ts'

export interface SessionOptions {
  server: MailServer
  /** Asked for at each new connection, so that a changed password is used without a restart. */
  password?: () => Promise<string>
  /** Certificates (PEM) to trust instead of the system's. */
  ca?: string
  /** How long connecting, greeting and the TLS handshake may take together, in milliseconds. */
  connectTimeout: number
}

/** One open, signed-in connection, for one mail at a time. */
export interface Session {
  readonly open: boolean
  /** Whether it carried a mail before: then a break at the next one may only mean that the server closed an idle connection. */
  readonly used: boolean
  /** Whether the server offers SMTPUTF8 (RFC 6531). */
  readonly utf8: boolean
  /**
   * Hands one mail over. Never throws.
   *
   * @param stop broken off at once when it aborts before the end of the mail went out; after that `giveUp` decides
   * @param giveUp ends the wait for the answer after the end of the mail
   */
  deliver(
    message: Message,
    stop: AbortSignal,
    giveUp: AbortSignal,
  ): Promise<{ response: string } | { failure: Failure }>
  /** Says goodbye and closes. */
  quit(): void
  close(): void
}

/** How long a server may take to say goodbye, in milliseconds. */
const GOODBYE = 2_000

/** The connection did not come about. */
export class SessionFailure extends Error {
  readonly failure: Failure
  constructor(failure: Failure) {
    super(failure.response)
    this.failure = failure
  }
}

/**
 * Connects, encrypts as the server's settings demand, and signs in.
 *
 * @throws SessionFailure for everything that a server or a network does, and when `stop` aborts
 */
export async function openSession(
  { server, password, ca, connectTimeout }: SessionOptions,
  stop: AbortSignal,
): Promise<Session> {
  let secret: string | undefined
  /** A server can say back what it was told, at whatever step. */
  const withoutSecret = (text: string): string =>
    secret === undefined ? text : redacted(text, [secret, base64(`\0${server.user}\0${secret}`)])
  const failed = (error: unknown, stage: 'Session' | 'Answer'): Failure => {
    const failure = failureOf(error, stage, server)
    return { ...failure, response: withoutSecret(failure.response) }
  }
  const broken = (error: unknown) => new SessionFailure(failed(error, 'Session'))
  if (stop.aborted) throw broken(reasonOf(stop))
  const connection = new SMTPConnection({
    host: server.host,
    port: server.port,
    secure: server.tls === 'Implicit',
    requireTLS: server.tls === 'Required',
    ignoreTLS: server.tls === 'Never',
    tls: { minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca }) },
    connectionTimeout: connectTimeout,
    greetingTimeout: connectTimeout,
    dnsTimeout: connectTimeout,
    socketCloseTimeout: 0, // `close` means at once: what was not sent by then stays unsent
    maxResponseSize: 64 * 1024,
    logger: false,
  })
  connection.on('error', () => {}) // whoever waits hears of it; an idle connection that breaks is simply no longer open
  let ended = false
  connection.on('end', () => {
    ended = true
  })
  let utf8 = false
  const opened = settling<void>(stop, connection, resolve => {
    connection.connect(error => {
      if (error) return resolve.no(error)
      // at this moment the last reply is the one to EHLO, after STARTTLS where there was one
      utf8 = /^\d{3}[ -]SMTPUTF8\b/im.test(connection.lastServerResponse || '')
      resolve.yes()
    })
  })
  try {
    await opened
    if (server.user !== undefined && password !== undefined) {
      const pass = await password()
      secret = pass
      await settling<void>(stop, connection, resolve => {
        connection.login({ user: server.user, pass }, error => (error ? resolve.no(error) : resolve.yes()))
      })
    }
  } catch (error) {
    connection.close()
    throw broken(error)
  }

  let used = false
  return {
    get open() {
      return !ended
    },
    get used() {
      return used
    },
    utf8,
    async deliver(message, stop, giveUp) {
      used = true
      let handedOver = false
      const source = Readable.from(pieces(message.bytes), { objectMode: false })
      source.once('end', () => {
        handedOver = true
      })
      const leave = new AbortController()
      const onStop = () => {
        if (!handedOver) leave.abort(reasonOf(stop))
      }
      const onGiveUp = () => leave.abort(reasonOf(giveUp))
      stop.addEventListener('abort', onStop)
      giveUp.addEventListener('abort', onGiveUp)
      if (stop.aborted) onStop()
      if (giveUp.aborted) onGiveUp()
      try {
        const response = await settling<string>(leave.signal, connection, resolve => {
          connection.send(
            { from: message.from, to: [message.to], size: message.bytes.length },
            source,
            (error, info) => (error ? resolve.no(error) : resolve.yes(info?.response ?? '')),
          )
        })
        return { response: withoutSecret(response) }
      } catch (error) {
        // whatever went wrong, the next mail begins on a connection whose state is known
        connection.close()
        return { failure: failed(error, handedOver ? 'Answer' : 'Session') }
      } finally {
        stop.removeEventListener('abort', onStop)
        giveUp.removeEventListener('abort', onGiveUp)
        source.on('error', () => {})
        source.destroy()
      }
    },
    quit() {
      if (ended) return
      connection.quit()
      setTimeout(() => connection.close(), GOODBYE).unref()
    },
    close: () => connection.close(),
  }
}

/**
 * The bytes of a mail, piece by piece, with a turn of the event loop before the last one: a break that the machine already knows of
 * is seen before the end of the mail goes out, and is then certainly `NotSent`.
 */
async function* pieces(bytes: Buffer): AsyncGenerator<Buffer> {
  const size = 16 * 1024
  for (let start = 0; start < bytes.length; start += size) {
    if (start + size >= bytes.length) await turn()
    yield bytes.subarray(start, start + size)
  }
}

/** Waits for a callback of the connection, for the connection's own error, or for `stop`, whichever is first. On `stop` the connection is closed. */
function settling<T>(
  stop: AbortSignal,
  connection: SMTPConnection,
  start: (resolve: { yes: (value: T) => void; no: (error: unknown) => void }) => void,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const onStop = () => {
    connection.close()
    reject(reasonOf(stop))
  }
  // a turn later: where the connection knows better why it ended, it says so after it ended
  const onEnd = () => setImmediate(reject, new Error('the connection was closed'))
  connection.on('error', reject)
  connection.once('end', onEnd)
  stop.addEventListener('abort', onStop)
  start({ yes: resolve, no: reject })
  if (stop.aborted) onStop()
  return promise.finally(() => {
    connection.off('error', reject)
    connection.off('end', onEnd)
    stop.removeEventListener('abort', onStop)
  })
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('stopped')
}

/** Sorts nodemailer's errors. `stage` is where we stood, for what carries no reply. */
function failureOf(error: unknown, stage: 'Session' | 'Answer', server: MailServer): Failure {
  const { code, command, response, responseCode, message } = error as {
    code?: string
    command?: string
    response?: string
    responseCode?: number
    message?: string
  }
  // The server told its limit in EHLO (RFC 1870), and the mail is larger: it was not even offered.
  if (code === 'EMESSAGE' && responseCode === undefined)
    return { stage: 'Sender', code: 552, response: message ?? 'too large' }
  if (responseCode === undefined || response === undefined) {
    const what = `${server.host}:${server.port}: ${message ?? 'unknown trouble'}`
    return {
      stage,
      response: code === 'ETLS' || /certificate|TLS|SSL/i.test(message ?? '') ? `${what}${tlsHint(server)}` : what,
    }
  }
  const where = (
    { 'MAIL FROM': 'Sender', 'RCPT TO': 'Recipient', DATA: code === 'EMESSAGE' ? 'Answer' : 'Data' } as const
  )[command ?? '']
  if (code === 'ETLS')
    return { stage: 'Session', code: responseCode, response: `STARTTLS: ${response}${tlsHint(server)}` }
  return { stage: where ?? 'Session', code: responseCode, response }
}

function redacted(text: string, secrets: readonly string[]): string {
  const forms = secrets.flatMap(secret => [secret, encodeURIComponent(secret), base64(secret)]).filter(Boolean)
  return forms.reduce((rest, form) => rest.replaceAll(form, '(secret)'), text)
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64')
}

function tlsHint({ tls }: MailServer): string {
  return tls === 'Never' || tls === 'Implicit'
    ? ''
    : '. STARTTLS with a certificate that is trusted for this host is needed, or "?tls=never" where plain text is right'
}
