import { smtpMailer } from '../../src/mail/smtp.ts'
import type { Clock } from '../../src/ports/clock.ts'
import type { Mailer } from '../../src/ports/mailer.ts'
import { type SmtpPeer, smtpPeer } from '../peers/smtp.ts'

/** A real mail server and the real transport to it, which many stories use one after the other over one connection. */
export interface Post extends AsyncDisposable {
  readonly peer: SmtpPeer
  readonly mailer: Mailer
  /** From now on, time goes by this clock. */
  follow(clock: Clock): void
}

const LONG = 4000 * 24 * 3_600_000

export const openPost = async (): Promise<Post> => {
  const peer = await smtpPeer()
  let followed: Clock | undefined
  const clock: Clock = {
    now: () => followed?.now() ?? 0,
    at: (time, callback) => followed?.at(time, callback) ?? (() => undefined),
    suspect: false,
  }
  const mailer = smtpMailer({ url: `smtp://127.0.0.1:${peer.port}`, clock, connections: 1, idleTimeout: LONG })
  return {
    peer,
    mailer,
    follow: next => {
      followed = next
    },
    [Symbol.asyncDispose]: async () => {
      await mailer[Symbol.asyncDispose]()
      await peer[Symbol.asyncDispose]()
    },
  }
}
