import type { Losing, Membership } from '../api/membership.ts'
import type { RemovalSetSpec } from '../api/removalset.ts'
import { lossText } from '../decide/loss.ts'
import { membershipOf, removalKey } from '../decide/record-names.ts'
import type { Cache } from '../runtime/reconciler.ts'
import { ANYBODY } from './lines.ts'
import { isAsking } from './mailcap.ts'
import { isGenerated } from './people.ts'

/** What of a set is still wanted for one Membership. */
export interface WantedLossOf {
  /** As the set names it. */
  key: string
  /** Name of the User, else the address: how people are called. */
  person: string
  membership: Membership
  /** In words: `loses editor, billing`, `is not invited yet`. */
  text: string
  /** Whose edit, where. */
  because: string
  /** What is to be lost; absent where a mail waits. */
  losing?: Losing
}

/** What of a set is still wanted: what was taken back, or changed into another loss, is not. */
export function* wantedLosses(cache: Cache, { removals = [] }: RemovalSetSpec): Generator<WantedLossOf> {
  for (const key of removals) {
    const membership = cache.get('Membership', membershipOf(key))
    if (!membership) continue
    const { metadata, spec } = membership
    const { losing, asking } = spec
    const isOf = (digest: string) => removalKey(metadata.name, digest) === key
    const user = spec.user && cache.get('User', spec.user.name)
    const person = user && !isGenerated(user) ? user.metadata.name : spec.address
    if (losing && isOf(losing.digest))
      yield { key, person, membership, losing, text: `loses ${lossText(losing)}`, because: losing.because }
    else if (asking && isOf(asking.digest) && isAsking(cache, membership))
      yield { key, person, membership, text: 'is not invited yet', because: asking.because }
  }
}

/** What a set that is held keeps from happening, and why. */
export const keptText = ({ reason, people = 0, producer = '', because }: RemovalSetSpec): string => {
  const whose = producer === 'controller' || producer === ANYBODY ? 'an edit by hand' : producer
  const what =
    reason === 'Invitations'
      ? `${people} ${people === 1 ? 'invitation' : 'invitations'} of ${whose} ${people === 1 ? 'waits' : 'wait'}`
      : `${people} ${people === 1 ? 'person keeps' : 'people keep'} what ${whose} takes`
  return because === undefined ? what : `${what}: ${because}`
}
