import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openEmbeddedStore } from '../../../src/store/embedded/store.ts'
import { LeaseLostError } from '../../../src/store/errors.ts'
import type { ResourceStore } from '../../../src/store/store.ts'
import { accountOf, userOf } from '../../contract/store.ts'
import { fakeClock, settled } from '../../fakes/clock.ts'

const by = { manager: 'local/it' }
const never = new AbortController().signal
const DURATION = 15_000

describe('the lease of a file', () => {
  let folder: string
  const stores: ResourceStore[] = []
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'roster-lease-'))
  })
  afterEach(async () => {
    for (const store of stores.splice(0)) await store[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  /** A process with a clock of its own, which moves on by a second whenever the process waits. */
  const open = async () => {
    const clock = fakeClock()
    const sleep = async () => {
      await clock.advance(1_000)
    }
    const store = await openEmbeddedStore({ folder, clock, sleep, leaseDuration: DURATION })
    stores.push(store)
    return { store, clock }
  }
  const row = () => {
    const db = new DatabaseSync(join(folder, 'roster.sqlite'), { readOnly: true })
    const found = db.prepare('SELECT holder, epoch, renewals, locked FROM lease').get()
    db.close()
    return { ...found }
  }

  test('is renewed three times a duration', async () => {
    const { store, clock } = await open()
    await store.lease.acquire({ holder: 'one', signal: never })
    const { renewals } = row() as { renewals: number }
    await clock.advance(DURATION * 2)
    expect(row()).toMatchObject({ renewals: renewals + 6, holder: 'one', epoch: 1 })
  })

  test('is not taken from who renews it, however long one waits', async () => {
    const one = await open()
    const two = await open()
    await one.store.lease.acquire({ holder: 'one', signal: never })
    const stop = new AbortController()
    const waiting = two.store.lease.acquire({ holder: 'two', signal: stop.signal }).catch(error => error)
    for (let round = 0; round < 40; round++) await one.clock.advance(DURATION / 3)
    expect(two.clock.now() - fakeClock().now()).toBeGreaterThan(DURATION)
    stop.abort()
    expect(await waiting).toHaveProperty('name', 'AbortError')
    expect(row()).toMatchObject({ holder: 'one', epoch: 1 })
  })

  test('is taken from who hangs after a whole duration; every write of theirs fails, also several at once', async () => {
    const one = await open()
    const two = await open()
    const hanging = await one.store.lease.acquire({ holder: 'one', signal: never })
    const began = two.clock.now()
    const held = await two.store.lease.acquire({ holder: 'two', signal: never })
    expect(two.clock.now() - began).toBeGreaterThanOrEqual(DURATION)
    expect(held.epoch).toBe(2)

    let readByListener: unknown
    hanging.lost.addEventListener('abort', () => {
      readByListener = one.store.info()
    })
    const before = await two.store.info()
    const writes = await Promise.allSettled([
      hanging.store.create(userOf('alice'), by),
      hanging.store.create(accountOf('a-ann'), by),
      one.store.create(userOf('bob'), by),
      hanging.markClock('2026-01-05T09:00:00.000Z'),
    ])
    expect(writes.map(write => (write.status === 'rejected' ? write.reason.constructor : write.value?.kind))).toEqual([
      LeaseLostError,
      LeaseLostError,
      'User',
      LeaseLostError,
    ])
    expect(hanging.lost.aborted).toBe(true)
    expect(await readByListener).toMatchObject({ realm: before.realm })
    expect((await two.store.list('User')).items.map(user => user.metadata.name)).toEqual(['bob'])
    await held.store.create(userOf('carol'), by)
  })

  test('tells who lost it as soon as the other one writes, also when they do not', async () => {
    const one = await open()
    const two = await open()
    const hanging = await one.store.lease.acquire({ holder: 'one', signal: never })
    await two.store.lease.acquire({ holder: 'two', signal: never })
    if (!hanging.lost.aborted) await new Promise(resolve => hanging.lost.addEventListener('abort', resolve))
    expect(hanging.lost.reason).toBeInstanceOf(LeaseLostError)
  })

  test('gets the lock of the file as soon as who hung lets go of it', async () => {
    const one = await open()
    const two = await open()
    const hanging = await one.store.lease.acquire({ holder: 'one', signal: never })
    await two.store.lease.acquire({ holder: 'two', signal: never })
    expect(row()).toMatchObject({ holder: 'two', locked: 0 })
    await hanging.markClock('2026-01-05T09:00:00.000Z').catch(() => undefined)
    await two.clock.advance(DURATION / 3)
    await settled()
    expect(row()).toMatchObject({ holder: 'two', locked: 1 })
  })

  test('lets writes through that were asked for before it was released', async () => {
    const { store } = await open()
    const held = await store.lease.acquire({ holder: 'one', signal: never })
    const writing = held.store.create(userOf('alice'), by)
    await Promise.all([held.release(), held.release()])
    expect((await writing).metadata.name).toBe('alice')
    await expect(held.store.create(userOf('bob'), by)).rejects.toBeInstanceOf(LeaseLostError)
    expect(held.lost.aborted).toBe(false)
  })

  test('is free when the store of its holder was closed', async () => {
    const one = await open()
    const two = await open()
    await one.store.lease.acquire({ holder: 'one', signal: never })
    await one.store[Symbol.asyncDispose]()
    expect(await two.store.lease.read()).toMatchObject({ held: false })
    const began = two.clock.now()
    await two.store.lease.acquire({ holder: 'two', signal: never })
    expect(two.clock.now()).toBe(began)
  })
})
