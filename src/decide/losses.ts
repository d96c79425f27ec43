import type { SettledAccess } from '../api/membership.ts'
import type { DerivedAccess } from './access.ts'
import { deniesBelow, gainedPermissions, givesBelow, lostPermissions, reachesDown, withGains } from './permissions.ts'

/** Access without the time: what is compared. */
export type Access = Omit<SettledAccess, 'time'>

/** Difference of two states of access; permissions as `decide/permissions` writes them. */
export interface AccessDifference {
  roles: string[]
  groups: string[]
  permissions: string[]
  /** Organizations below which what reaches down is in force in, or no longer. `!` in front: what is denied there. */
  reach?: string[]
  /** Suspended, or no longer. */
  suspended?: true
}

export interface AccessComparison {
  gains: AccessDifference
  losses: AccessDifference
  /** Settled access with all gains that take nothing: may be written at once. Equal to the derived access when nothing is lost. */
  settledAfterGains: Access
  /** The two mean the same: nothing to write. */
  equal: boolean
}

/**
 * What somebody gains and loses between the access in force and the access that follows from the declarations.
 * Gains are written at once; the derived access itself, which also takes, only with a permit.
 */
export const compareAccess = (
  settled: Access | undefined,
  derived: Pick<DerivedAccess, 'roles' | 'groups' | 'permissions' | 'reach'> & { suspended?: boolean },
): AccessComparison => {
  const before: Access = settled ?? { roles: [], groups: [], permissions: [] }
  const permissionsLost = lostPermissions(before.permissions, derived.permissions)
  const reach = compareReach(before, derived, permissionsLost.length > 0)
  const losses = {
    roles: without(before.roles, derived.roles),
    groups: without(before.groups, derived.groups),
    permissions: permissionsLost,
    ...(reach.lost.length > 0 && { reach: reach.lost }),
    // Who has no settled access yet cannot lose it.
    ...(settled && derived.suspended && !settled.suspended && { suspended: true as const }),
  }
  const gains = {
    roles: without(derived.roles, before.roles),
    groups: without(derived.groups, before.groups),
    permissions: gainedPermissions(before.permissions, derived.permissions),
    ...(reach.gained.length > 0 && { reach: reach.gained }),
    ...(!derived.suspended && settled?.suspended && { suspended: true as const }),
  }
  // What is still in force below and no longer declared there grows no further.
  const wanted = reach.lost.length > 0 ? derived.permissions.map(hereOnly) : derived.permissions
  const permissionsAfterGains =
    permissionsLost.length === 0 && reach.lost.length === 0
      ? derived.permissions
      : withGains(before.permissions, wanted)
  return {
    gains,
    losses,
    settledAfterGains: {
      roles: union(before.roles, derived.roles),
      groups: union(before.groups, derived.groups),
      permissions: permissionsAfterGains,
      ...(reach.afterGains && reachesDown(permissionsAfterGains) && { reach: reach.afterGains }),
      ...(derived.suspended && (!settled || settled.suspended) && { suspended: true as const }),
    },
    equal: settled !== undefined && isNothing(losses) && isNothing(gains) && !reach.isNew,
  }
}

/**
 * Where what reaches down is in force. Where it was not written down yet, it is as declared: writing it takes nothing and gives nothing.
 * A permission is lost with an organization that it no longer reaches; by a denial something may be lost in each that it newly reaches.
 */
const compareReach = (before: Access, derived: Pick<Access, 'permissions' | 'reach'>, waits: boolean) => {
  const is = derived.reach
  const was = reachesDown(before.permissions) ? before.reach : undefined
  if (!was || !is) return { lost: [], gained: [], afterGains: was ?? is, isNew: is !== undefined }
  const [gone, added] = [without(was, is), without(is, was)]
  const [gives, denies] = [givesBelow(before.permissions), deniesBelow(derived.permissions)]
  const deniedBefore = deniesBelow(before.permissions)
  const lost = [...(gives ? gone : []), ...(denies ? added.map(one => `!${one}`) : [])]
  const whole = lost.length === 0 && !waits
  return {
    lost,
    gained: [...(givesBelow(derived.permissions) ? added : []), ...(deniedBefore ? gone.map(one => `!${one}`) : [])],
    // Nothing comes to where neither of the two gives it.
    afterGains: whole ? is : union(gives ? was : without(was, gone), denies || deniedBefore || waits ? [] : added),
    isNew: false,
  }
}

/** A permission as it is where the membership is, and not below. */
const hereOnly = (permission: string): string => (permission.startsWith('>') ? permission.slice(1) : permission)

/** Whether a difference is none. */
export const isNothing = (difference: AccessDifference): boolean =>
  difference.roles.length === 0 &&
  difference.groups.length === 0 &&
  difference.permissions.length === 0 &&
  !difference.reach?.length &&
  !difference.suspended

const without = (all: readonly string[], these: readonly string[]): string[] => {
  const excluded = new Set(these)
  return all.filter(one => !excluded.has(one)).sort()
}
const union = (a: readonly string[], b: readonly string[]): string[] => [...new Set([...a, ...b])].sort()
