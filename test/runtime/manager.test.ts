import { afterEach, describe, expect, it } from 'vitest'
import type { Backoff } from '../../src/runtime/backoff.ts'
import { type ManagerOptions, startManager } from '../../src/runtime/manager.ts'
import type { RuntimeObserver } from '../../src/runtime/observer.ts'
import type { ReconcileContext } from '../../src/runtime/reconciler.ts'
import { openEmbeddedStore } from '../../src/store/embedded/store.ts'
import { LeaseLostError, StoreUnusableError } from '../../src/store/errors.ts'
import type { HeldLease, ResourceStore } from '../../src/store/store.ts'
import { compareVersions } from '../../src/store/version.ts'
import { type FakeClock, fakeClock, settled } from '../fakes/clock.ts'

const manager = 'user/test'
const newGroup = (store: ResourceStore, name: string) =>
  store.create({ kind: 'Group', metadata: { name }, spec: { organization: 'acme', members: [] } }, { manager })

const stores: ResourceStore[] = []
afterEach(async () => {
  for (const store of stores.splice(0)) await store[Symbol.asyncDispose]()
})

/** The store with some of its parts replaced. */
const withParts = (store: ResourceStore, parts: Partial<ResourceStore>): ResourceStore =>
  new Proxy(store, {
    get(target, property) {
      const part = property in parts ? Reflect.get(parts, property) : Reflect.get(target, property)
      return typeof part === 'function' ? part.bind(target) : part
    },
  })

/** A store whose lease the test can take away, and that remembers each report of idleness. */
const leasedStore = async (clock: FakeClock) => {
  const store = await openEmbeddedStore({ folder: ':memory:', clock })
  stores.push(store)
  const losing = new AbortController()
  const reports: { version: string; time: number; failed?: true }[] = []
  let released = 0
  const failing = { reports: 0 }
  const lease: HeldLease = {
    epoch: 7,
    lost: losing.signal,
    store,
    async reportIdle(version) {
      if (failing.reports-- > 0) throw new Error('busy')
      reports.push({ version, time: clock.now() })
    },
    async markClock() {},
    async release() {
      released++
    },
  }
  const leased = withParts(store, { lease: { acquire: async () => lease, read: async () => undefined } })
  return { store, leased, lease, reports, failing, lose: () => losing.abort(), released: () => released }
}

const setUp = async (
  reconcile: (name: string, context: ReconcileContext, store: ResourceStore, clock: FakeClock) => unknown,
  options: { observer?: RuntimeObserver; backoff?: Backoff; before?: (store: ResourceStore) => Promise<unknown> } = {},
) => {
  const clock = fakeClock()
  const leased = await leasedStore(clock)
  await options.before?.(leased.store)
  const stopping = new AbortController()
  const ran: string[] = []
  const managerOptions: ManagerOptions = {
    store: leased.leased,
    holder: 'test',
    signal: stopping.signal,
    kinds: ['Group'],
    clock,
    random: () => 0.5,
    ...(options.observer && { observer: options.observer }),
    ...(options.backoff && { backoff: options.backoff }),
    reconcilers: world => [
      {
        kind: 'Group',
        watches: [],
        async reconcile(name, context) {
          ran.push(name)
          return (await reconcile(name, context, world.store, clock)) as undefined
        },
      },
    ],
  }
  const running = await startManager(managerOptions)
  await settled()
  const newest = async () => (await leased.store.info()).resourceVersion
  return { ...leased, clock, stopping, running, ran, newest, managerOptions }
}

