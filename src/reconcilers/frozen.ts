import type { Verdict } from '../api/conditions.ts'
import type { Organization } from '../api/organization.ts'
import { frozenAt, frozenText, placement } from '../decide/settings.ts'
import type { ResourceStore } from '../store/store.ts'
import { recordEvent, refOf, type World } from './context.ts'

/**
 * Why nothing may leave for an organization now, as the store says and not a cache: whoever froze it has seen their write, and the next mail is to see it too.
 * @returns a sentence, or undefined where nothing stops it
 */
export const stoppedIn =
  (store: Pick<ResourceStore, 'get'>) =>
  async (organization: string | undefined): Promise<string | undefined> => {
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

/** Says that an organization is frozen, and by whom; tells when that begins and ends. */
export const frozenVerdict = async (
  world: Pick<World, 'store' | 'clock'>,
  organization: Organization,
  by: string | undefined,
): Promise<Verdict | undefined> => {
  const { metadata, status } = organization
  const before = status?.conditions?.find(({ type }) => type === 'Frozen')
  if (by === undefined) {
    if (before) await recordEvent(world, refOf(organization), 'Normal', 'Unfrozen', 'mail leaves again')
    return undefined
  }
  // Asked once a change: who owns a field is a read more.
  const isSaid = before?.observedGeneration === metadata.generation && before.message.startsWith(frozenText(by))
  const message = isSaid ? before.message : `${frozenText(by)}${await whoFroze(world, by)}`
  if (!isSaid) await recordEvent(world, refOf(organization), 'Warning', 'Frozen', message)
  return { type: 'Frozen', status: 'True', reason: 'Frozen', message }
}

const whoFroze = async ({ store }: Pick<World, 'store'>, name: string): Promise<string> => {
  const owners = await store.owners({ kind: 'Organization', name })
  const managers = owners.filter(({ field }) => field === 'spec.frozen').map(({ manager }) => manager)
  return managers.length > 0 ? ` (frozen by ${managers.sort().join(' and ')})` : ''
}
