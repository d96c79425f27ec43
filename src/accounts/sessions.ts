import { randomBytes } from 'node:crypto'
import { type Clock, timestamp } from '../ports/clock.ts'
import type { CredentialStore } from '../ports/credentials.ts'
import { hashToken, isToken, newToken } from './token.ts'

/** Milliseconds that a session lasts: without being used, and in all. */
export const SESSION_LIFE = { idle: 12 * 3_600_000, absolute: 7 * 24 * 3_600_000 } as const
/** `lastSeen` is written so often at most, so that reading pages writes next to nothing. */
const TOUCH_EVERY = 5 * 60_000

/** A session that is alive as far as it goes by itself; whether its person may be in is judged on every request. */
export interface LiveSession {
  /** SHA-256 of its token: what forms are bound to. */
  hash: string
  account: string
  /** Compared with the Account's: a session of an older one is dead. */
  credentialVersion: number
}

export interface Sessions {
  /** @returns the token for the cookie; it is kept nowhere */
  start(account: string, credentialVersion: number): Promise<string>
  /** By its token; undefined when unknown, idle for too long, over, or from before the store was restored. */
  find(token: string | undefined): Promise<LiveSession | undefined>
  end(session: Pick<LiveSession, 'hash'>): Promise<void>
  /** Everywhere. @returns how many */
  endAll(account: string): Promise<number>
}

/** @param epoch of the store: a restored one has a higher one, and no session survives it */
export const createSessions = (options: {
  credentials: CredentialStore
  clock: Clock
  epoch: number
  random?: (size: number) => Buffer
}): Sessions => {
  const { credentials, clock, epoch, random = randomBytes } = options
  return {
    start: async (account, credentialVersion) => {
      const token = newToken(random)
      const now = clock.now()
      await credentials.createSession({
        hash: hashToken(token),
        account,
        credentialVersion,
        created: timestamp(now),
        lastSeen: timestamp(now),
        expires: timestamp(now + SESSION_LIFE.absolute),
        storeEpoch: epoch,
      })
      return token
    },
    find: async token => {
      if (!isToken(token)) return undefined
      const session = await credentials.session(hashToken(token))
      if (!session) return undefined
      const now = clock.now()
      const seen = Date.parse(session.lastSeen)
      if (session.storeEpoch !== epoch || now >= Date.parse(session.expires) || now - seen >= SESSION_LIFE.idle)
        return undefined
      if (now - seen >= TOUCH_EVERY) await credentials.touchSession(session.hash, timestamp(now))
      return { hash: session.hash, account: session.account, credentialVersion: session.credentialVersion }
    },
    end: ({ hash }) => credentials.endSession(hash),
    endAll: account => credentials.endSessions(account),
  }
}
