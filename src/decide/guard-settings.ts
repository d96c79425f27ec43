import type { OrganizationSpec } from '../api/organization.ts'
import type { SettledGuard } from '../api/removalset.ts'
import { normalizeAddress } from './address.ts'

/** How much may be taken at once, every value worked out. */
export type GuardSettings = Required<SettledGuard>

/** What counts where nothing is declared; for a realm and a source always. */
export const DEFAULT_GUARD: Readonly<GuardSettings> = {
  maxRemovals: 5,
  freeRemovals: 5,
  protected: [],
  minAdmins: 2,
  maxInvitations: 500,
}

/** The guard of the first organization of a chain: of what is declared here and above, the strictest of each; protected people united. */
export const guardOf = (chain: readonly Pick<OrganizationSpec, 'guard'>[]): GuardSettings => {
  const declared = chain.flatMap(({ guard }) => (guard ? [guard] : []))
  const values = <T>(of: (guard: NonNullable<OrganizationSpec['guard']>) => T | undefined): T[] =>
    declared.flatMap(guard => of(guard) ?? [])
  const least = (all: readonly number[], otherwise: number): number => (all.length > 0 ? Math.min(...all) : otherwise)
  const admins = values(guard => guard.minAdmins)
  return {
    maxRemovals: least(
      values(guard => guard.maxRemovals).map(text => Number(text.replace('%', ''))),
      DEFAULT_GUARD.maxRemovals,
    ),
    freeRemovals: least(
      values(guard => guard.freeRemovals),
      DEFAULT_GUARD.freeRemovals,
    ),
    protected: union(values(guard => guard.protected?.map(normalizeAddress)).flat()),
    minAdmins: admins.length > 0 ? Math.max(...admins) : DEFAULT_GUARD.minAdmins,
    maxInvitations: least(
      values(guard => guard.maxInvitations),
      DEFAULT_GUARD.maxInvitations,
    ),
  }
}

/** Of two guards the strictest of each value. */
export const strictest = (a: GuardSettings, b: GuardSettings): GuardSettings => ({
  maxRemovals: Math.min(a.maxRemovals, b.maxRemovals),
  freeRemovals: Math.min(a.freeRemovals, b.freeRemovals),
  protected: union([...a.protected, ...b.protected]),
  minAdmins: Math.max(a.minAdmins, b.minAdmins),
  maxInvitations: Math.min(a.maxInvitations, b.maxInvitations),
})

export const sameGuard = (a: GuardSettings, b: GuardSettings): boolean =>
  a.maxRemovals === b.maxRemovals &&
  a.freeRemovals === b.freeRemovals &&
  a.minAdmins === b.minAdmins &&
  a.maxInvitations === b.maxInvitations &&
  union(a.protected).join() === union(b.protected).join()

/** How long a looser guard has to stand before anything is judged by it: as long as a budget lasts. */
export const LOOSENING = 24 * 3_600_000

/** The guard in force, and the looser one that waits. */
export interface GuardInForce {
  guard: GuardSettings
  loosened?: { guard: GuardSettings; since: number }
}

/**
 * What is judged by, after a look at what is declared. Stricter counts at once; looser when it has stood for a day and nothing is held meanwhile,
 * or where nobody belongs who could lose anything. So no edit, and no two edits, can widen the budget that they use.
 * @param before as last written down; undefined where nothing was: then the defaults were in force
 */
export const settleGuard = (
  before: GuardInForce | undefined,
  declared: GuardSettings,
  at: { now: number; people: number; pending: boolean },
): GuardInForce => {
  const inForce = before?.guard ?? DEFAULT_GUARD
  if (at.people === 0 && !at.pending) return { guard: declared }
  const guard = strictest(inForce, declared)
  if (sameGuard(guard, declared)) return { guard }
  const known = before?.loosened
  // Another one than was waiting, unless it is stricter than that: begins to wait anew.
  const since = known && sameGuard(strictest(known.guard, declared), declared) ? known.since : at.now
  if (!at.pending && at.now >= since + LOOSENING) return { guard: declared }
  return { guard, loosened: { guard: declared, since } }
}

const union = (all: readonly string[]): string[] => [...new Set(all)].sort()
