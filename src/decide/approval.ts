import type { Approval } from '../api/approval.ts'
import type { RemovalSetSpec } from '../api/removalset.ts'
import { milliseconds } from './time.ts'

/** An Approval is made for at most so long. */
export const LONGEST_APPROVAL = 7 * 24 * 3_600_000

export type ApprovalVerdict =
  | { is: 'releases' }
  /** Nothing is held that it names, or what it names cannot be let go yet: then `because` says why. */
  | { is: 'waits'; because?: string }
  /** What it released: `RemovalSet/x`, `Source/y`. */
  | { is: 'used'; what: string }
  | { is: 'expired' }
  | { is: 'refused'; because: string }

/** Why an Approval is good for nothing by its times alone. */
export const timeVerdictOn = (
  { metadata, spec }: Pick<Approval, 'metadata' | 'spec'>,
  now: number,
): ApprovalVerdict | undefined => {
  // A second stands for whoever wrote the time a moment before the store wrote its own.
  if (milliseconds(spec.expirationTime) - milliseconds(metadata.creationTimestamp) > LONGEST_APPROVAL + 1000)
    return { is: 'refused', because: 'it is made for more than 7 days' }
  return milliseconds(spec.expirationTime) <= now ? { is: 'expired' } : undefined
}

/** What an Approval is good for, against every set that has its hash. Pure: the same answer for the reconciler, the guard and `plan`. */
export const verdictOn = (
  { metadata, spec }: Pick<Approval, 'metadata' | 'spec'>,
  sets: readonly { name: string; spec: RemovalSetSpec }[],
  now: number,
): ApprovalVerdict => {
  const used = sets.find(set => set.spec.released?.approval?.uid === metadata.uid)
  if (used) return { is: 'used', what: `RemovalSet/${used.name}` }
  const late = timeVerdictOn({ metadata, spec }, now)
  if (late) return late
  const held = sets.filter(set => set.spec.state === 'Held')
  if (held.length === 0) return { is: 'waits' }
  const own = held.filter(set => set.spec.organization === spec.organization)
  if (own.length === 0)
    return {
      is: 'refused',
      because: `what it names is held for organization ${held[0]?.spec.organization}, and not for ${spec.organization ?? 'none'}`,
    }
  if (own.every(set => set.spec.prior?.includes(metadata.uid)))
    return {
      is: 'refused',
      because:
        'it was there before what it names was held: somebody has to approve what they have seen; make a new one',
    }
  return { is: 'releases' }
}
