import type { DeclaredResource } from '../api/kinds.ts'
import { ANNOTATIONS } from '../api/names.ts'
import { isJoined } from '../decide/membership.ts'
import type { Cache } from '../runtime/reconciler.ts'
import type { ResourceStore } from '../store/store.ts'

/** What a source may do with objects that it no longer declares. */
export interface Pruning {
  permitted: readonly DeclaredResource[]
  going: readonly DeclaredResource[]
  because: string
}

/**
 * What a source may delete at once, and who is only marked as going. A person who belongs somewhere is deleted by their own reconciler, after the guard has let
 * go what they have: until then a source that declares them again takes the mark off, and nothing has happened. Deleting anything else takes
 * nothing by itself: what follows for people from a role or group that is gone is theirs to lose, and the guard's to decide.
 * @param belonging uids of the Users who belong to some organization by what is declared for them
 */
export const permitToPrune =
  (because: string, belonging: () => Promise<ReadonlySet<string>>) =>
  async (objects: readonly DeclaredResource[]): Promise<Pruning> => {
    const uids = objects.some(({ kind }) => kind === 'User') ? await belonging() : new Set<string>()
    // Who is marked already has been asked for: their own reconciler deletes them, or they come back.
    const goes = ({ kind, metadata }: DeclaredResource) =>
      kind === 'User' && (uids.has(metadata.uid) || metadata.annotations?.[ANNOTATIONS.going] !== undefined)
    return { permitted: objects.filter(object => !goes(object)), going: objects.filter(goes), because }
  }

/** Of a cache. */
export const belongingIn = (cache: Pick<Cache, 'list'>) => async (): Promise<Set<string>> =>
  uidsOf(cache.list('Membership'))

/** Of a store. */
export const belongingOf = (store: Pick<ResourceStore, 'list'>) => async (): Promise<Set<string>> =>
  uidsOf((await store.list('Membership')).items)

const uidsOf = (
  memberships: Iterable<{
    spec: Parameters<typeof isJoined>[0] & { user?: { uid: string }; declared?: { present: boolean } }
  }>,
) => {
  const uids = new Set<string>()
  // What somebody has by an Invitation alone stays when nobody declares them any more.
  for (const { spec } of memberships) if (spec.user && spec.declared?.present && isJoined(spec)) uids.add(spec.user.uid)
  return uids
}
