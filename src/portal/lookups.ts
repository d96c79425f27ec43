import type { ResourceOf } from '../api/kinds.ts'
import type { Kind } from '../api/names.ts'
import { normalizeAddress } from '../decide/address.ts'

/**
 * What the portal looks up by something other than a name; the controller's cache serves it. It may lag a moment behind the store,
 * so it only ever finds names: what is decided on is read from the store again.
 *
 * Indexes asked for: Account `sameAs` (name of the Account whose credentials count), Membership `address` and `userUid`, User `address` (aliases too),
 * Organization `domain`, Invitation `place` ({@link placeKey}), SeatLedger `holder` (`user/<uid>`, `address/<address>`), Source `webhook` (`yes`).
 */
export interface Lookups {
  get<K extends Kind>(kind: K, name: string): ResourceOf<K> | undefined
  by<K extends Kind>(kind: K, index: string, value: string): readonly ResourceOf<K>[]
}

/** Value of the index `place`: one organization and one address. */
export const placeKey = (organization: string, address: string): string =>
  `${organization}/${normalizeAddress(address)}`
