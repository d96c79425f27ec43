import type { Plan } from './plan.ts'
import { byCost, summarize } from './plan-summary.ts'

/**
 * What `plan -o json` prints, as docs/plan.md says. Fields may be added; none changes its meaning.
 *
 * - `hash`: over `changes`, as `planHash` says; two plans that do the same have the same one.
 * - `base`: version of the store that was planned on.
 * - `summary`: how many resources to create, update and delete; mails; people who lose and who gain; seats given and freed; resources held.
 * - `changes`: what costs first. `action` and `target` (`resource`, `mail`, `access`, `seat`, `membership`, `account`) of `kind` and `name` (`called`: the address of somebody whose name Roster made) in `organization`,
 *   `because` of a place (`file:line`) or an object; `fields`: for an update `{from, to}` a field, for a mail `template`, `to` and `roles`, for access `roles`,
 *   `groups` and `permissions`, for a seat `pool`, `seats` and `state`.
 * - `alsoDue`: what would happen without these manifests, too, in the same words.
 * - `held`: what has gone from the source and stays, with the reason; of what waits for an Approval the `set`: its `hash`, `producer`, `because`, and of each of the `people`
 *   what they would lose. `refused`: what another source keeps, or the store does not take.
 * - `later`: changes that time alone brings about afterwards, each with its `time` (RFC 3339), earliest first.
 * - `unknown`: what only applying will tell, of `kind` and `name`, with why in `message`.
 * - `warnings`: no changes, but to be known: roles that open invitations carry, pools that are too small, with the `addresses` of whom it concerns.
 * - `failed`: what could not be worked out; the exit code is 2 then.
 */
export const planDocument = (plan: Plan) => {
  const { hash, base, changes, alsoDue, held, refused, later, unknown, warnings, failed } = plan
  return {
    hash,
    base,
    summary: summarize(plan),
    changes: changes.toSorted(byCost),
    alsoDue: alsoDue.toSorted(byCost),
    held,
    refused,
    later,
    unknown,
    warnings,
    failed,
  }
}
