import type { SettledAccess } from '../api/membership.ts'
import type { DerivedAccess } from './access.ts'
import { gainedPermissions, lostPermissions, withGains } from './permissions.ts'

/** Access without the time: what is compared. */
export type Access = Omit<SettledAccess, 'time'>

/** Difference of two states of access; permissions as `decide/permissions` writes them. */
export interface AccessDifference {
  roles: string[]
  groups: string[]
  permissions: string[]
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
  derived: Pick<DerivedAccess, 'roles' | 'groups' | 'permissions'> & { suspended?: boolean },
): AccessComparison => {
  const before: Access = settled ?? { roles: [], groups: [], permissions: [] }
  const losses = {
    roles: without(before.roles, derived.roles),
    groups: without(before.groups, derived.groups),
    permissions: lostPermissions(before.permissions, derived.permissions),
    // Who has no settled access yet cannot lose it.
    ...(settled && derived.suspended && !settled.suspended && { suspended: true as const }),
  }
  const gains = {
    roles: without(derived.roles, before.roles),
    groups: without(derived.groups, before.groups),
    permissions: gainedPermissions(before.permissions, derived.permissions),
    ...(!derived.suspended && settled?.suspended && { suspended: true as const }),
  }
  return {
    gains,
    losses,
    settledAfterGains: {
      roles: union(before.roles, derived.roles),
      groups: union(before.groups, derived.groups),
      permissions:
        losses.permissions.length === 0 ? derived.permissions : withGains(before.permissions, derived.permissions),
      ...(derived.suspended && (!settled || settled.suspended) && { suspended: true as const }),
    },
    equal: settled !== undefined && isNothing(losses) && isNothing(gains),
  }
}

/** Whether a difference is none. */
export const isNothing = (difference: AccessDifference): boolean =>
  difference.roles.length === 0 &&
  difference.groups.length === 0 &&
  difference.permissions.length === 0 &&
  !difference.suspended

const without = (all: readonly string[], these: readonly string[]): string[] => {
  const excluded = new Set(these)
  return all.filter(one => !excluded.has(one)).sort()
}
const union = (a: readonly string[], b: readonly string[]): string[] => [...new Set([...a, ...b])].sort()
