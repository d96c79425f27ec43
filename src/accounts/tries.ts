import { createHash } from 'node:crypto'
import { type Clock, timestamp } from '../ports/clock.ts'
import type { CredentialStore } from '../ports/credentials.ts'

/** So many in so many seconds. */
export interface Limit {
  most: number
  seconds: number
}

/**
 * - `pair`: one client at one address. Stops guessing from one place without touching the person elsewhere.
 * - `client`: one client at whatever address. Wide, because a whole office may stand behind one client address.
 * - `address`: one address from clients that have never been let in there. A browser that was let in once is exempt
 *   (OWASP, "Slow Down Online Guessing Attacks with Device Cookies"), so a stranger's tries do not lock the person out.
 */
export const SIGN_IN_LIMITS = {
  pair: { most: 10, seconds: 900 },
  client: { most: 300, seconds: 900 },
  address: { most: 30, seconds: 3600 },
} as const satisfies Record<string, Limit>

/** Forms of an invitation. One answer is costly (a hash), a request for a new link can cause a mail. */
export const INVITATION_LIMITS = {
  answer: { most: 300, seconds: 900 },
  /** The same form sent again and again, by somebody impatient: all get the same answer. Of one invitation, and only so long after joining. */
  again: { most: 60, seconds: 900 },
  newLink: { most: 20, seconds: 3600 },
  newLinkEach: { most: 3, seconds: 3600 },
} as const satisfies Record<string, Limit>

export interface Tries {
  /** Counts one try to sign in, before the password is looked at. @returns whether it may go on */
  signIn(who: { address: string; client: string; known: boolean }): Promise<boolean>
  /** Counts one event of a kind. @returns whether it is within the limit */
  within(limit: Limit, ...key: string[]): Promise<boolean>
}

export const createTries = ({ credentials, clock }: { credentials: CredentialStore; clock: Clock }): Tries => {
  const within = async ({ most, seconds }: Limit, ...key: string[]): Promise<boolean> =>
    (await credentials.count(digest(key), timestamp(clock.now()), seconds)) <= most
  return {
    within,
    signIn: async ({ address, client, known }) => {
      if (!(await within(SIGN_IN_LIMITS.client, 'sign-in', 'client', client))) return false
      if (!(await within(SIGN_IN_LIMITS.pair, 'sign-in', 'pair', address, client))) return false
      return known || (await within(SIGN_IN_LIMITS.address, 'sign-in', 'address', address))
    },
  }
}

/** Nobody's address stands in the table of events. */
const digest = (key: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(key)).digest('base64url').slice(0, 22)
