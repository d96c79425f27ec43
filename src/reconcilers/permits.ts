import { issuePermit, type Permit } from '../decide/permit.ts'
import type { World } from './context.ts'

/** Something that somebody is to lose. */
export interface Loss {
  /** Why, for people: `users/alice.yaml no longer declares it`. */
  because: string
  /** Whose change causes it: `source/people`, `controller`. */
  producer: string
  /** Whether time alone causes it, and no change of a declaration. */
  byClock: boolean
}

export type Decision = { permit: Permit } | { held: string }

/**
 * The one place where leave to take something is given. Reconcilers only run on a store that was read completely,
 * and a source applies only complete revisions; so a loss that follows from the declarations passes with its reason.
 * What a clock takes is held while that clock cannot be trusted.
 */
export const permitFor = (world: Pick<World, 'clock'>, loss: Loss): Decision =>
  loss.byClock && world.clock.suspect
    ? { held: `${loss.because}, but the clock has jumped; it waits until the clock can be trusted` }
    : { permit: issuePermit({ because: loss.because, producer: loss.producer }) }
