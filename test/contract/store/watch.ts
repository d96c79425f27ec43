import { describe, expect, test } from 'vitest'
import { FINALIZER } from '../../../src/api/names.ts'
import { GoneError, StoreError } from '../../../src/store/errors.ts'
import type { ResourceStore, WatchEvent } from '../../../src/store/store.ts'
import { compareVersions } from '../../../src/store/version.ts'
import fc from '../../properties.ts'
import {
  accountOf,
  alice,
  ann,
  type Begin,
  failure,
  it,
  nextEvent,
  now,
  roleOf,
  textOf,
  told,
  userOf,
  watched,
} from './harness.ts'

/** Watches, and several processes. */
export const describeWatch = (begin: Begin): void => {
  describe('watch', () => {
    test('tells of what happened since, in order, with the object as it was left', async () => {
      const { store, shared } = await begin()
      await store.create(userOf('old'), it)
      const since = await now(store)
      const { metadata } = await store.create(userOf('alice'), it)
      await store.create(roleOf('editor'), it)
      await store.delete({ kind: 'Role', name: 'editor' })
      await store.patchStatus(
        { kind: 'User', name: 'old' },
        { state: 'Active' },
        { ifUid: (await store.get('User', 'old'))?.metadata.uid ?? '' },
      )
      const events = (await told(store, { since })).filter(event => event !== 'ADDED Role/editor')
      const users = ['ADDED User/alice', 'MODIFIED User/old']
      expect(events.filter(event => event.endsWith('Role/editor'))).toEqual(['DELETED Role/editor'])
      expect(events.filter(event => event.includes('User/'))).toEqual(users)
      if (!shared) expect(events).toEqual(['ADDED User/alice', 'DELETED Role/editor', 'MODIFIED User/old'])
      expect(await told(store, { since: metadata.resourceVersion, kinds: ['User'] })).toEqual(['MODIFIED User/old'])
      expect(await told(store, { since, kinds: ['Account'] })).toEqual([])
    })

    test('goes on with what happens, tells each watcher, and ends when it is told to', async () => {
      const { store, shared } = await begin()
      const since = await now(store)
      const stop = new AbortController()
      const watchers = Array.from({ length: 20 }, () =>
        store.watch({ since, signal: stop.signal })[Symbol.asyncIterator](),
      )
      /** What each is told next, once it was told. */
      const next = async () => {
        const events = await Promise.all(watchers.map(nextEvent))
        for (const event of events) expect(event).toEqual(events[0])
        return events[0]
      }
      const created = await store.create(userOf('alice'), it)
      expect(await next()).toEqual({ type: 'ADDED', object: created })
      const annotated = await store.annotate(alice, { note: 'x' }, it)
      expect(await next()).toEqual({ type: 'MODIFIED', object: annotated })
      await store.delete(alice)
      const { metadata, ...left } = annotated
      const deleted = await next()
      const resourceVersion = shared
        ? ((deleted?.type === 'DELETED' && deleted.object.metadata.resourceVersion) as string)
        : await now(store)
      expect(deleted).toEqual({ type: 'DELETED', object: { ...left, metadata: { ...metadata, resourceVersion } } })
      expect(compareVersions(resourceVersion, metadata.resourceVersion)).toBeGreaterThan(0)
      stop.abort()
      for (const watcher of watchers) while (!(await watcher.next()).done);
    })

    test('says by a bookmark up to where it told everything, also of kinds that are not watched', async () => {
      const { store, shared } = await begin()
      const since = await now(store)
      const stop = new AbortController()
      const bookmarks: string[] = []
      let changed = since
      const watching = (async () => {
        for await (const event of store.watch({ since, kinds: ['Role'], signal: stop.signal })) {
          if (event.type !== 'BOOKMARK') continue
          bookmarks.push(event.resourceVersion)
          if (bookmarks.length > 1 && compareVersions(event.resourceVersion, changed) >= 0) stop.abort()
        }
      })()
      await new Promise(setImmediate)
      changed = (await store.create(userOf('alice'), it)).metadata.resourceVersion
      await watching
      if (!shared) expect(bookmarks).toEqual([since, changed])
      else expect(bookmarks).toEqual([...new Set(bookmarks)].sort(compareVersions))
    })

    test('a slow consumer misses nothing and is told of each life at its start', async () => {
      const { store } = await begin()
      const since = await now(store)
      const stop = new AbortController()
      const watching = store.watch({ since, signal: stop.signal })[Symbol.asyncIterator]()
      await store.create(userOf('u0000'), it)
      const first = await watching.next()
      expect(first.value && textOf(first.value)).toBe('ADDED User/u0000')
      const names = Array.from({ length: 1_000 }, (_, at) => `u${String(at + 1).padStart(4, '0')}`)
      await Promise.all(names.map(name => store.create(userOf(name), it)))
      await Promise.all(names.map(name => store.annotate({ kind: 'User', name }, { note: 'x' }, it)))
      const added = new Set<string>()
      while (added.size < names.length) {
        const { value } = await watching.next()
        if (value?.type === 'ADDED') added.add(value.object.metadata.name)
      }
      stop.abort()
      expect([...added].sort()).toEqual(names)
    })

    test('and a list before it make a replica that equals the store, whatever happens', async () => {
      const operation = fc.record({
        name: fc.constantFrom('a', 'b', 'c', 'd'),
        act: fc.constantFrom('create', 'create held', 'annotate', 'status', 'delete', 'let go'),
        pause: fc.boolean(),
      })
      const carryOut = async (store: ResourceStore, { name, act }: { name: string; act: string }) => {
        const ref = { kind: 'User' as const, name }
        const object = await store.get('User', name)
        const ifVersion = object?.metadata.resourceVersion ?? ''
        if (act === 'create') await store.create(userOf(name), it)
        else if (act === 'create held') await store.create(userOf(name), { ...it, finalizers: [FINALIZER] })
        else if (act === 'annotate') await store.annotate(ref, { at: String(Math.random()) }, it)
        else if (act === 'delete') await store.delete(ref)
        else if (act === 'let go') await store.setFinalizers(ref, [], { ifVersion })
        else await store.patchStatus(ref, { state: 'Active' }, { ifUid: object?.metadata.uid ?? '' })
      }
      const { shared = false } = await begin()
      await fc.assert(
        fc.asyncProperty(fc.array(operation, { maxLength: 40 }), fc.nat(10), async (operations, watchedFrom) => {
          const { store } = await begin()
          const replica = new Map<string, unknown>()
          const stop = new AbortController()
          let watching: Promise<void> | undefined
          let seen = ''
          const watch = async () => {
            const { items, resourceVersion } = await store.list('User')
            for (const item of items) replica.set(item.metadata.name, item)
            for await (const event of store.watch({ since: resourceVersion, kinds: ['User'], signal: stop.signal })) {
              if (event.type === 'BOOKMARK') {
                seen = event.resourceVersion
                if (isReached()) stop.abort()
              } else if (event.type === 'DELETED') replica.delete(event.object.metadata.name)
              else {
                expect(replica.has(event.object.metadata.name), event.type).toBe(event.type === 'MODIFIED')
                replica.set(event.object.metadata.name, event.object)
              }
            }
          }
          let last: string | undefined
          const isReached = () => last !== undefined && seen !== '' && compareVersions(seen, last) >= 0
          for (const [at, each] of operations.entries()) {
            if (at === watchedFrom) watching = watch()
            // What cannot be done in this state changes nothing.
            await carryOut(store, each).catch(error => expect(error).toBeInstanceOf(StoreError))
            if (each.pause) await new Promise(setImmediate)
          }
          watching ??= watch()
          last = await now(store)
          if (isReached()) stop.abort()
          await watching
          const { items } = await store.list('User')
          expect([...replica.entries()].sort()).toEqual(items.map(item => [item.metadata.name, item]))
        }),
        { numRuns: shared ? 5 : 40 },
      )
    }, 60_000)

    test('ended before it began, it tells nothing', async () => {
      const { store } = await begin()
      await store.create(userOf('alice'), it)
      const events: WatchEvent[] = []
      for await (const event of store.watch({ since: await now(store), signal: AbortSignal.abort() }))
        events.push(event)
      expect(events).toEqual([])
    })

    test('from a version that is no longer known it is Gone, and a new list goes on', async () => {
      const { store, compact } = await begin()
      const since = await now(store)
      await store.create(userOf('alice'), it)
      await store.delete(alice)
      const forgotten = await compact(since)
      expect(await failure(watched(store, { since: forgotten }, 1))).toBeInstanceOf(GoneError)
      expect(await failure(watched(store, { since: 'of another store' }, 1))).toBeInstanceOf(GoneError)
      const { resourceVersion } = await store.list('User')
      await store.create(userOf('bob'), it)
      expect(await told(store, { since: resourceVersion })).toEqual(['ADDED User/bob'])
    })

    test('of one process is seen by another within a quarter of a second', async context => {
      const { store, another } = await begin()
      if (!another) return context.skip('nobody else sees this store')
      const other = await another()
      const since = await now(store)
      const seen = watched(store, { since }, 1).then(() => performance.now())
      await new Promise(setImmediate)
      await other.create(userOf('alice'), it)
      const written = performance.now()
      expect((await seen) - written).toBeLessThan(250)
      expect(await store.get('User', 'alice')).toEqual(await other.get('User', 'alice'))
      return undefined
    })
  })

  describe('races between processes', () => {
    test('a name is given once, and a version is replaced once', async context => {
      const { store, another } = await begin()
      if (!another) return context.skip('nobody else sees this store')
      const other = await another()
      const creations = await Promise.allSettled([
        store.create(accountOf('a-ann'), it),
        other.create(accountOf('a-ann'), it),
      ])
      expect(creations.map(result => result.status).sort()).toEqual(['fulfilled', 'rejected'])
      const ifVersion = (await store.get('Account', 'a-ann'))?.metadata.resourceVersion ?? ''
      const replacements = await Promise.allSettled(
        [store, other].map((by, at) => by.replace({ ...ann, spec: accountOf('a-ann', at + 1).spec }, { ifVersion })),
      )
      expect(replacements.map(result => result.status).sort()).toEqual(['fulfilled', 'rejected'])
      return undefined
    })
  })
}
