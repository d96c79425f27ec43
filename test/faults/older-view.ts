import { once } from 'node:events'
import type { AnyResource } from '../../src/api/kinds.ts'
import { KINDS, type Kind } from '../../src/api/names.ts'
import type { ResourceStore, StoreInfo, WatchOptions } from '../../src/store/store.ts'
import { overriding } from './overriding.ts'

/** All that a store held at a moment. */
export interface Snapshot {
  info: StoreInfo
  lists: ReadonlyMap<Kind, AnyResource[]>
}

/** Nobody may write meanwhile. */
export const snapshotOf = async (store: ResourceStore): Promise<Snapshot> => ({
  info: await store.info(),
  lists: new Map(
    await Promise.all(
      KINDS.map(async kind => [kind, (await store.list(kind)).items as unknown as AnyResource[]] as const),
    ),
  ),
})

export interface OlderView extends ResourceStore {
  /** From now on it tells what has happened since. */
  catchUp(): void
}

/**
 * A store as a replica that lags shows it: lists are as they were at a moment that has gone, and watches are silent, until it catches up.
 * Reads of single objects and writes go to what is.
 */
export const olderView = (store: ResourceStore, { info, lists }: Snapshot): OlderView => {
  const lag = new AbortController()
  const behind = () => !lag.signal.aborted
  return overriding(store, {
    list: async (kind: Kind) =>
      behind() ? { items: lists.get(kind) ?? [], resourceVersion: info.resourceVersion } : store.list(kind),
    info: async () => (behind() ? info : store.info()),
    async *watch(options: WatchOptions) {
      if (behind() && !options.signal.aborted)
        await Promise.race([once(lag.signal, 'abort'), once(options.signal, 'abort')])
      if (!options.signal.aborted) yield* store.watch(options)
    },
    catchUp: () => lag.abort(),
  }) as OlderView
}
