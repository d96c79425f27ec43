import { KINDS } from '../api/names.ts'
import { indexes } from '../reconcilers/indexes.ts'
import { type Loop, openLoop } from '../runtime/loop.ts'
import type { Ending } from '../runtime/manager.ts'
import type { Cache } from '../runtime/reconciler.ts'
import { type ControllerOptions, type RunningController, startController } from './controller.ts'
import { observing } from './observe.ts'
import { onceAMinute, patience, troubleTeller } from './patience.ts'
import { expectingRecords, RecordsLostError, tellRecordLoss } from './recordloss.ts'

/** A process that serves a realm: it leads, or follows whoever does. */
export interface Replica extends AsyncDisposable {
  /** The newest view there is: the loop's own while it leads, else that of a follower. Undefined until the first list. */
  readonly cache: Cache | undefined
  /** Milliseconds since the store said last that this view is what it holds. */
  readonly age: number
  /** While it leads. */
  readonly controller: RunningController | undefined
  /** Why it neither leads nor shows what the store holds now: records are gone. */
  readonly held: RecordsLostError | undefined
  /** Resolves when it has ended, whatever the cause. */
  readonly ended: Promise<Ending>
}

export interface ReplicaOptions extends Omit<ControllerOptions, 'sources'> {
  /** Done each time that it has begun to lead; the loop runs already. */
  onLeading: (controller: RunningController) => Promise<void>
}

/**
 * One of several processes that share a realm.
 *
 * - **following**: a view of the store, without a reconciler, while the lease is waited for.
 * - **leading**: the loop runs under the lease. Lost, it is *following* again, in the same process; the old view serves until the new one is listed.
 *
 * What passes (a server that is away, a missing right) is told and tried again for as long as it takes.
 */
export const startReplica = (options: ReplicaOptions): Replica => {
  const { realm, log, metrics, signal } = options
  const disposed = new AbortController()
  const stop = AbortSignal.any([signal, disposed.signal])
  let view: Loop | undefined
  let follower: Loop | undefined
  let following: Promise<void> | undefined
  let controller: RunningController | undefined
  let held: RecordsLostError | undefined

  const { clock } = realm
  const trouble = troubleTeller(clock, options.onStoreTrouble)
  const patiently = patience({ clock, log, tell: trouble, signal: stop })

  const hold = (error: RecordsLostError): void => {
    held = error
    tellLoss(error)
  }
  /** What is done on a view that must not lack records. */
  const onWhole = async <T>(act: () => Promise<T>): Promise<T> => {
    try {
      const done = await act()
      held = undefined
      return done
    } catch (error) {
      if (error instanceof RecordsLostError) hold(error)
      throw error
    }
  }
  const tellLoss = onceAMinute(clock, (error: RecordsLostError) => {
    tellRecordLoss(realm, error).catch((failed: unknown) =>
      log.warn('that records are gone could not be told as an Event', { error: failed }),
    )
  })

  const follow = async (): Promise<void> => {
    const loop = await onWhole(openFollower)
    if (stop.aborted || controller) return void (await loop.stop(0))
    follower = loop
    view = loop
    loop.ended.catch((error: unknown) => {
      log.error('the store can be followed no longer; it is listed anew', { error })
      trouble(error)
      if (error instanceof RecordsLostError) hold(error)
      if (follower !== loop) return
      follower = undefined
      // The lease may be somebody else's for days.
      keepFollowing()
    })
  }

  const openFollower = () =>
    openLoop({
      store: realm.store,
      kinds: KINDS,
      indexes,
      expecting: expectingRecords(realm.store),
      reconcilers: () => [],
      clock: realm.clock,
      random: Math.random,
      observer: observing(log, metrics),
      signal: stop,
    })

  const keepFollowing = (): void => {
    if (follower || controller || stop.aborted) return
    following ??= patiently(follow)
      .catch((error: unknown) => {
        if (!stop.aborted) log.error('the store cannot be followed', { error })
      })
      .finally(() => {
        following = undefined
      })
  }

  const lead = async (): Promise<Ending> => {
    // A try to lead that failed goes on with the view there is.
    keepFollowing()
    const waiting = new AbortController()
    const giveUp = () => waiting.abort(stop.reason)
    if (stop.aborted) giveUp()
    stop.addEventListener('abort', giveUp)
    const begin = () => startController({ ...options, sources: true, signal: waiting.signal })
    const leading = await onWhole(begin).finally(() =>
      // From here on it ends by being disposed of, which writes down when.
      stop.removeEventListener('abort', giveUp),
    )
    try {
      controller = leading
      await options.onLeading(leading)
      view = leading.manager.loop
      await follower?.stop(0)
      follower = undefined
      await Promise.race([leading.manager.ended, aborted(stop)])
    } finally {
      controller = undefined
      await leading[Symbol.asyncDispose]()
    }
    const ending = await leading.manager.ended
    if (ending.why !== 'failed' || !(ending.error instanceof RecordsLostError)) return ending
    hold(ending.error)
    throw ending.error
  }

  const live = async (): Promise<Ending> => {
    try {
      for (;;) {
        const ending = await patiently(lead)
        if (ending.why !== 'lost' || stop.aborted) return ending
        log.warn('another process may have the lease: following')
      }
    } catch (error) {
      return stop.aborted ? { why: 'stopped', finished: true } : { why: 'failed', error }
    } finally {
      await following
      await follower?.stop(0)
    }
  }

  const ended = live()
  return {
    get cache() {
      return view?.world.cache
    },
    get age() {
      return view?.informer.age ?? 0
    },
    get controller() {
      return controller
    },
    get held() {
      return held
    },
    ended,
    [Symbol.asyncDispose]: async () => {
      disposed.abort()
      await ended
    },
  }
}

/** The only process of a realm: it leads for as long as it lives. @throws what `startController` throws */
export const startAlone = async (options: ReplicaOptions): Promise<Replica> => {
  const controller = await startController({ ...options, sources: true }).catch(async (error: unknown) => {
    if (error instanceof RecordsLostError) await tellRecordLoss(options.realm, error)
    throw error
  })
  try {
    await options.onLeading(controller)
  } catch (error) {
    await controller[Symbol.asyncDispose]()
    throw error
  }
  return {
    cache: controller.manager.loop.world.cache,
    get age() {
      return controller.manager.loop.informer.age
    },
    controller,
    held: undefined,
    ended: controller.manager.ended,
    [Symbol.asyncDispose]: () => controller[Symbol.asyncDispose](),
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
