import type { DeclaredResource, ResourceOf } from '../api/kinds.ts'
import { DECLARED_KINDS, type DeclaredKind } from '../api/names.ts'
import type { ResourceStore } from '../store/store.ts'

/**
 * What is there while a source is synced: a cache, or a list. It may lag behind the store: every write names the version that it was decided on, and one that lost is
 * decided anew over what is there then.
 */
export interface Live {
  get<K extends DeclaredKind>(kind: K, name: string): ResourceOf<K> | undefined
  list<K extends DeclaredKind>(kind: K): Iterable<ResourceOf<K>>
}

/** As the store lists it now. */
export const listedLive = async (store: Pick<ResourceStore, 'list'>): Promise<Live> => {
  const live = new Map<DeclaredKind, Map<string, DeclaredResource>>()
  for (const kind of DECLARED_KINDS) {
    const { items } = await store.list(kind)
    live.set(kind, new Map((items as DeclaredResource[]).map(object => [object.metadata.name, object])))
  }
  return {
    get: <K extends DeclaredKind>(kind: K, name: string) => live.get(kind)?.get(name) as ResourceOf<K> | undefined,
    list: <K extends DeclaredKind>(kind: K) => (live.get(kind)?.values() ?? []) as Iterable<ResourceOf<K>>,
  }
}

/** In the order of kinds. */
export function* everything(live: Live): Generator<DeclaredResource> {
  for (const kind of DECLARED_KINDS) yield* live.list(kind) as Iterable<DeclaredResource>
}
