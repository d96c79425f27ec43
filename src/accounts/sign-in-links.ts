import { randomBytes } from 'node:crypto'
import { type Clock, timestamp } from '../ports/clock.ts'
import type { CredentialStore, Ticket } from '../ports/credentials.ts'
import { hashToken, isToken, newToken } from './token.ts'

const LIFE = 10 * 60_000

/** Links that sign somebody in once, for when mail does not work. Who may have one is decided by the caller. */
export interface SignInLinks {
  /** @returns the whole URL and until when it works (RFC 3339); ten minutes, one use */
  create(account: string): Promise<{ url: string; expirationTime: string }>
  /** Takes it: the first caller gets the account, everybody else undefined. */
  take(token: string): Promise<Ticket | undefined>
}

export const createSignInLinks = (options: {
  credentials: CredentialStore
  clock: Clock
  epoch: number
  publicUrl: string
  random?: (size: number) => Buffer
}): SignInLinks => {
  const { credentials, clock, epoch, random = randomBytes } = options
  const origin = new URL(options.publicUrl).origin
  return {
    create: async account => {
      const token = newToken(random)
      const expirationTime = timestamp(clock.now() + LIFE)
      await credentials.createTicket({
        hash: hashToken(token),
        purpose: 'sign-in-link',
        account,
        expires: expirationTime,
        storeEpoch: epoch,
      })
      return { url: `${origin}/sign-in-links/${token}`, expirationTime }
    },
    take: async token => {
      if (!isToken(token)) return undefined
      const ticket = await credentials.takeTicket(hashToken(token), timestamp(clock.now()))
      return ticket?.storeEpoch === epoch && ticket.purpose === 'sign-in-link' ? ticket : undefined
    },
  }
}
