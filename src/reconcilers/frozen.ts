import type { Verdict } from '../api/conditions.ts'
import type { Reason } from '../api/names.ts'
import type { Organization } from '../api/organization.ts'
import { type Restored, restoredText } from '../decide/restoring.ts'
import { frozenAt, frozenText, type OrganizationSettings, placement } from '../decide/settings.ts'
import type { ResourceStore } from '../store/store.ts'
import { recordEvent, refOf, type World } from './context.ts'

/** Whether this realm was restored from a backup and is not let go yet. */
export interface Restoring {
  current(): Restored | undefined
  /** Lets it go, for good, in the name of an Approval. */
  release(approval: { name: string; actor: string; reason: string }): Promise<void>
}

/** Why nothing leaves, as conditions say it. */
export interface Stop {
  reason: Extract<Reason, 'Frozen' | 'WaitingForApproval'>
  text: string
}

/** Why nothing leaves for an organization, as far as the loop knows; undefined where nothing stops it. */
export const stopFor = (
  { restoring }: Pick<World, 'restoring'>,
  frozen: OrganizationSettings['frozen'],
): Stop | undefined => {
  const restored = restoring.current()
  if (restored) return { reason: 'WaitingForApproval', text: restoredText(restored) }
  return frozen === undefined ? undefined : { reason: 'Frozen', text: frozenText(frozen) }
}

/**
 * Why nothing may leave for an organization now, as the store says and not a cache: whoever froze it has seen their write, and the next mail is to see it too.
 * @returns a sentence, or undefined where nothing stops it
 */
export const stoppedIn =
  (store: Pick<ResourceStore, 'get'>, restoring: Pick<Restoring, 'current'>) =>
  async (organization: string | undefined): Promise<string | undefined> => {
    const restored = restoring.current()
    if (restored) return restoredText(restored)
    const known = new Map<string, Organization>()
    for (let next = organization; next !== undefined && !known.has(next); ) {
      const found = await store.get('Organization', next)
      if (!found) break
      known.set(next, found)
      next = found.spec.parent
    }
    const by = organization && frozenAt(placement(organization, name => known.get(name)).chain)
    return by ? frozenText(by) : undefined
  }

/** Says that nothing leaves for an organization, why, and who did it; tells when that begins and ends. */
export const frozenVerdict = async (
  world: Pick<World, 'store' | 'clock' | 'restoring'>,
  organization: Organization,
  frozen: OrganizationSettings['frozen'],
): Promise<Verdict | undefined> => {
  const { metadata, status } = organization
  const before = status?.conditions?.find(({ type }) => type === 'Frozen')
  const stop = stopFor(world, frozen)
  if (!stop) {
    if (before) await recordEvent(world, refOf(organization), 'Normal', 'Unfrozen', 'mail leaves again')
    return undefined
  }
  const { reason, text } = stop
  // Asked once a change: who owns a field is a read more.
  const isSaid = before?.observedGeneration === metadata.generation && before.message.startsWith(text)
  const by = isSaid || reason !== 'Frozen' || frozen === undefined ? '' : await whoFroze(world, frozen)
  const message = isSaid ? before.message : `${text}${by}`
  if (!isSaid) await recordEvent(world, refOf(organization), 'Warning', reason, message)
  return { type: 'Frozen', status: 'True', reason, message }
}

const whoFroze = async ({ store }: Pick<World, 'store'>, name: string): Promise<string> => {
  const owners = await store.owners({ kind: 'Organization', name })
  const managers = owners.filter(({ field }) => field === 'spec.frozen').map(({ manager }) => manager)
  return managers.length > 0 ? ` (frozen by ${managers.sort().join(' and ')})` : ''
}
