import { ConflictError, GoneError } from '../../src/store/errors.ts'
import type { ResourceStore, WatchEvent, WatchOptions } from '../../src/store/store.ts'

/** The process is dead: whatever it does with its store from now on comes to nothing. */
export class CrashError extends Error {
  override readonly name = 'CrashError'
}

/** What goes wrong. Numbers count from 1; nothing given, nothing goes wrong. */
export interface Faults {
  /** The process dies at this write: `before` it takes effect, or `after`, without hearing of it. */
  crash?: { atWrite: number; effect: 'before' | 'after' }
  /** Whether the nth write with a precondition is told that somebody else was faster. */
  conflict?: (number: number) => boolean
  /** Every so many reads of one object give the object as it was before its last change, if this store has seen it. */
  staleEvery?: number
  /** Every so many watches end as Gone, after so many events. */
  gone?: { every: number; after: number }
  /**
   * What becomes of the nth event of this store, over all its watches. A dropped one is gone for this watcher, a delayed one comes after those behind it,
   * and with `gone` the watch ends as Gone instead. Bookmarks are never touched.
   */
  event?: (number: number) => 'deliver' | 'drop' | 'double' | 'delay' | 'gone'
  /** Called before the nth write takes effect. */
  onWrite?: (number: number) => Promise<void>
  /** Called when a watch ends as Gone. */
  onGone?: () => void
}

/** Every so many: for {@link Faults}. */
export const every =
  (count: number) =>
  (number: number): boolean =>
    number % count === 0

export interface FaultyStore extends ResourceStore {
  /** Writes and other side effects that were asked for, the one of the crash included. */
  readonly writes: number
  /** Writes with a precondition. */
  readonly conditional: number
  /** Watches begun. */
  readonly watches: number
  /** Events told, over all watches. */
  readonly told: number
  readonly crashed: boolean
  /** Another side effect of the same process, a mail, say: it counts along, and the process dies before or after it as with a write. */
  sideEffect<T>(act: () => Promise<T>): Promise<T>
  /** Another store of the same process, with the same faults. */
  beside(store: ResourceStore): ResourceStore
}

type Method = (...args: never[]) => Promise<unknown>
const WRITES = [
  'create',
  'apply',
  'replace',
  'patchStatus',
  'setFinalizers',
  'annotate',
  'delete',
  'bind',
  'mark',
] as const
const READS = ['get', 'list', 'owners', 'info', 'marks'] as const
const WITH_PRECONDITION: readonly string[] = ['apply', 'replace', 'patchStatus', 'setFinalizers', 'delete']

/**
 * Any store, with faults. The store of a lease taken through it has the same faults and counts along; the store below keeps what took effect, and is what the
 * next process finds.
 */