describe('Manager', () => {
  it('takes the lease, runs what is there, and frees it after a graceful stop', async () => {
    const { running, ran, released } = await setUp(() => undefined, { before: store => newGroup(store, 'a') })
    expect([ran, released()]).toEqual([['a'], 0])
    expect(await running.stop()).toEqual({ why: 'stopped', finished: true })
    expect(released()).toBe(1)
  })

  it('stops when its signal aborts, after the run in hand', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const { stopping, running, ran, store, released } = await setUp(() => promise)
    await newGroup(store, 'a')
    await newGroup(store, 'b')
    await settled()
    stopping.abort()
    await settled()
    expect(released()).toBe(0)
    resolve()
    expect(await running.ended).toEqual({ why: 'stopped', finished: true })
    expect([ran, released()]).toEqual([['a'], 1])
  })

  it('ends at once when the lease is lost in the middle of a run: nothing more starts, and what comes of it counts for nothing', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const outcomes: string[] = []
    let aborted = false
    const { running, ran, store, lose, reports, clock, released } = await setUp(
      async (_, { signal }) => {
        signal.addEventListener('abort', () => {
          aborted = true
        })
        await promise
        return { again: clock.now() + 1 }
      },
      { observer: { finished: ({ outcome }) => outcomes.push(outcome) } },
    )
    await newGroup(store, 'a')
    await newGroup(store, 'b')
    await settled()
    lose()
    expect(aborted).toBe(true)
    expect(await running.ended).toEqual({ why: 'lost' })
    const before = reports.length
    resolve()
    await newGroup(store, 'c')
    await clock.advance(600_000)
    expect([ran, outcomes, reports.length, released()]).toEqual([['a'], ['dropped'], before, 0])
    expect(running.loop.later()).toEqual([])
  })

  it('does not start when the lease is lost while it lists', async () => {
    const { managerOptions, lose } = await setUp(() => undefined)
    lose()
    await expect(startManager(managerOptions)).rejects.toThrow(LeaseLostError)
  })

  it('frees the lease when it cannot start', async () => {
    const { managerOptions, released } = await setUp(() => undefined)
    const unfit = startManager({
      ...managerOptions,
      reconcilers: () => [{ kind: 'Role', watches: [], reconcile: async () => undefined }],
    })
    await expect(unfit).rejects.toThrow('not among the kinds')
    expect(released()).toBe(1)
  })

  it('ends when the store cannot be used any more', async () => {
    const clock = fakeClock()
    const { leased, released } = await leasedStore(clock)
    const lease = await leased.lease.acquire({ holder: 'test', signal: new AbortController().signal })
    const broken = withParts(lease.store, {
      async *watch({ since }) {
        yield { type: 'BOOKMARK', resourceVersion: since }
        throw new StoreUnusableError('the disk is gone', 'mount it')
      },
    })
    Object.assign(lease, { store: broken })
    const running = await startManager({
      store: leased,
      holder: 'test',
      signal: new AbortController().signal,
      kinds: ['Group'],
      clock,
      random: () => 0.5,
      reconcilers: () => [],
    })
    expect(await running.ended).toMatchObject({ why: 'failed', error: { message: 'the disk is gone' } })
    expect(released()).toBe(1)
  })

  it('gives up waiting for the lease when its signal aborts', async () => {
    const clock = fakeClock()
    const store = await openEmbeddedStore({ folder: ':memory:', clock })
    stores.push(store)
    const holder = await store.lease.acquire({ holder: 'other', signal: new AbortController().signal })
    const stopping = new AbortController()
    const waiting: string[] = []
    const starting = startManager({
      store,
      holder: 'test',
      signal: stopping.signal,
      kinds: ['Group'],
      clock,
      random: () => 0.5,
      reconcilers: () => [],
      onWaiting: ({ holder }) => {
        waiting.push(holder)
        stopping.abort()
      },
    })
    await expect(starting).rejects.toThrow()
    expect(waiting).toEqual(['other'])
    await holder.release()
  })

  it('holds the lease of a real store, and lets the next one have it', async () => {
    const clock = fakeClock()
    const store = await openEmbeddedStore({ folder: ':memory:', clock })
    stores.push(store)
    const ran: string[] = []
    const options = (holder: string): ManagerOptions => ({
      store,
      holder,
      signal: new AbortController().signal,
      kinds: ['Group'],
      clock,
      random: () => 0.5,
      reconcilers: ({ lease }) => [
        {
          kind: 'Group',
          watches: [],
          reconcile: async name => void ran.push(`${holder} ${lease.epoch} ${name}`) as undefined,
        },
      ],
    })
    await newGroup(store, 'a')
    const first = await startManager(options('first'))
    await settled()
    await clock.advance(100)
    const state = await store.lease.read()
    expect([state?.holder, state?.held]).toEqual(['first', true])
    expect(state?.idleAt).toBe((await store.info()).resourceVersion)
    await first.stop()
    const second = await startManager(options('second'))
    await settled()
    await second.stop()
    expect(ran).toEqual([`first ${first.lease.epoch} a`, `second ${second.lease.epoch} a`])
    expect(second.lease.epoch).toBeGreaterThan(first.lease.epoch)
  })
})

