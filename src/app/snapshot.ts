import { KINDS } from '../api/names.ts'
import type { GroupResolver } from '../decide/groups.ts'
import { groupsOver } from '../reconcilers/groupsover.ts'
import { indexes } from '../reconcilers/indexes.ts'
import { IndexedCache } from '../runtime/cache.ts'
import type { Cache } from '../runtime/reconciler.ts'
import type { Realm } from './realm.ts'

/** Everything in a store, read once and indexed as the loop has it: what a question about people is answered from. */
export interface Snapshot {
  readonly cache: Cache
  readonly groups: GroupResolver
  /** When it was read; milliseconds. */
  readonly now: number
}

export const takeSnapshot = async ({ store, clock }: Pick<Realm, 'store' | 'clock'>): Promise<Snapshot> => {
  const cache = new IndexedCache(KINDS, indexes)
  for (const kind of KINDS) for (const object of (await store.list(kind)).items) cache.set(object)
  const now = clock.now()
  return { cache, groups: groupsOver(cache, () => now), now }
}
