import { describe, expect, it } from 'vitest'
import { FINALIZER } from '../../src/api/names.ts'
import { cachedStore } from '../../src/runtime/cachedstore.ts'
import { Informer } from '../../src/runtime/informer.ts'
import { openEmbeddedStore } from '../../src/store/embedded/store.ts'
import { fakeClock, settled } from '../fakes/clock.ts'

const setUp = async () => {
  const clock = fakeClock()
  const store = await openEmbeddedStore({ folder: ':memory:', clock })
  // Nobody watches here: whatever reaches the cache came from the own write.
  const informer = new Informer({ store, kinds: ['Group', 'SeatLedger'], clock, random: () => 0.5, alone: true })
  await informer.start()
  const cached = cachedStore(store, informer)
  const version = (name: string) => informer.cache.get('Group', name)?.metadata.resourceVersion
  return { store, informer, cached, version }
}
const manager = 'user/test'
const ref = { kind: 'Group' as const, name: 'a' }

describe('cachedStore', () => {
  it('has every write in the cache when it returns', async () => {
    const { cached, informer, version } = await setUp()
    const created = await cached.create(
      { kind: 'Group', metadata: { name: 'a' }, spec: { organization: 'acme' } },
      { manager },
    )
    expect(version('a')).toBe(created.metadata.resourceVersion)
    const ifUid = created.metadata.uid
    const { object } = await cached.apply(
      {
        apiVersion: 'roster.dev/v1alpha1',
        kind: 'Group',
        metadata: { name: 'a' },
        spec: { organization: 'acme', members: ['alice'] },
      },
      { manager },
    )
    expect(version('a')).toBe(object.metadata.resourceVersion)
    const patched = await cached.patchStatus(ref, { members: 1 }, { ifUid })
    expect(version('a')).toBe(patched.metadata.resourceVersion)
    const annotated = await cached.annotate(ref, { 'roster.dev/pause': 'true' }, { manager })
    expect(version('a')).toBe(annotated.metadata.resourceVersion)
    const held = await cached.setFinalizers(ref, [FINALIZER], { ifVersion: annotated.metadata.resourceVersion })
    expect(version('a')).toBe(held?.metadata.resourceVersion)
    const marked = await cached.delete(ref)
    expect(informer.cache.get('Group', 'a')?.metadata.deletionTimestamp).toBeDefined()
    await cached.setFinalizers(ref, [], { ifVersion: marked?.metadata.resourceVersion ?? '' })
    expect(version('a')).toBeUndefined()
    const record = {
      kind: 'SeatLedger' as const,
      metadata: { name: 'p-0' },
      spec: { pool: 'p', page: 0, slots: [], keys: [] },
    }
    const page = await cached.create(record, { manager: 'controller' })
    const replaced = await cached.replace(
      {
        kind: 'SeatLedger',
        name: 'p-0',
        spec: { ...record.spec, keys: [{ fingerprint: 'f', slot: 0, holder: 'h', time: '2026-01-05T09:00:00Z' }] },
      },
      { ifVersion: page.metadata.resourceVersion },
    )
    expect(informer.cache.get('SeatLedger', 'p-0')).toEqual(replaced)
  })

  it('writes a status with the version that it knows, and without when that is outdated', async () => {
    const { store, informer } = await setUp()
    const asked: (string | undefined)[] = []
    const watched = new Proxy(store, {
      get: (target, key) =>
        key === 'patchStatus'
          ? (...args: Parameters<typeof store.patchStatus>) => {
              asked.push(args[2].ifVersion)
              return store.patchStatus(...args)
            }
          : Reflect.get(target, key).bind?.(target),
    })
    const cached = cachedStore(watched, informer)
    const group = { kind: 'Group' as const, metadata: { name: 'a' }, spec: { organization: 'acme' } }
    const { metadata } = await cached.create(group, { manager })
    const first = await cached.patchStatus(ref, { members: 1 }, { ifUid: metadata.uid })
    // Somebody else writes, and the cache has not heard of it.
    await store.annotate(ref, { note: 'x' }, { manager })
    const second = await cached.patchStatus(ref, { members: 2 }, { ifUid: metadata.uid })
    expect(asked).toEqual([metadata.resourceVersion, first.metadata.resourceVersion, undefined])
    expect(await store.get('Group', 'a')).toEqual(second)
    expect(second).toMatchObject({ status: { members: 2 }, metadata: { annotations: { note: 'x' } } })
  })

  it('takes an object out of the cache that it deleted', async () => {
    const { cached, version } = await setUp()
    const { metadata } = await cached.create(
      { kind: 'Group', metadata: { name: 'a' }, spec: { organization: 'acme' } },
      { manager },
    )
    await cached.delete(ref, { ifUid: metadata.uid })
    expect(version('a')).toBeUndefined()
  })

  it('keeps the next life that began while an own deletion was under way', async () => {
    const { store, cached, informer, version } = await setUp()
    await cached.create({ kind: 'Group', metadata: { name: 'a' }, spec: { organization: 'acme' } }, { manager })
    const slow = cachedStore(
      new Proxy(store, {
        get: (target, property) =>
          property === 'delete'
            ? async () => {
                await target.delete(ref)
                informer.observe(
                  await target.create(
                    { kind: 'Group', metadata: { name: 'a' }, spec: { organization: 'acme' } },
                    { manager },
                  ),
                )
                await settled()
              }
            : Reflect.get(target, property),
      }),
      informer,
    )
    await slow.delete(ref)
    expect(version('a')).toBe((await store.get('Group', 'a'))?.metadata.resourceVersion)
  })

  it('leaves kinds that the cache does not hold to the store', async () => {
    const { cached, store } = await setUp()
    await cached.create({ kind: 'Role', metadata: { name: 'r' }, spec: { organization: 'acme' } }, { manager })
    await cached.delete({ kind: 'Role', name: 'r' })
    expect(await store.get('Role', 'r')).toBeUndefined()
  })
})
