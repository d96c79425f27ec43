import type { Invitation } from '../api/invitation.ts'
import { FINALIZER, LABELS } from '../api/names.ts'
import { withdraw } from '../decide/invitation.ts'
import { forgetDeclaration, isJoined } from '../decide/membership.ts'
import { membershipName } from '../decide/record-names.ts'
import { milliseconds } from '../decide/time.ts'
import { declaredAt, type World } from './context.ts'
import { dropFinalizer } from './finalizer.ts'
import { grantRoles } from './grants.ts'
import type { Outcome, Pass } from './invitationstatus.ts'
import { isGenerated, requestsOf } from './people.ts'

const DAY = 24 * 3_600_000
/** How long a finished Invitation that no source declares stays. */
const FINISHED = 30 * DAY

/** When a request that is finished is removed; undefined for one that is not, and for one that a source declares: it would be made again. */
export const removalTime = ({ invitation }: Pass, { record, progress }: Outcome): number | undefined => {
  if (invitation.metadata.labels?.[LABELS.source] !== undefined || !record) return undefined
  const { state, attempt } = progress
  // One that is made for a declaration and not accepted says why nobody came; removed, it would ask again.
  if (isGenerated(invitation) && state !== 'Accepted') return undefined
  const finished = {
    Accepted: record.spec.joined?.time,
    Declined: record.spec.declined?.time,
    GaveUp: attempt?.expirationTime,
    Failed: attempt?.outcomeTime ?? attempt?.deadline,
    Queued: undefined,
    Pending: undefined,
    Expired: undefined,
  }[state]
  if (finished === undefined) return undefined
  // Written long after the person joined, it says for as long as any other that they were a member already.
  return Math.max(milliseconds(finished), milliseconds(invitation.metadata.creationTimestamp)) + FINISHED
}

/** A deleted Invitation: its link dies unless somebody else asks too; who has accepted keeps what it granted. */
export const release = async (world: World, invitation: Invitation): Promise<undefined> => {
  const { metadata, spec } = invitation
  if (!metadata.finalizers?.includes(FINALIZER)) return undefined
  const name = membershipName(spec.organization, spec.email)
  const others = requestsOf(world.cache, spec.organization, spec.email)
  let record = world.cache.get('Membership', name)
  if (record) {
    const accepted = record.spec.joined !== undefined && record.spec.joined.time <= (metadata.deletionTimestamp ?? '')
    if (accepted && !isGenerated(invitation)) record = await grantRoles(world, record, record.spec, [invitation])
    let next = others.length === 0 ? withdraw(record.spec, world.clock.now()) : record.spec
    if (isGenerated(invitation) && !isJoined(next) && !others.some(isGenerated)) next = forgetDeclaration(next)
    if (next !== record.spec)
      await world.effects.updateMembership(record, next, {
        actor: 'controller',
        because: `${declaredAt(invitation)} was deleted`,
        organization: spec.organization,
      })
  }
  if (others.length === 0) world.lines.of(spec.organization).leave(name)
  await dropFinalizer(world.store, invitation)
  return undefined
}
