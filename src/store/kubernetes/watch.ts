import { KINDS } from '../../api/names.ts'
import { GoneError } from '../errors.ts'
import type { WatchEvent, WatchOptions } from '../store.ts'
import { compareVersions } from '../version.ts'
import type { KubeClient } from './client.ts'
import type { Definitions } from './definitions.ts'
import { Deliveries } from './deliveries.ts'
import { ClusterUnreachableError } from './errors.ts'
import { checkedVersion, KindWatch } from './kindwatch.ts'

export interface KubernetesWatchOptions extends WatchOptions {
  client: KubeClient
  definitions: Definitions
  random: () => number
  /** The newest version of anything in the cluster. */
  newestVersion: () => Promise<string>
  /** Calls back when somebody asked for the newest version, and so may wait for a bookmark of it. @returns a function that stops it */
  onAsked: (listener: () => void) => () => void
  /** Milliseconds between bookmarks while nothing happens. */
  idle: number
}

/** Milliseconds without an event after which a bookmark is made; and the longest that one waits for such a rest. */
const REST = 50
const LONGEST_WAIT = 1_000

/**
 * Watches several kinds of one namespace: a connection each, since an API server watches kinds one by one. Versions are of the whole cluster and comparable (KEP-5504), but between
 * kinds events come in no particular order, and a kind that is silent says nothing of how far it is.
 *
 * **Bookmarks.** One says that *every* kind was told up to a version. A server marks each kind about once a minute, which is too rare for whoever waits until the loop is idle. So after
 * each burst (and every 15 s, since versions grow by what others do in the cluster and another process may wait for one, and when this process asked for the newest version), the newest version of the cluster is asked for, and each kind is brought up to it by a short second watch ({@link KindWatch.prove}). It takes one to two and a half seconds; events never wait for it.
 * It proves at the same time that nothing was missed: a connection that is dead without knowing it costs no more than that.
 */
export async function* watchKinds(options: KubernetesWatchOptions): AsyncGenerator<WatchEvent, void, undefined> {
  const { client, definitions, random, newestVersion, kinds = KINDS } = options
  if (options.signal.aborted) return
  const since = checkedVersion(options.since)
  const stop = new AbortController()
  const signal = AbortSignal.any([options.signal, stop.signal])
  const deliveries = new Deliveries()
  const burst = new Burst()
  const end = () => deliveries.end()
  const stopListening = options.onAsked(() => burst.seen())
  signal.addEventListener('abort', end)

  const deliver = (event: WatchEvent) => {
    burst.seen()
    return deliveries.put(event)
  }
  const watches = [...new Set(kinds)].map(
    kind => new KindWatch({ client, definitions, kind, since, random, deliver, signal }),
  )

  /** Bookmarks until the signal aborts. A round that fails is made up for by the next one. */
  const mark = async (): Promise<void> => {
    let pause = 0
    for (let failures = 0; !signal.aborted; ) {
      await burst.rest({ signal, idle: pause })
      if (signal.aborted) return
      burst.forget()
      try {
        const told =
          watches
            .map(watch => watch.version)
            .sort(compareVersions)
            .at(-1) ?? since
        const target = await newestVersion()
        // Asked after it was told of something newer, a cluster that is older was restored from a backup.
        if (compareVersions(target, told) < 0)
          throw new GoneError(`version ${told} is newer than the cluster, which is at ${target}: list again`)
        await Promise.all(watches.map(watch => watch.prove(target)))
        if (signal.aborted) return
        // Where nothing has changed, too: it says that this was looked at.
        await deliveries.put({ type: 'BOOKMARK', resourceVersion: target })
        failures = 0
        pause = options.idle
      } catch (error) {
        if (!(error instanceof ClusterUnreachableError) || ++failures > 3) throw error
        // The way to the server was cut: connections that still stand may lead nowhere.
        for (const watch of watches) watch.renew()
        pause = 1_000
      }
    }
  }

  const running = [...watches.map(watch => watch.run()), mark()]
  for (const one of running) one.catch(error => deliveries.fail(error))
  try {
    yield* deliveries.take()
  } finally {
    stop.abort()
    stopListening()
    signal.removeEventListener('abort', end)
    await Promise.allSettled(running)
  }
}

/** Knows when events came, so that one bookmark follows many. */
class Burst {
  #first: number | undefined
  #last = 0
  #wake: ((value: unknown) => void) | undefined

  seen(): void {
    this.#last = performance.now()
    this.#first ??= this.#last
    this.#wake?.(undefined)
  }

  forget(): void {
    this.#first = undefined
  }

  /** Resolves when events came and rest for a moment, or for too long do not; after `idle` milliseconds without any; or when the signal aborts. */
  async rest({ signal, idle }: { signal: AbortSignal; idle: number }): Promise<void> {
    const until = performance.now() + idle
    while (!signal.aborted) {
      const now = performance.now()
      const due = this.#first === undefined ? until : Math.min(this.#last + REST, this.#first + LONGEST_WAIT)
      if (now >= due) return
      const woken = Promise.withResolvers<unknown>()
      const timer = setTimeout(woken.resolve, due - now)
      this.#wake = this.#first === undefined ? woken.resolve : undefined
      signal.addEventListener('abort', woken.resolve)
      await woken.promise
      signal.removeEventListener('abort', woken.resolve)
      clearTimeout(timer)
    }
  }
}
