import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import PostalMime, { type Email } from 'postal-mime'
import { SMTPServer, type SMTPServerSession } from 'smtp-server'
import { LOCALHOST_CERTIFICATE, LOCALHOST_KEY } from './certificate.ts'

/**
 * How the peer treats the next mails: each word is used up by one mail, and after the last one every mail is accepted.
 *
 * - `accept`
 * - `defer`, `reject`: 451 or 550 for the recipient
 * - `sender-refused`: 553 for the sender
 * - `closing`: 421 for the sender
 * - `content-refused`, `content-deferred`: 554 or 451 after the end of the mail
 * - `telling`, `telling-after-data`: 451 for the recipient, or 250 for the mail, with the password of the session in it
 * - `hang-before-data`: no answer to the recipient
 * - `die-in-data`: breaks the line at the first bytes of the mail
 * - `hang-after-data`, `die-after-data`: read the whole mail, keep it, and never answer, or break the line
 * - `withhold-after-data`: the same, and answer when the test says so
 */
export type Treatment =
  | 'accept'
  | 'defer'
  | 'reject'
  | 'sender-refused'
  | 'closing'
  | 'content-refused'
  | 'content-deferred'
  | 'telling'
  | 'telling-after-data'
  | 'hang-before-data'
  | 'die-in-data'
  | 'hang-after-data'
  | 'die-after-data'
  | 'withhold-after-data'

export interface ReceivedMail {
  from: string
  to: string[]
  raw: Buffer
  /** When it had arrived whole, in milliseconds since 1970. */
  arrived: number
  parsed: Email
  secure: boolean
  user: string | undefined
}

export interface SmtpPeer extends AsyncDisposable {
  readonly port: number
  /** In order of arrival, those included whose sender never got an answer. */
  readonly mails: ReceivedMail[]
  /** Connections so far. */
  readonly connections: number
  /** Mails begun so far, whatever became of them. */
  readonly begun: number
  treat(...treatments: Treatment[]): void
  /** Resolves when so many mails have arrived whole. */
  received(count: number): Promise<void>
  /** Resolves when so many mails were begun. */
  started(count: number): Promise<void>
  /** Gives the answers that were withheld. @returns how many */
  answer(): number
  /** Breaks every open connection, as a server does with idle ones, and waits until they are closed. */
  breakConnections(): Promise<void>
}

export interface SmtpPeerOptions {
  /** Offer STARTTLS, or speak TLS from the first byte. Neither when absent. */
  tls?: 'StartTls' | 'Implicit'
  /** Demand this user and password. */
  auth?: { user: string; pass: string }
  /** Do not offer SMTPUTF8. */
  withoutUtf8?: boolean
  /** Accept connections and never greet. */
  silent?: boolean
  /** Largest mail in bytes, said in EHLO. */
  size?: number
  port?: number
}

