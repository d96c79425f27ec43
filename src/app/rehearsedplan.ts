import type { Change } from '../effects/change.ts'
import { failedOf, heldIn, type Plan, timeZonesIn } from './plan.ts'
import { planHash } from './plan-hash.ts'
import { laterChanges } from './plan-later.ts'
import type { Rehearsal } from './rehearsal.ts'

/**
 * What follows from a change that is no revision, in the shape of a plan.
 * @param own the change itself, where it is to be told, too
 */
export const rehearsedPlan = (rehearsal: Rehearsal<unknown>, own: readonly Change[] = []): Plan => {
  const { base, rest, cache, now } = rehearsal
  const changes = [...own, ...rehearsal.changes]
  return {
    base,
    hash: planHash(changes),
    changes,
    alsoDue: [],
    held: heldIn(cache),
    refused: [],
    later: laterChanges(rest.later, cache, now),
    unknown: [],
    warnings: [],
    timeZones: timeZonesIn(cache),
    failed: failedOf(rest),
  }
}