describe('Reports of idleness', () => {
  it('say the version of the newest change once it is processed', async () => {
    const { reports, newest, store, clock } = await setUp(() => undefined, { before: store => newGroup(store, 'a') })
    await clock.advance(100)
    expect(reports.at(-1)?.version).toBe(await newest())
    await newGroup(store, 'b')
    await clock.advance(100)
    expect(reports.at(-1)?.version).toBe(await newest())
  })

  it('wait for keys that are queued or running, and not for those that are delayed or backing off', async () => {
    let finish = Promise.withResolvers<void>()
    const { reports, newest, store, clock } = await setUp(
      async name => {
        if (name === 'slow') await finish.promise
        if (name === 'failing') throw new Error('no')
        return name === 'later' ? { again: clock.now() + 3_600_000 } : undefined
      },
      { backoff: { first: 600_000, most: 600_000 } },
    )
    const before = await newest()
    await newGroup(store, 'slow')
    await newGroup(store, 'queued')
    await clock.advance(1_000)
    expect(reports.at(-1)?.version).toBe(before)
    finish.resolve()
    finish = Promise.withResolvers()
    await clock.advance(1_000)
    expect(reports.at(-1)?.version).toBe(await newest())
    await newGroup(store, 'failing')
    await newGroup(store, 'later')
    await clock.advance(1_000)
    expect(reports.at(-1)?.version).toBe(await newest())
  })

  it('never claim a change before the key that it woke has run', async () => {
    const created = new Map<string, string>()
    const claims: string[] = []
    const done = new Set<string>()
    const { store, clock, reports, lease, newest } = await setUp(async name => {
      await settled()
      done.add(name)
    })
    const report = lease.reportIdle
    lease.reportIdle = async version => {
      for (const [name, at] of created) {
        if (compareVersions(at, version) <= 0 && !done.has(name)) claims.push(`${name} at ${at} claimed by ${version}`)
      }
      await report(version)
    }
    for (let index = 0; index < 60; index++) {
      const { metadata } = await newGroup(store, `g${index}`)
      created.set(metadata.name, metadata.resourceVersion)
      if (index % 3 === 0) await clock.advance(index % 7 === 0 ? 120 : 3)
    }
    for (let turn = 0; turn < 200; turn++) await settled()
    await clock.advance(200)
    expect(claims).toEqual([])
    expect(reports.at(-1)?.version).toBe(await newest())
    expect(done.size).toBe(60)
  })

  it('are not repeated while nothing changes', async () => {
    const { clock, reports } = await setUp(() => undefined)
    await clock.advance(60_000)
    expect(reports).toHaveLength(1)
  })

  it('come at most every 100 ms', async () => {
    const { store, clock, reports } = await setUp(() => undefined)
    for (let index = 0; index < 50; index++) {
      await newGroup(store, `g${index}`)
      await clock.advance(10)
    }
    const gaps = reports.slice(1).map((report, index) => report.time - (reports[index]?.time ?? 0))
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(100)
    expect(reports.length).toBeGreaterThan(3)
  })

  it('are tried again when the store was busy', async () => {
    const failures: unknown[] = []
    const { store, clock, reports, failing, newest } = await setUp(() => undefined, {
      observer: { idleFailed: ({ error }) => failures.push(error) },
    })
    await clock.advance(100)
    failing.reports = 2
    await newGroup(store, 'a')
    await clock.advance(1_000)
    expect(failures).toHaveLength(2)
    expect(reports.at(-1)?.version).toBe(await newest())
  })
})
