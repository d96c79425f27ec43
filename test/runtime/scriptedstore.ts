import type { AnyResource } from '../../src/api/kinds.ts'
import type { Kind } from '../../src/api/names.ts'
import type { ResourceStore, WatchEvent } from '../../src/store/store.ts'

/** A store that says what the test tells it to say: lists as they stand, and watches event by event, faults included. */
export interface ScriptedStore extends Pick<ResourceStore, 'list' | 'watch' | 'info'> {
  /** What a list answers. */
  world: Map<string, AnyResource>
  version: number
  /** Thrown by the next lists, one each. */
  listErrors: Error[]
  /** Held lists answer only after `release`. */
  holdLists(): { release(): void }
  /** From where each watch was asked for. */
  readonly watchedFrom: string[]
  send(...events: WatchEvent[]): void
  bookmark(): void
  /** Ends the open watch: with an error, or quietly. */
  breakWatch(error?: Error): void
  readonly lists: number
}

type Message = { event: WatchEvent } | { end: Error | undefined }

export function scriptedStore(...objects: AnyResource[]): ScriptedStore {
  let messages: Message[] = []
  let wake: () => void = () => undefined
  let held: Promise<void> | undefined
  const put = (message: Message) => {
    messages.push(message)
    wake()
  }
  const store = {
    world: new Map(objects.map(object => [`${object.kind}/${object.metadata.name}`, object])),
    version: Math.max(0, ...objects.map(({ metadata }) => Number(metadata.resourceVersion))),
    listErrors: [] as Error[],
    watchedFrom: [] as string[],
    lists: 0,
    holdLists() {
      const { promise, resolve } = Promise.withResolvers<void>()
      held = promise
      return {
        release() {
          held = undefined
          resolve()
        },
      }
    },
    async list(kind: Kind) {
      store.lists++
      const items = [...store.world.values()].filter(object => object.kind === kind)
      const resourceVersion = String(store.version)
      await held
      const error = store.listErrors.shift()
      if (error) throw error
      return { items: items.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1)), resourceVersion }
    },
    async *watch({ since, signal }: { since: string; signal: AbortSignal }) {
      store.watchedFrom.push(since)
      messages = messages.filter(message => 'event' in message)
      signal.addEventListener('abort', () => wake(), { once: true })
      while (!signal.aborted) {
        const message = messages.shift()
        if (!message) {
          await new Promise<void>(resolve => {
            wake = resolve
          })
        } else if ('event' in message) {
          yield message.event
        } else if (message.end) {
          throw message.end
        } else {
          return
        }
      }
    },
    async info() {
      return { realm: 'r', epoch: 1, resourceVersion: String(store.version) }
    },
    send(...events: WatchEvent[]) {
      for (const event of events) put({ event })
    },
    bookmark() {
      put({ event: { type: 'BOOKMARK', resourceVersion: String(store.version) } })
    },
    breakWatch(error?: Error) {
      put({ end: error })
    },
  }
  return store as unknown as ScriptedStore
}

/** A group; what matters here are its name, life, version and members. */
export const group = (
  name: string,
  version: number,
  options: { uid?: string; members?: string[]; organization?: string } = {},
): AnyResource => ({
  apiVersion: 'roster.dev/v1alpha1',
  kind: 'Group',
  metadata: {
    name,
    uid: options.uid ?? `uid-${name}`,
    resourceVersion: String(version),
    generation: version,
    creationTimestamp: '2026-01-05T09:00:00Z',
  },
  spec: { organization: options.organization ?? 'acme', members: options.members ?? [] },
})