export const faultyStore = (below: ResourceStore, faults: Faults): FaultyStore => {
  const state = { writes: 0, reads: 0, watches: 0, events: 0, conditional: 0, crashed: false }
  const earlier = new Map<string, unknown>()
  const newest = new Map<string, unknown>()

  const alive = () => {
    if (state.crashed) throw new CrashError(`the process died at write ${faults.crash?.atWrite}`)
  }
  const crash = () => {
    state.crashed = true
    alive()
  }

  const forget = () => {
    faults.onGone?.()
    throw new GoneError('changes are no longer known: list again')
  }

  /** Counts a write, and dies before or after it when its time has come. */
  const writing = async <T>(act: () => Promise<T>): Promise<T> => {
    alive()
    state.writes += 1
    const last = state.writes === faults.crash?.atWrite
    await faults.onWrite?.(state.writes)
    if (last && faults.crash?.effect === 'before') crash()
    try {
      return await act()
    } finally {
      if (last) crash()
      alive()
    }
  }

  const remember = (key: string, object: unknown) => {
    const before = newest.get(key)
    if (JSON.stringify(before) === JSON.stringify(object)) return
    if (before !== undefined) earlier.set(key, before)
    newest.set(key, object)
  }

  const wrap = (store: ResourceStore): ResourceStore => {
    const wrapped: Record<string, unknown> = {}
    for (const name of WRITES) {
      const method = (store[name] as Method).bind(store)
      wrapped[name] = async (...args: never[]) => {
        const options = (args[1] ?? {}) as { ifVersion?: string; ifUid?: string }
        const last = (args.at(-1) ?? {}) as { ifVersion?: string; ifUid?: string }
        const conditional =
          WITH_PRECONDITION.includes(name) && [options, last].some(each => each.ifVersion ?? each.ifUid)
        if (conditional) state.conditional += 1
        if (conditional && faults.conflict?.(state.conditional)) {
          alive()
          const target = args[0] as unknown as { kind: 'User'; name?: string; metadata?: { name: string } }
          throw new ConflictError(
            { kind: target.kind, name: target.name ?? target.metadata?.name ?? '' },
            'somebody else was faster',
          )
        }
        return writing(() => method(...args))
      }
    }
    for (const name of READS) {
      const method = (store[name] as Method).bind(store)
      wrapped[name] = async (...args: never[]) => {
        alive()
        return method(...args)
      }
    }
    wrapped.get = async (...args: Parameters<ResourceStore['get']>) => {
      alive()
      const object = await store.get(...args)
      const key = args.join('/')
      remember(key, object)
      state.reads += 1
      return faults.staleEvery && state.reads % faults.staleEvery === 0 ? (earlier.get(key) ?? object) : object
    }
    wrapped.watch = (options: WatchOptions) => watching(store, options)
    wrapped.events = {
      record: (event: Parameters<ResourceStore['events']['record']>[0]) => writing(() => store.events.record(event)),
      list: async (filter: Parameters<ResourceStore['events']['list']>[0]) => {
        alive()
        return store.events.list(filter)
      },
    }
    wrapped.lease = {
      read: async () => {
        alive()
        return store.lease.read()
      },
      acquire: async (options: Parameters<ResourceStore['lease']['acquire']>[0]) => {
        alive()
        const held = await store.lease.acquire(options)
        return {
          epoch: held.epoch,
          lost: held.lost,
          store: wrap(held.store),
          reportIdle: (version: string) => writing(() => held.reportIdle(version)),
          markClock: (time: string) => writing(() => held.markClock(time)),
          release: async () => {
            // The operating system frees what a dead process held.
            await held.release()
          },
        }
      },
    }
    wrapped[Symbol.asyncDispose as unknown as string] = () => store[Symbol.asyncDispose]()
    return wrapped as unknown as ResourceStore
  }

  async function* watching(store: ResourceStore, options: WatchOptions): AsyncGenerator<WatchEvent, void, undefined> {
    alive()
    state.watches += 1
    const goneAfter = faults.gone && state.watches % faults.gone.every === 0 ? faults.gone.after : undefined
    let told = 0
    let delayed: WatchEvent[] = []
    for await (const event of store.watch(options)) {
      alive()
      if (event.type === 'BOOKMARK') {
        yield* delayed
        delayed = []
        yield event
        continue
      }
      if (goneAfter !== undefined && told >= goneAfter) forget()
      told += 1
      state.events += 1
      const fate = faults.event?.(state.events) ?? 'deliver'
      if (fate === 'gone') forget()
      if (fate === 'delay') delayed.push(event)
      if (fate === 'deliver' || fate === 'double') yield event
      if (fate === 'double') yield event
    }
  }

  return Object.defineProperties(wrap(below), {
    writes: { get: () => state.writes },
    conditional: { get: () => state.conditional },
    watches: { get: () => state.watches },
    told: { get: () => state.events },
    crashed: { get: () => state.crashed },
    sideEffect: { value: writing },
    beside: { value: wrap },
  }) as FaultyStore
}
