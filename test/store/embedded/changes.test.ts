import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openEmbeddedStore } from '../../../src/store/embedded/store.ts'
import { GoneError } from '../../../src/store/errors.ts'
import type { ResourceStore } from '../../../src/store/store.ts'
import { userOf } from '../../contract/store.ts'
import { fakeClock } from '../../fakes/clock.ts'

const by = { manager: 'local/it' }
const DAY = 86_400_000

describe('the changes of a file', () => {
  const stores: ResourceStore[] = []
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'roster-changes-'))
  })
  afterEach(async () => {
    for (const store of stores.splice(0)) await store[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })
  const open = async (clock = fakeClock()) => {
    const store = await openEmbeddedStore({ folder, clock })
    stores.push(store)
    return store
  }

  test('are forgotten when they are old, and only then', async () => {
    const clock = fakeClock()
    const store = await open(clock)
    const pass = async (name: string) => {
      await store.create(userOf(name), by)
      await store.delete({ kind: 'User', name })
    }
    const { resourceVersion: first } = await store.info()
    await pass('x')
    await clock.advance(DAY - 1_000)
    const { resourceVersion: second } = await store.info()
    for (let at = 0; at < 100; at++) await pass(`early-${at}`)
    const early = store.watch({ since: first, signal: AbortSignal.timeout(5_000) })[Symbol.asyncIterator]()
    expect((await early.next()).value?.type).toBe('DELETED')
    await early.return?.()
    await clock.advance(2_000)
    for (let at = 0; at < 100; at++) await pass(`late-${at}`)
    const late = store.watch({ since: first, signal: AbortSignal.timeout(5_000) })[Symbol.asyncIterator]()
    await expect(late.next()).rejects.toBeInstanceOf(GoneError)
    const kept = store.watch({ since: second, signal: AbortSignal.timeout(5_000) })[Symbol.asyncIterator]()
    expect((await kept.next()).value?.type).toBe('DELETED')
    await kept.return?.()
  })

  test('are told also to who watches while the store closes: the watch ends', async () => {
    const store = await open()
    const watching = store.watch({ since: '0', signal: new AbortController().signal })[Symbol.asyncIterator]()
    await watching.next()
    const end = watching.next()
    for (const opened of stores.splice(0)) await opened[Symbol.asyncDispose]()
    expect((await end).done).toBe(true)
  })

  test('do not keep timers and the network waiting, however many there are', async () => {
    const store = await open()
    let rounds = 0
    const turning = setInterval(() => rounds++, 1)
    for (let at = 0; at < 500; at++) await store.create(userOf(`user-${at}`), by)
    for (let at = 0; at < 2_000; at++) await store.get('User', `user-${at % 500}`)
    clearInterval(turning)
    expect(rounds).toBeGreaterThan(3)
  })
})
