import type { Approval } from '../api/approval.ts'
import type { RemovalSetSpec } from '../api/removalset.ts'
import { milliseconds } from './time.ts'

/** An Approval is made for at most so long. */
export const LONGEST_APPROVAL = 7 * 24 * 3_600_000

export type ApprovalVerdict =
  | { is: 'releases' }
  /** Nothing is held that it names. */
  | { is: 'waits' }
  | { is: 'used'; set: string }
  | { is: 'expired' }
  | { is: 'refused'; because: string }

/** What an Approval is good for, against every set that has its hash. Pure: the same answer for the reconciler, the guard and `plan`. */
export const verdictOn = (
  { metadata, spec }: Pick<Approval, 'metadata' | 'spec'>,
  sets: readonly { name: string; spec: RemovalSetSpec }[],
  now: number,
): ApprovalVerdict => {
  const used = sets.find(set => set.spec.released?.approval?.uid === metadata.uid)
  if (used) return { is: 'used', set: used.name }
  // A second stands for whoever wrote the time a moment before the store wrote its own.
  if (milliseconds(spec.expirationTime) - milliseconds(metadata.creationTimestamp) > LONGEST_APPROVAL + 1000)
    return { is: 'refused', because: 'it is made for more than 7 days' }
  if (milliseconds(spec.expirationTime) <= now) return { is: 'expired' }
  const held = sets.filter(set => set.spec.state === 'Held')
  if (held.length === 0) return { is: 'waits' }
  const own = held.filter(set => set.spec.organization === spec.organization)
  if (own.length === 0)
    return {
      is: 'refused',
      because: `what it names is held for organization ${held[0]?.spec.organization}, and not for ${spec.organization}`,
    }
  if (own.every(set => set.spec.prior?.includes(metadata.uid)))
    return {
      is: 'refused',
      because:
        'it was there before what it names was held: somebody has to approve what they have seen; make a new one',
    }
  return { is: 'releases' }
}
