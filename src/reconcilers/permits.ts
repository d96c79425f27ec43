import type { Membership, MembershipSpec } from '../api/membership.ts'
import { MANAGERS } from '../api/names.ts'
import type { RemovalSet } from '../api/removalset.ts'
import { timestamp } from '../api/timestamp.ts'
import { digestOf, type Loss, type LossCause, losingOf } from '../decide/loss.ts'
import { issuePermit, type Permit } from '../decide/permit.ts'
import { removalKey } from '../decide/record-names.ts'
import { restoredText } from '../decide/restoring.ts'
import type { Cache } from '../runtime/reconciler.ts'
import type { World } from './context.ts'

/** Leave, or what is to be noted in the record while it is waited for. */
export type Decision =
  | { permit: Permit }
  /** A set holds it until an Approval. `held`: what people are told. */
  | { held: string; set: RemovalSet }
  /** Not decided yet. */
  | { asked: string }

/**
 * The one place where leave to take something is given. What the declarations take needs a set of removals that the guard has released and that names
 * exactly this loss of exactly this Membership; see `reconcilers/guard.ts`. The other two functions of this file are what the guard does not count.
 */
export const permitFor = (
  world: Pick<World, 'cache' | 'restoring'>,
  record: Membership,
  loss: Loss,
  { because, producer }: LossCause,
): Decision => {
  const restored = world.restoring.current()
  if (restored) return { asked: `${because}, but ${restoredText(restored)}` }
  const sets = setsOf(world.cache, record.metadata.name, digestOf(loss))
  const released = sets.find(({ spec }) => spec.state === 'Released')
  if (released) return { permit: issuePermit({ because: reasonOf(because, released), producer }) }
  const held = sets.find(({ spec }) => spec.state === 'Held')
  return held ? { held: heldText(because, held), set: held } : { asked: `${because}; the guard decides on it` }
}

/** Somebody's time ran out as it was declared before. Held while the clock cannot be trusted, and in a realm that was restored. */
export const permitForEnd = (
  world: Pick<World, 'clock' | 'restoring'>,
  { because, producer }: Pick<LossCause, 'because' | 'producer'>,
): { permit: Permit } | { held: string } => {
  const restored = world.restoring.current()
  if (restored) return { held: `${because}, but ${restoredText(restored)}` }
  return world.clock.suspect
    ? { held: `${because}, but the clock has jumped; it waits until the clock can be trusted` }
    : { permit: issuePermit({ because, producer }) }
}

/** Nothing is lost by it: the person left by themselves, or has the same under another address. */
export const permitForNothing = (because: string, producer: string = MANAGERS.controller): { permit: Permit } => ({
  permit: issuePermit({ because, producer }),
})

/** The record with the loss noted that waits for leave: what the guard collects. */
export const asking = (
  world: Pick<World, 'clock'>,
  spec: MembershipSpec,
  before: MembershipSpec,
  loss: Loss,
  cause: LossCause,
  admin: boolean,
): MembershipSpec => ({
  ...spec,
  losing: losingOf(before, loss, cause, { now: timestamp(world.clock.now()), admin }),
})

/** Sets that name a loss. */
export const setsOf = (cache: Cache, membership: string, digest: string): readonly RemovalSet[] =>
  cache.by('RemovalSet', 'removal', removalKey(membership, digest))

const reasonOf = (because: string, { spec }: RemovalSet): string =>
  spec.released?.approval ? `${because} (Approval/${spec.released.approval.name})` : because

const heldText = (because: string, { spec }: RemovalSet): string =>
  `${because}, which is held with ${spec.people === 1 ? 'nobody else' : `${(spec.people ?? 1) - 1} more`}: ${spec.because}. ` +
  `\`roster approve ${spec.organization}\` releases it`
