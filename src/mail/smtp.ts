import PQueue from 'p-queue'
import type { Clock } from '../ports/clock.ts'
import type { Delivery, Mailer, OutgoingMail, SendOptions } from '../ports/mailer.ts'
import { deliveryOf, type Failure } from './delivery.ts'
import { MailSettingsError, MessageError } from './errors.ts'
import { type Message, messageBytes } from './message.ts'
import { escapedLine } from './plain.ts'
import { mailServer } from './server.ts'
import { openSession, type Session, SessionFailure } from './session.ts'

export interface SmtpOptions {
  /** `smtp://user@host:587` or `smtps://user@host`, without a password; see {@link mailServer}. */
  url: string
  /** Reads the password when a connection signs in. Needed exactly where the URL names a user. */
  password?: () => Promise<string>
  clock: Clock
  /** Connections at most, each for one mail at a time. 2 when absent. */
  connections?: number
  /** Mails a second at most, evenly spaced. No limit when absent. */
  perSecond?: number
  /** Certificates (PEM) to trust instead of the system's. */
  ca?: string
  /** Milliseconds for connecting, greeting and TLS together. 30,000 when absent. */
  connectTimeout?: number
  /** Milliseconds that a stop waits for the answer to a mail whose end went out already. 5,000 when absent. */
  answerGrace?: number
  /** Milliseconds after which an idle connection is closed. 30,000 when absent; servers close theirs after some minutes. */
  idleTimeout?: number
}

/** Whether the mail server can be used as it is set. */
export type MailCheck = { usable: true } | { usable: false; response: string }

export interface SmtpMailer extends Mailer {
  /** Connects, encrypts and signs in, sends nothing: for the start and for `roster check`. Never throws. */
  check(options: { deadline: number; signal: AbortSignal }): Promise<MailCheck>
}

/**
 * Sends mail by SMTP (RFC 5321), over a few connections that are kept for a while.
 *
 * A mail is queued, given to a connection, and answered for: the outcome is `Unknown` only when its end had gone out and no answer came
 * before the deadline. Before that every trouble is `NotSent`, for certain, because the end was never handed over. An abort of `signal`
 * stops at once what was not handed over yet; a mail that was waits a few seconds for its answer.
 *
 * @throws MailSettingsError for a URL that cannot be used
 */
