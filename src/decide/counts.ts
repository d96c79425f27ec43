import type { MembershipSpec } from '../api/membership.ts'
import type { OrganizationStatus } from '../api/organization.ts'
import type { SeatLedgerSpec } from '../api/seatledger.ts'
import { type Suspension, standingOf } from './can.ts'
import { progressOf } from './invitation.ts'
import { milliseconds } from './time.ts'

/** What an Organization's status counts. */
export type OrganizationCounts = Required<Pick<OrganizationStatus, 'users' | 'invitations' | 'seats'>>

/** One membership, and whether its person is suspended. */
export interface CountedMember {
  membership: MembershipSpec
  suspended: Suspension
}

/** Counts of one organization at a time, and when time alone changes them next (milliseconds). */
export const countsOf = (of: {
  members: Iterable<CountedMember>
  pools: Iterable<{ seats: number; ledgers: readonly Pick<SeatLedgerSpec, 'slots'>[] }>
  maxAttempts: number
  now: number
}): OrganizationCounts & { until: number | undefined } => {
  const { now, maxAttempts } = of
  const users = { active: 0, invited: 0, restricted: 0, suspended: 0 }
  const invitations = { pending: 0, expired: 0 }
  const seats = { total: 0, used: 0 }
  let until: number | undefined
  const changesAt = (time: string | undefined) => {
    const at = time === undefined ? now : milliseconds(time)
    if (at > now) until = Math.min(until ?? at, at)
  }
  for (const { membership, suspended } of of.members) {
    const standing = standingOf(membership, { suspended, now })
    changesAt(membership.declared?.until)
    if (standing === 'Suspended') users.suspended++
    else if (standing === 'Active') users.active++
    else if (standing === 'Restricted') users.restricted++
    else if (standing === 'Invited') {
      const { state, attempt } = progressOf(membership, { now, maxAttempts })
      // Nobody asks for this person any more.
      if (attempt?.withdrawnTime !== undefined) continue
      users.invited++
      if (state === 'Pending') invitations.pending++
      else if (state === 'Expired' || state === 'GaveUp') invitations.expired++
      changesAt(attempt?.expirationTime)
    }
  }
  for (const pool of of.pools) {
    seats.total += pool.seats
    for (const ledger of pool.ledgers) seats.used += ledger.slots.length
  }
  return { users, invitations, seats, until }
}
