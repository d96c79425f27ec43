import { isConflict } from '../api/errors.ts'
import { ANNOTATIONS } from '../api/names.ts'
import { type Clock, timestamp } from '../ports/clock.ts'
import type { ResourceStore } from '../store/store.ts'
import { PORTAL } from './acceptance.ts'

/** Deliveries of one push come together: for so long they are gathered. */
const GATHERED = 500
/** Milliseconds between two requests for one source. */
const PAUSE = 5_000

export interface Refreshes {
  /** Has a source read soon, in the ordinary way. Asked many times in a row, it is read once. */
  ask(source: { name: string; uid: string }): void
  /** Calls off what was not written yet; the interval of the source asks then. */
  close(): void
}

/**
 * Asks for sources to be read, by the annotation that `roster reconcile` writes too: whichever replica leads, sees it. What a read was asked for while another was under way
 * is asked for again after it, so that no push is missed.
 */
export const createRefreshes = (options: {
  store: Pick<ResourceStore, 'annotate' | 'get'>
  clock: Clock
  random: (size: number) => Buffer
  /** Told when a request could not be written. */
  failed: (error: unknown) => void
}): Refreshes => {
  const { store, clock, random, failed } = options
  const waiting = new Map<string, () => void>()
  const last = new Map<string, number>()

  const write = async ({ name, uid }: { name: string; uid: string }): Promise<void> => {
    const token = `${timestamp(clock.now())}-${random(4).toString('hex')}`
    try {
      await store.annotate(
        { kind: 'Source', name },
        { [ANNOTATIONS.requestedAt]: token },
        { manager: PORTAL, ifUid: uid },
      )
    } catch (error) {
      // It is gone, or another one has its name now: nobody is to be read.
      if (isConflict(error)) return
      const now = await store.get('Source', name).catch(() => ({ metadata: { uid } }))
      if (now?.metadata.uid === uid) failed(error)
    }
  }

  return {
    ask: source => {
      if (waiting.has(source.uid)) return
      const now = clock.now()
      for (const [uid, time] of last) if (time + PAUSE < now) last.delete(uid)
      const time = Math.max(now + GATHERED, (last.get(source.uid) ?? Number.NEGATIVE_INFINITY) + PAUSE)
      const callOff = clock.at(time, () => {
        waiting.delete(source.uid)
        last.set(source.uid, clock.now())
        void write(source)
      })
      waiting.set(source.uid, callOff)
    },
    close: () => {
      for (const callOff of waiting.values()) callOff()
      waiting.clear()
    },
  }
}
