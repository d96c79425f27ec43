import type { Losing, Membership } from '../api/membership.ts'
import type { RemovalSetSpec } from '../api/removalset.ts'
import { membershipOf, removalKey } from '../decide/record-names.ts'
import type { Cache } from '../runtime/reconciler.ts'
import { isGenerated } from './people.ts'

/** One loss of a set that is still wanted. */
export interface WantedLossOf {
  /** Name of the User, else the address: how people are called. */
  person: string
  membership: Membership
  losing: Losing
}

/** What of a set is still wanted: what was taken back, or changed into another loss, is not. */
export function* wantedLosses(cache: Cache, { removals = [] }: RemovalSetSpec): Generator<WantedLossOf> {
  for (const key of removals) {
    const membership = cache.get('Membership', membershipOf(key))
    const losing = membership?.spec.losing
    if (!membership || !losing || removalKey(membership.metadata.name, losing.digest) !== key) continue
    const user = membership.spec.user && cache.get('User', membership.spec.user.name)
    const person = user && !isGenerated(user) ? user.metadata.name : membership.spec.address
    yield { person, membership, losing }
  }
}