/** A real SMTP server on loopback that can be told to misbehave. */
export async function smtpPeer(options: SmtpPeerOptions = {}): Promise<SmtpPeer> {
  const mails: ReceivedMail[] = []
  const treatments: Treatment[] = []
  const current = new Map<string, Treatment>()
  const withheld: (() => void)[] = []
  const watchers = new Set<() => void>()
  let connections = 0
  let begun = 0
  const changed = () => {
    for (const look of watchers) look()
  }
  const until = (condition: () => boolean) =>
    new Promise<void>(resolve => {
      const look = () => {
        if (!condition()) return
        watchers.delete(look)
        resolve()
      }
      watchers.add(look)
      look()
    })
  const reply = (code: number, text: string) => Object.assign(new Error(text), { responseCode: code })
  const breakLine = ({ id }: SMTPServerSession) => {
    for (const connection of server.connections) if (connection.id === id) connection._socket?.destroy()
  }

  const server = new SMTPServer({
    secure: options.tls === 'Implicit',
    ...(options.tls ? { key: LOCALHOST_KEY, cert: LOCALHOST_CERTIFICATE } : {}),
    disabledCommands: [...(options.tls === 'StartTls' ? [] : ['STARTTLS']), ...(options.auth ? [] : ['AUTH'])],
    authOptional: options.auth === undefined,
    hideSMTPUTF8: options.withoutUtf8 === true,
    ...(options.size === undefined ? {} : { size: options.size }),
    disableReverseLookup: true,
    logger: false,
    closeTimeout: 10,
    onConnect: (_session, callback) => (options.silent ? undefined : callback()),
    onAuth: ({ username, password }, _session, callback) =>
      username === options.auth?.user && password === options.auth?.pass
        ? callback(null, { user: username })
        : callback(reply(535, `5.7.8 ${username} may not use ${password}`)), // a server that says back a secret
    onMailFrom(_address, session, callback) {
      const treatment = treatments.shift() ?? 'accept'
      current.set(session.id, treatment)
      begun += 1
      changed()
      if (treatment === 'sender-refused')
        return callback(reply(553, '5.7.1 Sender address rejected: not owned by user'))
      if (treatment === 'closing') return callback(reply(421, '4.3.2 Closing down'))
      callback()
    },
    onRcptTo(address, session, callback) {
      const treatment = current.get(session.id)
      if (treatment === 'hang-before-data') return
      if (treatment === 'defer') return callback(reply(451, '4.7.1 Greylisted, come again in 5 minutes'))
      if (treatment === 'telling') return callback(reply(451, `4.7.0 ${options.auth?.pass} sent too much today`))
      if (treatment === 'reject') return callback(reply(550, `5.1.1 <${address.address}>: user unknown`))
      callback()
    },
    async onData(stream, session, callback) {
      const treatment = current.get(session.id)
      const chunks: Buffer[] = []
      try {
        for await (const chunk of stream) {
          chunks.push(chunk as Buffer)
          if (treatment === 'die-in-data') return breakLine(session)
        }
      } catch {
        return // the sender went away before the end: no mail
      }
      if (treatment === 'content-refused') return callback(reply(554, '5.7.1 looks like spam'))
      if (treatment === 'content-deferred') return callback(reply(451, '4.3.0 try again later'))
      const raw = Buffer.concat(chunks)
      const { mailFrom, rcptTo } = session.envelope
      mails.push({
        from: mailFrom ? mailFrom.address : '',
        to: rcptTo.map(({ address }) => address),
        raw,
        arrived: Date.now(),
        parsed: await PostalMime.parse(raw),
        secure: session.secure,
        user: session.user,
      })
      changed()
      if (treatment === 'hang-after-data') return
      if (treatment === 'die-after-data') return breakLine(session)
      if (treatment === 'withhold-after-data') return void withheld.push(() => callback(null, 'queued as 4711'))
      callback(null, treatment === 'telling-after-data' ? `queued for ${options.auth?.pass}` : 'queued as 4711')
    },
  })
  server.on('error', () => {}) // broken lines are what this peer is for
  server.server.on('connection', () => {
    connections += 1
  })
  const breakConnections = async () => {
    const open = [...server.connections].flatMap(({ _socket }) => (_socket && !_socket.destroyed ? [_socket] : []))
    await Promise.all(
      open.map(socket => {
        const closed = once(socket, 'close')
        socket.destroy()
        return closed
      }),
    )
  }
  server.listen(options.port ?? 0, '127.0.0.1')
  await once(server.server, 'listening')

  return {
    port: (server.server.address() as AddressInfo).port,
    mails,
    get connections() {
      return connections
    },
    get begun() {
      return begun
    },
    treat: (...next) => void treatments.push(...next),
    received: count => until(() => mails.length >= count),
    started: count => until(() => begun >= count),
    answer() {
      const answers = withheld.splice(0)
      for (const give of answers) give()
      return answers.length
    },
    breakConnections,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>(resolve => server.close(resolve))
      await breakConnections()
      await closed
    },
  }
}
