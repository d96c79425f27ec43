import type { Membership, MembershipSpec } from '../api/membership.ts'
import { timestamp } from '../api/timestamp.ts'
import { DEFAULT_GUARD, strictest } from '../decide/guard-settings.ts'
import { currentSeries, isJoined } from '../decide/membership.ts'
import { mailDigest, removalKey } from '../decide/record-names.ts'
import type { OrganizationSettings } from '../decide/settings.ts'
import type { Cache } from '../runtime/reconciler.ts'
import type { World } from './context.ts'
import { isAsMade } from './guardfacts.ts'
import { requestsOf } from './people.ts'

/** Whose mail is asked about. */
interface Asked {
  name: string
  spec: MembershipSpec
  settings: OrganizationSettings
  /** As `inviterOf` gives it. */
  inviter: string
}

/**
 * Whether the first mail of a series waits for the guard: more than `maxInvitations` of one inviter, sent in 24 hours or waiting for their turn, are a mistake
 * until somebody says that they are not. Once it waits, only a set that an Approval released lets it go, not the next day.
 */
export const isOverCap = (world: World, { name, spec, settings, inviter }: Asked): boolean => {
  const digest = mailDigest(currentSeries(spec))
  const sets = world.cache.by('RemovalSet', 'removal', removalKey(name, digest))
  if (sets.some(set => set.spec.state === 'Released')) return false
  if (spec.asking?.digest === digest) return true
  return world.lines.of(settings.name).wantedBy(inviter, name, world.clock.now()) >= capOf(world.cache, settings)
}

/** The strictest of what is declared and what is in force. */
export const capOf = (cache: Cache, { name, guard, chain }: OrganizationSettings): number => {
  const inForce = cache.get('RemovalSet', name)?.spec.guard
  if (!inForce && isAsMade(cache, chain)) return guard.maxInvitations
  return strictest({ ...DEFAULT_GUARD, ...inForce }, guard).maxInvitations
}

/** The record with the note that a mail waits for the guard: what it collects. */
export const withAsking = (
  spec: MembershipSpec,
  { inviter, because, now }: { inviter: string; because: string; now: number },
): MembershipSpec => {
  const digest = mailDigest(currentSeries(spec))
  if (spec.asking?.digest === digest) return spec
  return {
    ...spec,
    asking: { digest, producer: inviter, because: [...because].slice(0, 500).join(''), time: timestamp(now) },
  }
}

/** The record without that note: the mail goes. */
export const withoutAsking = (spec: MembershipSpec): MembershipSpec => {
  if (!spec.asking) return spec
  const { asking: _, ...rest } = spec
  return rest
}

/** Whether somebody's mail that waits for the guard is still asked for. */
export const isAsking = (cache: Cache, { spec }: Membership): boolean => {
  if (spec.asking?.digest !== mailDigest(currentSeries(spec))) return false
  // A set-up mail goes to somebody who belongs already.
  if (spec.joined?.how === 'Declared') return isJoined(spec) && spec.declared?.present === true
  return !isJoined(spec) && requestsOf(cache, spec.organization, spec.address).length > 0
}
