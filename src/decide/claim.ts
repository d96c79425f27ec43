import { timestamp } from '../api/timestamp.ts'
import { milliseconds } from './time.ts'

/** How long one try to hand over a mail may take. A successor waits it out before it looks. */
export const MAIL_DEADLINE = 120_000
const RETRY_LEAST = 30_000
const RETRY_MOST = 3_600_000

/** The intent of one irreversible act as it stands in a record: an attempt, or another mail. */
export interface Claim {
  /** Of the first try; also the date that the mail carries. */
  claimedTime: string
  epoch: number
  deadline: string
  /** How many tries may have been taken by the mail server: one that certainly was not is not counted. */
  tries: number
  outcome?: 'Sent' | 'Refused' | 'Unknown' | 'NotSent'
  outcomeTime?: string
  response?: string
}

/**
 * Where a claim stands.
 *
 * - `busy`: somebody is at it, until then at the latest.
 * - `again`: to be tried again from that time on, as the same mail: it was certainly not taken, or it is not known and was tried once.
 * - `sent`, `refused`, `unknown`: over. `unknown` is a second try without an answer; a third could be a third copy.
 */
export type ClaimState =
  | { is: 'busy'; until: number }
  | { is: 'again'; at: number; why: 'NotSent' | 'Unknown' }
  | { is: 'sent' }
  | { is: 'refused' }
  | { is: 'unknown' }

/** @param epoch of who asks; what an older one could not hand over is tried at once */
export const claimState = (claim: Claim, now: number, epoch = claim.epoch): ClaimState => {
  switch (claim.outcome) {
    case 'Sent':
      return { is: 'sent' }
    case 'Refused':
      return { is: 'refused' }
    case 'NotSent':
      // A new holder tries at once: whoever set the mail server right has started the controller again.
      return { is: 'again', at: epoch === claim.epoch ? retryTime(claim) : now, why: 'NotSent' }
    case 'Unknown':
      return claim.tries >= 2 ? { is: 'unknown' } : { is: 'again', at: retryTime(claim), why: 'Unknown' }
    case undefined: {
      // An open intent. Whoever made it may still be at it; past its deadline it died, and what it did is not known.
      const until = milliseconds(claim.deadline)
      if (now < until) return { is: 'busy', until }
      return claim.tries >= 2 ? { is: 'unknown' } : { is: 'again', at: until, why: 'Unknown' }
    }
    default:
      return claim.outcome satisfies never
  }
}

/** A fresh intent. */
export const openClaim = (by: { now: number; epoch: number }): Claim => ({
  claimedTime: timestamp(by.now),
  epoch: by.epoch,
  deadline: timestamp(by.now + MAIL_DEADLINE),
  tries: 1,
})

/** The same intent, open for one more try: its time stays, so that the mail is the same. */
export const reopenClaim = <C extends Claim>(claim: C, by: { now: number; epoch: number }): C => {
  const { outcome, outcomeTime: _time, response: _response, ...rest } = claim
  return {
    ...rest,
    epoch: by.epoch,
    deadline: timestamp(by.now + MAIL_DEADLINE),
    tries: Math.min(outcome === 'NotSent' ? claim.tries : claim.tries + 1, 100),
  } as C
}

/** Pauses that double: as long again as it has been tried, between half a minute and an hour. */
const retryTime = ({ claimedTime, outcomeTime = claimedTime }: Claim): number => {
  const at = milliseconds(outcomeTime)
  return at + Math.min(Math.max(at - milliseconds(claimedTime), RETRY_LEAST), RETRY_MOST)
}
