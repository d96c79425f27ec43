import type { Membership, MembershipSpec } from '../api/membership.ts'
import { timestamp } from '../api/timestamp.ts'
import { withdraw } from '../decide/invitation.ts'
import { type Loss, makesAdmin, withoutLosing } from '../decide/loss.ts'
import { activeGrants, hasLeft, isJoined, takesAccess } from '../decide/membership.ts'
import { milliseconds } from '../decide/time.ts'
import { recordEvent, refOf } from './context.ts'
import { ensureInvitation, removeInvitation } from './generated.ts'
import { isDeleting, isGenerated, requestsOf } from './people.ts'
import { asking, permitFor, permitForEnd, permitForNothing } from './permits.ts'
import {
  causeOf,
  claimedBy,
  explained,
  isOverThere,
  isSuspended,
  merged,
  type Place,
  type PlaceResult,
  quiet,
  reasonOf,
  sameSpec,
  waitingFor,
} from './placepass.ts'
import { settle } from './settle.ts'

/** A declaration that is gone, or says that it is over. */
export const close = async (
  place: Place,
  records: readonly Membership[],
  joined: readonly Membership[],
): Promise<PlaceResult> => {
  const { world, user, organization, standing } = place
  await removeInvitation(place, reasonOf(place))
  let result: PlaceResult | undefined
  for (const record of joined) {
    const explicit = standing.is === 'over' || isOverThere(place)
    const stood = record.spec.declared?.present === true
    const asked = requestsOf(world.cache, organization, record.spec.address).some(
      request => !isGenerated(request) && !record.spec.grants.some(grant => grant.uid === request.metadata.uid),
    )
    if (!explicit && (!stood || asked || activeGrants(record.spec).length > 0)) {
      const declared = record.spec.declared && { declared: { ...record.spec.declared, present: false } }
      const next = await settle(place, record, {
        ...record.spec,
        ...(!isDeleting(user) && claimedBy(user)),
        ...declared,
      })
      result = merged(result, next.result)
      continue
    }
    const byClock = standing.is === 'over' && standing.why === 'Until'
    result = merged(result, await end(place, record, reasonOf(place), { byClock }))
  }
  for (const record of records) if (!joined.includes(record)) await forget(place, record)
  if (result) return result
  const left = records.some(record => hasLeft(record.spec))
  const asked = records.some(({ spec }) => requestsOf(world.cache, organization, spec.address).length > 0)
  if (!left && asked && standing.is === 'absent') return ensureInvitation(place)
  return { organization, state: left ? 'Left' : 'Ended', roles: [] }
}

/**
 * Ends one membership of somebody who belongs, with a permit; without one the loss is noted for the guard.
 * @param options.byClock the declaration says until when, and that time has come
 * @param options.rest what the person keeps here under another address: where that is all they have, nothing is lost
 */
export const end = async (
  place: Place,
  record: Membership,
  because: string,
  { byClock = false, rest }: { byClock?: boolean; rest?: Membership | undefined } = {},
): Promise<PlaceResult> => {
  const { world, user, organization, now } = place
  const { roles = [], permissions = [] } = record.spec.settled ?? {}
  const cause = causeOf(place, because)
  const decision =
    byClock && endsAsDeclared(record.spec, now)
      ? permitForEnd(world, cause)
      : rest && hasAllOf(rest.spec, record.spec)
        ? permitForNothing(because, cause.producer)
        : permitFor(world, record, ENDING, cause)
  if (!('permit' in decision)) {
    const waits = waitingFor(decision)
    const again = waits.is?.reason === 'Retrying' ? { again: now + 60_000 } : {}
    if (waits.is?.reason !== 'Retrying') {
      const admin = makesAdmin(permissions)
      const spec = asking(world, record.spec, record.spec, ENDING, cause, admin)
      if (!sameSpec(record.spec, spec)) await world.effects.updateMembership(record, spec, quiet(place))
    }
    const state =
      isSuspended(place) && record.spec.settled?.suspended ? 'Suspended' : roles.length > 0 ? 'Active' : 'Restricted'
    return { organization, state, roles, ...waits, ...again }
  }
  const time = timestamp(now)
  const { declared } = record.spec
  const ended: MembershipSpec = {
    ...withoutLosing(record.spec),
    ...(declared && { declared: { ...declared, present: false } }),
    ended: { time, by: decision.permit.producer, because: decision.permit.because },
    settled: { roles: [], groups: [], permissions: [], time },
  }
  const what = explained(place, 'end', 'membership', { roles, permissions })
  await world.effects.takeAccess(record, ended, decision.permit, what)
  await recordEvent(world, refOf(user), 'Normal', 'Ended', `${organization}: ${because}`)
  return { organization, state: 'Ended', roles: [] }
}

const ENDING: Loss = { is: 'membership' }

/** Whether the end was declared before it came: then it is nobody's edit that takes something now. */
const endsAsDeclared = ({ declared }: MembershipSpec, now: number): boolean =>
  declared?.until !== undefined && milliseconds(declared.until) <= now

const hasAllOf = (rest: MembershipSpec, record: MembershipSpec): boolean =>
  isJoined(rest) && rest.settled !== undefined && !takesAccess(record, { ...record, settled: rest.settled })

/** Somebody who left has nothing any more, which is their own doing. */
export const clearLeft = async (place: Place, record: Membership): Promise<Membership> => {
  const { world, organization, now } = place
  const { settled } = record.spec
  if (!settled || !hasLeft(record.spec)) return record
  const { roles, groups, permissions } = settled
  if (roles.length + groups.length + permissions.length === 0) return record
  const { permit } = permitForNothing(`left ${organization}`)
  const spec = {
    ...withoutLosing(record.spec),
    settled: { roles: [], groups: [], permissions: [], time: timestamp(now) },
  }
  return world.effects.takeAccess(record, spec, permit, explained(place, 'take', 'access', { roles, permissions }))
}

/** The declaration of somebody who has not joined is gone: a link of an ended membership works no more, and one that comes back is new. */
export const forget = async (place: Place, record: Membership): Promise<void> => {
  const { world, standing, now } = place
  const { declared } = record.spec
  const base = standing.is === 'over' ? withdraw(record.spec, now) : record.spec
  const spec = declared?.present === true ? { ...base, declared: { ...declared, present: false } } : base
  if (spec === record.spec) return
  if (takesAccess(record.spec, spec)) return
  await world.effects.updateMembership(record, spec, quiet(place))
}