export function smtpMailer(options: SmtpOptions): SmtpMailer {
  const {
    clock,
    connections = 2,
    perSecond,
    connectTimeout = 30_000,
    answerGrace = 5_000,
    idleTimeout = 30_000,
  } = options
  const server = mailServer(options.url)
  if (server.user !== undefined && options.password === undefined)
    throw new MailSettingsError(
      `the mail server ${server.host} is used as ${JSON.stringify(server.user)}, and there is no password: put it into the secret "smtp"`,
    )
  const settings = {
    server,
    connectTimeout,
    ...(options.password ? { password: options.password } : {}),
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  }
  const queue = new PQueue({ concurrency: connections })
  const idle: { session: Session; forget: () => void }[] = []
  const closed = new AbortController()
  let nextStart = 0

  /** A connection that is free, else a new one. */
  async function connected(fresh: boolean, stop: AbortSignal): Promise<Session> {
    for (let kept = idle.pop(); kept !== undefined; kept = idle.pop()) {
      kept.forget()
      if (kept.session.open && !fresh) return kept.session
      kept.session.close()
    }
    return openSession(settings, stop)
  }

  function keep(session: Session): void {
    if (!session.open) return
    if (closed.signal.aborted) {
      session.quit()
      return
    }
    const kept = {
      session,
      forget: clock.at(clock.now() + idleTimeout, () => {
        const place = idle.indexOf(kept)
        if (place >= 0) idle.splice(place, 1)
        session.quit()
      }),
    }
    idle.push(kept)
  }

  async function handOver(
    message: Message,
    stop: AbortSignal,
    giveUp: AbortSignal,
    admit: SendOptions['admit'],
  ): Promise<Delivery> {
    if (!(await turnOf(stop))) return notBegun(stop)
    for (let fresh = false; ; fresh = true) {
      const session = await connected(fresh, stop)
      const wasUsed = session.used
      const lack = session.utf8 ? undefined : lackOfUtf8(message, server.host)
      if (lack) {
        keep(session)
        return lack
      }
      const stays = await admit?.()
      if (stays !== undefined) {
        keep(session)
        return { outcome: 'NotSent', response: escapedLine(stays, 200) }
      }
      const result = await session.deliver(message, stop, giveUp)
      if ('response' in result) {
        keep(session)
        return { outcome: 'Sent', response: escapedLine(result.response, 200) }
      }
      // A server may close an idle connection whenever it likes; that is not yet trouble.
      if (wasUsed && !fresh && !stop.aborted && isBreak(result.failure)) continue
      return deliveryOf(result.failure)
    }
  }

  /** Waits for the time at which the next mail may start. @returns false when `stop` came first */
  async function turnOf(stop: AbortSignal): Promise<boolean> {
    if (perSecond === undefined) return true
    const start = Math.max(clock.now(), nextStart)
    nextStart = start + 1000 / perSecond
    if (start <= clock.now()) return true
    const { promise, resolve } = Promise.withResolvers<void>()
    const forget = clock.at(start, resolve)
    stop.addEventListener('abort', () => resolve(), { once: true })
    await promise
    forget()
    return !stop.aborted
  }

  return {
    binding: server.binding,

    async send(mail: OutgoingMail, { deadline, signal, admit }) {
      let message: Message
      try {
        message = await messageBytes(mail)
      } catch (error) {
        if (error instanceof MessageError) return { outcome: 'Refused', response: escapedLine(error.message, 200) }
        throw error
      }
      const late = new AbortController()
      const giveUp = new AbortController()
      const stop = AbortSignal.any([signal, late.signal, closed.signal])
      const calledOff = [
        clock.at(deadline, () => {
          late.abort(new Error('the time for this mail is over'))
          giveUp.abort(late.signal.reason)
        }),
      ]
      const onStop = () =>
        calledOff.push(
          clock.at(clock.now() + answerGrace, () => giveUp.abort(new Error('stopped while waiting for the answer'))),
        )
      stop.addEventListener('abort', onStop, { once: true })
      // only the wait in the queue ends by itself; from then on the conversation knows what an abort means
      const waiting = new AbortController()
      const onStopWaiting = () => waiting.abort(stop.reason)
      stop.addEventListener('abort', onStopWaiting)
      if (stop.aborted || clock.now() >= deadline)
        waiting.abort(stop.reason ?? new Error('the time for this mail is over'))
      let delivery: Delivery
      try {
        delivery = await queue.add(
          () => {
            stop.removeEventListener('abort', onStopWaiting)
            return handOver(message, stop, giveUp.signal, admit)
          },
          { signal: waiting.signal },
        )
      } catch (error) {
        if (error instanceof SessionFailure) delivery = deliveryOf(error.failure)
        else if (waiting.signal.aborted) delivery = notBegun(waiting.signal)
        else throw error
      } finally {
        stop.removeEventListener('abort', onStop)
        stop.removeEventListener('abort', onStopWaiting)
        for (const callOff of calledOff) callOff()
      }
      // that we stopped says nothing about the server
      if (stop.aborted && !late.signal.aborted) delete delivery.serverDown
      return delivery
    },

    async check({ deadline, signal }) {
      const late = new AbortController()
      const callOff = clock.at(deadline, () => late.abort(new Error('no answer in time')))
      try {
        const session = await openSession(settings, AbortSignal.any([signal, late.signal]))
        session.quit()
        return { usable: true }
      } catch (error) {
        if (error instanceof SessionFailure)
          return { usable: false, response: escapedLine(error.failure.response, 200) }
        throw error
      } finally {
        callOff()
      }
    },

    async [Symbol.asyncDispose]() {
      closed.abort(new Error('the mail transport is closed'))
      await queue.onIdle()
      for (const { session, forget } of idle.splice(0)) {
        forget()
        session.quit()
      }
    },
  }
}

/** RFC 6531 section 3.2: an address outside of ASCII needs a server that says it takes such addresses. */
function lackOfUtf8({ utf8 }: Message, host: string): Delivery | undefined {
  if (utf8.recipient)
    return {
      outcome: 'Refused',
      response: `${host} does not offer SMTPUTF8, and the address has signs outside of ASCII before its @`,
    }
  if (utf8.sender)
    return {
      outcome: 'NotSent',
      response: `${host} does not offer SMTPUTF8, and the sender's address has signs outside of ASCII before its @`,
    }
  return undefined
}

function isBreak({ stage, code }: Failure): boolean {
  return stage !== 'Answer' && (code === 421 || (stage === 'Session' && code === undefined))
}

function notBegun({ reason }: AbortSignal): Delivery {
  return {
    outcome: 'NotSent',
    response: escapedLine(`not begun: ${reason instanceof Error ? reason.message : 'stopped'}`, 200),
  }
}
