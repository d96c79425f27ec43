import { failedOf, heldIn, type Plan, timeZonesIn } from './plan.ts'
import { laterChanges } from './plan-later.ts'
import type { Rehearsal } from './rehearsal.ts'

/** What follows from a change that is no revision, in the shape of a plan. */
export const rehearsedPlan = ({ base, changes, rest, cache, now }: Rehearsal<unknown>): Plan => ({
  base,
  changes,
  held: heldIn(cache),
  refused: [],
  later: laterChanges(rest.later, cache, now),
  warnings: [],
  timeZones: timeZonesIn(cache),
  failed: failedOf(rest),
})
