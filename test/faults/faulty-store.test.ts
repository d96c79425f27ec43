import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openEmbeddedStore } from '../../src/store/embedded/store.ts'
import { ConflictError, GoneError } from '../../src/store/errors.ts'
import type { ResourceStore } from '../../src/store/store.ts'
import { accountOf, describeStore, userOf } from '../contract/store.ts'
import { fakeClock } from '../fakes/clock.ts'
import { CrashError, every, faultyStore } from './faulty-store.ts'

const by = { manager: 'local/it' }
const alice = { kind: 'User' as const, name: 'alice' }

describeStore('a faulty store without a fault', async () => {
  const below = await openEmbeddedStore({ folder: ':memory:', clock: fakeClock() })
  const store = faultyStore(below, {})
  return { store, compact: async () => '999', close: async () => store[Symbol.asyncDispose]() }
})

describe('a faulty store', () => {
  let below: ResourceStore
  beforeEach(async () => {
    below = await openEmbeddedStore({ folder: ':memory:', clock: fakeClock() })
  })
  afterEach(async () => {
    await below[Symbol.asyncDispose]()
  })

  test.each([
    ['before', ['alice']],
    ['after', ['alice', 'bob']],
  ] as const)('dies %s its second write took effect, and stays dead', async (effect, left) => {
    const store = faultyStore(below, { crash: { atWrite: 2, effect } })
    const held = await store.lease.acquire({ holder: 'x', signal: new AbortController().signal })
    await held.store.create(userOf('alice'), by)
    await expect(store.create(userOf('bob'), by)).rejects.toBeInstanceOf(CrashError)
    expect(store.crashed).toBe(true)
    await expect(store.get('User', 'alice')).rejects.toBeInstanceOf(CrashError)
    await expect(held.store.create(userOf('carol'), by)).rejects.toBeInstanceOf(CrashError)
    await expect(held.markClock('2026-01-05T09:00:00.000Z')).rejects.toBeInstanceOf(CrashError)
    expect((await below.list('User')).items.map(user => user.metadata.name)).toEqual(left)
  })

  test('says conflict to every second write with a precondition, and to no other', async () => {
    const store = faultyStore(below, { conflict: every(2) })
    const { metadata } = await store.create(userOf('alice'), by)
    await store.patchStatus(alice, { state: 'Active' }, { ifUid: metadata.uid })
    await expect(store.delete(alice, { ifUid: metadata.uid })).rejects.toBeInstanceOf(ConflictError)
    await store.apply(userOf('alice', { locale: 'de' }), by)
    expect(await below.get('User', 'alice')).toBeDefined()
    await store.delete(alice, { ifUid: metadata.uid })
  })

  test('gives the object as it was to every second read', async () => {
    const store = faultyStore(below, { staleEvery: 2 })
    await store.create(accountOf('a-ann', 1), by)
    const first = await store.get('Account', 'a-ann')
    await store.replace(
      { ...accountOf('a-ann', 2), name: 'a-ann' },
      { ifVersion: first?.metadata.resourceVersion ?? '' },
    )
    const reads = [await store.get('Account', 'a-ann'), await store.get('Account', 'a-ann')]
    expect(reads.map(read => read?.spec.credentialVersion)).toEqual([1, 2])
  })

  test('drops, doubles and delays events, and ends watches as Gone', async () => {
    const fates = ['drop', 'double', 'delay', 'deliver'] as const
    const store = faultyStore(below, { event: number => fates[number - 1] ?? 'deliver', gone: { every: 1, after: 4 } })
    const { resourceVersion } = await store.info()
    for (const name of ['a', 'b', 'c', 'd']) await store.create(userOf(name), by)
    const told: string[] = []
    const watching = async () => {
      for await (const event of store.watch({ since: resourceVersion, signal: new AbortController().signal })) {
        told.push(event.type === 'BOOKMARK' ? '|' : event.object.metadata.name)
        if (event.type === 'BOOKMARK') await store.create(userOf('e'), by)
      }
    }
    await expect(watching()).rejects.toBeInstanceOf(GoneError)
    expect(told).toEqual(['b', 'b', 'd', 'c', '|'])
  })
})
