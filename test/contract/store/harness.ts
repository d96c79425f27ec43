import { expect } from 'vitest'
import type { ResourceOf } from '../../../src/api/kinds.ts'
import { API_VERSION } from '../../../src/api/names.ts'
import type { ResourceStore, WatchEvent, WatchOptions } from '../../../src/store/store.ts'
import { compareVersions } from '../../../src/store/version.ts'

/** A store under test. */
export interface OpenedStore {
  store: ResourceStore
  /** The same data through other eyes, as another process would see it. Absent where nobody else can. */
  another?: () => Promise<ResourceStore>
  /**
   * The versions are those of something larger, which others write too: the newest one can be newer than the newest change here. There, kinds are told of one by one, each in its order, and
   * a bookmark takes a while.
   */
  shared?: boolean
  /** Makes the store forget old changes, as time would. @returns a version after which changes are no longer known: `since`, where it can be */
  compact: (since: string) => Promise<string>
  close: () => Promise<void>
}

export type UserSpec = ResourceOf<'User'>['spec']

export const userOf = (name: string, spec: Partial<UserSpec> = {}, metadata: Record<string, unknown> = {}) => ({
  apiVersion: API_VERSION,
  kind: 'User' as const,
  metadata: { name, ...metadata },
  spec: { email: `${name}@acme.example`, ...spec } as UserSpec,
})
export const accountOf = (name: string, credentialVersion = 0) => ({
  kind: 'Account' as const,
  metadata: { name },
  spec: { address: `${name}@acme.example`, credentialVersion },
})
/** Opens a store for one test; it is closed after it. */
export type Begin = () => Promise<OpenedStore>

export const roleOf = (name: string, organization: string | undefined = 'acme') => ({
  apiVersion: API_VERSION,
  kind: 'Role' as const,
  metadata: { name },
  spec: { ...(organization === undefined ? undefined : { organization }) } as ResourceOf<'Role'>['spec'],
})
export const alice = { kind: 'User' as const, name: 'alice' }
export const ann = { kind: 'Account' as const, name: 'a-ann' }
export const it = { manager: 'local/it' }
export const hr = { manager: 'source/hr' }

/** The error that a promise ends in. */
export const failure = async (promise: Promise<unknown>): Promise<unknown> => {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('it did not fail')
}

/** What a watch tells, bookmarks left out, until there are so many events. */
export const watched = async (
  store: ResourceStore,
  options: Omit<WatchOptions, 'signal'>,
  count: number,
): Promise<WatchEvent[]> => {
  const stop = new AbortController()
  const events: WatchEvent[] = []
  for await (const event of store.watch({ ...options, signal: stop.signal })) {
    if (event.type !== 'BOOKMARK') events.push(event)
    if (events.length === count) stop.abort()
  }
  return events
}

/** The next event of a watch, bookmarks left out. */
export const nextEvent = async (watching: AsyncIterator<WatchEvent>): Promise<WatchEvent> => {
  for (;;) {
    const { value, done } = await watching.next()
    if (done) throw new Error('the watch ended')
    if (value.type !== 'BOOKMARK') return value
  }
}

/** Everything that a watch tells until its first bookmark: all that happened up to now. */
export const told = async (store: ResourceStore, options: Omit<WatchOptions, 'signal'>): Promise<string[]> => {
  const stop = new AbortController()
  const events: WatchEvent[] = []
  for await (const event of store.watch({ ...options, signal: stop.signal })) {
    events.push(event)
    if (event.type === 'BOOKMARK') stop.abort()
  }
  return events.filter(event => event.type !== 'BOOKMARK').map(textOf)
}

export const textOf = (event: WatchEvent) =>
  event.type === 'BOOKMARK' ? 'BOOKMARK' : `${event.type} ${event.object.kind}/${event.object.metadata.name}`

export const now = async (store: ResourceStore) => (await store.info()).resourceVersion

/** Nothing changed after this version. */
export const expectNow = async ({ store, shared }: OpenedStore, version: string): Promise<void> => {
  const newest = await now(store)
  if (!shared) expect(newest).toBe(version)
  else {
    expect(compareVersions(newest, version)).toBeGreaterThanOrEqual(0)
    expect(await told(store, { since: version })).toEqual([])
  }
}
