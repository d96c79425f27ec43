import type { AccountSpec } from '../api/account.ts'
import type { MembershipSpec } from '../api/membership.ts'
import { type Standing as Settled, type Suspension, standingOf } from '../decide/can.ts'

/**
 * Where a person stands in one organization at this moment, as a page shows it.
 * Beside what {@link standingOf} tells apart: `Settling`, joined just now, roles follow in moments; `Outside`, known and licensed there, without the portal (`join: None`).
 */
export type Standing = Settled | 'Settling' | 'Outside'

/** How long after joining missing roles are still called on their way. */
const SETTLING = 60_000

/** @param now milliseconds */
export const shownStanding = (membership: MembershipSpec, suspended: Suspension, now: number): Standing => {
  const standing = standingOf(membership, { suspended, now })
  const { joined, declared } = membership
  if (standing !== 'Active' && standing !== 'Restricted') return standing
  if (declared?.present && declared.join === 'None') return 'Outside'
  return standing === 'Restricted' && joined && now - Date.parse(joined.time) < SETTLING ? 'Settling' : standing
}

/** Whether somebody belongs there now. */
export const isInForce = (standing: Standing): boolean =>
  standing === 'Active' || standing === 'Restricted' || standing === 'Settling' || standing === 'Outside'

/** Whether somebody who has shown the right password, or a session, is let in. */
export type Entry = { may: true } | { may: false; because: 'Closed' | 'Unproven' | 'Suspended' | 'Ended' }

/** @param suspended whether any User that carries one of the person's addresses is suspended, and that is in force */
export const entryOf = (
  account: Pick<AccountSpec, 'closed' | 'proven'>,
  standings: readonly Standing[],
  suspended: boolean,
): Entry => {
  if (account.closed) return { may: false, because: 'Closed' }
  if (!account.proven) return { may: false, because: 'Unproven' }
  if (suspended || (standings.includes('Suspended') && !standings.some(isInForce)))
    return { may: false, because: 'Suspended' }
  // Somebody with an open invitation, or none at all, may sign in: to accept it. Somebody whom every organization ended may not.
  if (standings.length > 0 && standings.every(standing => standing === 'Ended')) return { may: false, because: 'Ended' }
  return { may: true }
}
