import { afterEach, describe, expect, it } from 'vitest'
import { type Retry, RosterError } from '../../src/api/errors.ts'
import type { Reason } from '../../src/api/names.ts'
import { watch } from '../../src/reconcilers/context.ts'
import { type Loop, type LoopOptions, openLoop } from '../../src/runtime/loop.ts'
import type { RuntimeObserver } from '../../src/runtime/observer.ts'
import type { Reconciler } from '../../src/runtime/reconciler.ts'
import { openEmbeddedStore } from '../../src/store/embedded/store.ts'
import type { ResourceStore } from '../../src/store/store.ts'
import { type FakeClock, fakeClock, settled } from '../fakes/clock.ts'

class Trouble extends RosterError {
  readonly reason: Reason = 'Retrying'
  readonly retry: Retry
  constructor(retry: Retry) {
    super(`trouble (${retry})`)
    this.retry = retry
  }
}

const manager = 'user/test'
const newGroup = (store: ResourceStore, name: string, members: string[] = []) =>
  store.create({ kind: 'Group', metadata: { name }, spec: { organization: 'acme', members } }, { manager })
const changeGroup = (store: ResourceStore, name: string, members: string[]) =>
  store.apply(
    { apiVersion: 'roster.dev/v1alpha1', kind: 'Group', metadata: { name }, spec: { organization: 'acme', members } },
    { manager },
  )
const newRole = (store: ResourceStore, name: string) =>
  store.create({ kind: 'Role', metadata: { name }, spec: { organization: 'acme' } }, { manager })

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** A running loop with one reconciler of groups. */
const setUp = async (
  reconcile: (name: string, world: { store: ResourceStore; signal: AbortSignal; loop: () => Loop }) => unknown,
  options: {
    before?: (store: ResourceStore) => Promise<unknown>
    reconciler?: Partial<Reconciler>
    loop?: Partial<LoopOptions>
    observer?: RuntimeObserver
  } = {},
) => {
  const clock: FakeClock = fakeClock()
  const store = await openEmbeddedStore({ folder: ':memory:', clock })
  await options.before?.(store)
  const ran: string[] = []
  let loop: Loop | undefined
  loop = await openLoop({
    store,
    kinds: ['Group', 'Role'],
    clock,
    random: () => 0.5,
    reconcilers: world => [
      {
        kind: 'Group',
        watches: [],
        ...options.reconciler,
        async reconcile(name, { signal }) {
          ran.push(name)
          const result = await reconcile(name, { store: world.store, signal, loop: () => loop as Loop })
          return result as undefined
        },
      },
    ],
    ...(options.observer && { observer: options.observer }),
    ...options.loop,
  })
  loop.start()
  await settled()
  cleanups.push(async () => {
    loop.abort()
    await store[Symbol.asyncDispose]()
  })
  /** The names that ran since the last look. */
  const names = async () => {
    await settled()
    return ran.splice(0)
  }
  return { clock, store, loop, names }
}

describe('Controller', () => {
  it('runs what was there at the start, then what comes, changes and goes', async () => {
    const { store, names } = await setUp(() => undefined, { before: store => newGroup(store, 'old') })
    expect(await names()).toEqual(['old'])
    await newGroup(store, 'new')
    expect(await names()).toEqual(['new'])
    await changeGroup(store, 'new', ['alice'])
    expect(await names()).toEqual(['new'])
    await store.delete({ kind: 'Group', name: 'new' })
    expect(await names()).toEqual(['new'])
  })

  it('runs when somebody asks with a new token, whatever else matters to it', async () => {
    const { store, names } = await setUp(() => undefined, { reconciler: { changed: () => 'never' } })
    await newGroup(store, 'a')
    await names()
    const ask = (token: string | null) =>
      store.annotate({ kind: 'Group', name: 'a' }, { 'roster.dev/requestedAt': token }, { manager })
    await store.annotate({ kind: 'Group', name: 'a' }, { note: 'x' }, { manager })
    expect(await names()).toEqual([])
    await ask('1')
    expect(await names()).toEqual(['a'])
    await ask('2')
    expect(await names()).toEqual(['a'])
    await ask(null)
    expect(await names()).toEqual([])
  })

  it('lets a change overtake what was there at the start', async () => {
    let gate = Promise.withResolvers<void>()
    const { store, names } = await setUp(() => gate.promise, {
      before: async store => {
        for (const name of ['old-1', 'old-2', 'old-3']) await newGroup(store, name)
      },
    })
    expect(await names()).toEqual(['old-1'])
    await newGroup(store, 'new')
    await settled()
    gate.resolve()
    gate = Promise.withResolvers()
    gate.resolve()
    expect(await names()).toEqual(['new', 'old-2', 'old-3'])
  })

  it('begins with short pauses again after a success', async () => {
    const pauses: number[] = []
    let failing = true
    const { clock, store, loop, names } = await setUp(
      () => {
        if (failing) throw new Error('no')
      },
      { observer: { failed: ({ again }) => pauses.push(Math.round((again ?? 0) - clock.now())) } },
    )
    await newGroup(store, 'a')
    await clock.advance(5_000)
    failing = false
    await clock.advance(60_000)
    expect(loop.controller('Group')?.queue.delayed).toBe(0)
    const before = pauses.length
    failing = true
    await changeGroup(store, 'a', ['alice'])
    await names()
    expect(pauses[before]).toBe(pauses[0])
    expect(before).toBeGreaterThan(4)
  })

  it('is not woken by a status, but by an annotation', async () => {
    const { store, names } = await setUp(() => undefined)
    const { metadata } = await newGroup(store, 'a')
    await names()
    await store.patchStatus({ kind: 'Group', name: 'a' }, { members: 1 }, { ifUid: metadata.uid })
    expect(await names()).toEqual([])
    await store.annotate({ kind: 'Group', name: 'a' }, { 'roster.dev/requestedAt': 'now' }, { manager })
    expect(await names()).toEqual(['a'])
  })

  it('is woken by the part of its own object that its reconciler names', async () => {
    const { store, names } = await setUp(() => undefined, {
      reconciler: { changed: object => (object.status as { members?: number } | undefined)?.members },
    })
    const { metadata } = await newGroup(store, 'a')
    await names()
    await changeGroup(store, 'a', ['alice'])
    expect(await names()).toEqual([])
    await store.patchStatus({ kind: 'Group', name: 'a' }, { members: 1 }, { ifUid: metadata.uid })
    expect(await names()).toEqual(['a'])
  })

  it('is woken by what it watches, for the object as it was and as it is, and not by the rest of it', async () => {
    const roles = watch({
      kind: 'Role',
      changed: role => role.metadata.labels?.for,
      wakes: role => (role.metadata.labels?.for ? [role.metadata.labels.for] : []),
    })
    const { store, names } = await setUp(() => undefined, { reconciler: { watches: [roles] } })
    const role = (labels: Record<string, string>, description: string) =>
      store.apply(
        {
          apiVersion: 'roster.dev/v1alpha1',
          kind: 'Role',
          metadata: { name: 'editor', labels },
          spec: { organization: 'acme', description },
        },
        { manager },
      )
    await role({ for: 'a' }, 'one')
    expect(await names()).toEqual(['a'])
    await role({ for: 'a' }, 'two')
    expect(await names()).toEqual([])
    await role({ for: 'b' }, 'two')
    expect((await names()).sort()).toEqual(['a', 'b'])
    await store.delete({ kind: 'Role', name: 'editor' })
    expect(await names()).toEqual(['b'])
  })

  it('is woken though one of its watches or its own predicate throws', async () => {
    const failures: string[] = []
    const broken = watch({
      kind: 'Role',
      changed: () => 0,
      wakes: () => {
        throw new Error('no mapping')
      },
    })
    const whole = watch({ kind: 'Role', changed: () => 0, wakes: () => ['a'] })
    const { store, names } = await setUp(() => undefined, {
      reconciler: {
        watches: [broken, whole],
        changed: () => {
          throw new Error('no part')
        },
      },
      observer: { handlerFailed: ({ kind }) => failures.push(kind) },
    })
    await newRole(store, 'editor')
    expect(await names()).toEqual(['a'])
    await newGroup(store, 'b')
    await names()
    await changeGroup(store, 'b', ['alice'])
    expect(await names()).toEqual(['b'])
    expect(failures).toEqual(['Role', 'Group'])
  })

  it('runs a key again at the time that it asked for', async () => {
    let again: number | undefined = fakeClock().now() + 5_000
    const { clock, loop, store, names } = await setUp(() => {
      const result = { again }
      again = undefined
      return result
    })
    await newGroup(store, 'a')
    await names()
    expect(loop.later()).toEqual([{ kind: 'Group', name: 'a', time: clock.now() + 5_000 }])
    await clock.advance(4_999)
    expect(await names()).toEqual([])
    await clock.advance(1)
    expect(await names()).toEqual(['a'])
  })

  it.each([
    { retry: 'backoff' as const, minutes: 5, resynced: true },
    { retry: 'wait' as const, minutes: 0, resynced: true },
    { retry: 'never' as const, minutes: 0, resynced: false },
  ])('meets an error that says $retry as it says', async ({ retry, minutes, resynced }) => {
    const { clock, store, names } = await setUp(() => {
      throw new Trouble(retry)
    })
    await newGroup(store, 'a')
    expect(await names()).toEqual(['a'])
    await clock.advance(5 * 60_000)
    expect((await names()).length > 0).toBe(minutes > 0)
    await clock.advance(66 * 60_000)
    expect((await names()).length > 0).toBe(resynced)
    await changeGroup(store, 'a', ['alice'])
    expect(await names()).toContain('a')
  })

  it('resyncs a key again that said never, once a change made it say something else', async () => {
    let retry: Retry = 'never'
    const { clock, store, names } = await setUp(() => {
      throw new Trouble(retry)
    })
    await newGroup(store, 'a')
    await names()
    retry = 'wait'
    await changeGroup(store, 'a', ['alice'])
    await names()
    await clock.advance(66 * 60_000)
    expect(await names()).toEqual(['a'])
  })

  it('wakes every key from time to time, so that a wiped status is repaired', async () => {
    const { clock, store, names } = await setUp(async (name, { store }) => {
      const group = await store.get('Group', name)
      if (group) await store.patchStatus({ kind: 'Group', name }, { members: 0 }, { ifUid: group.metadata.uid })
    })
    const { metadata } = await newGroup(store, 'a')
    await names()
    await store.patchStatus({ kind: 'Group', name: 'a' }, undefined, { ifUid: metadata.uid })
    expect(await names()).toEqual([])
    await clock.advance(66 * 60_000)
    expect(await names()).toEqual(['a'])
    expect((await store.get('Group', 'a'))?.status).toEqual({ members: 0 })
  })

  it('never runs on a cache older than its own last write', async () => {
    const stale: string[] = []
    const { store, names } = await setUp(async (name, { store, loop }) => {
      for (let round = 1; round <= 5; round++) {
        const group = loop().world.cache.get('Group', name)
        if (!group) return
        const written = await store.patchStatus(
          { kind: 'Group', name },
          { members: round },
          { ifUid: group.metadata.uid },
        )
        const seen = loop().world.cache.get('Group', name)
        if (seen?.metadata.resourceVersion !== written.metadata.resourceVersion) stale.push(`${name} ${round}`)
      }
    })
    for (let index = 0; index < 20; index++) await newGroup(store, `g${index}`)
    expect(await names()).toHaveLength(20)
    expect(stale).toEqual([])
  })

  it('runs as many keys at once as its reconciler allows, and never one key twice', async () => {
    let [now, most] = [0, 0]
    const inHand = new Set<string>()
    let twice = 0
    const { store, names } = await setUp(
      async name => {
        if (inHand.has(name)) twice++
        inHand.add(name)
        most = Math.max(most, ++now)
        await settled()
        now--
        inHand.delete(name)
      },
      { reconciler: { concurrency: 3 } },
    )
    for (let round = 0; round < 3; round++) {
      for (let index = 0; index < 8; index++) await changeGroup(store, `g${index}`, [`m${round}`])
    }
    for (let turn = 0; turn < 20; turn++) await settled()
    expect((await names()).length).toBeGreaterThanOrEqual(8)
    expect([most, twice]).toEqual([3, 0])
  })

  it('lets one poisoned key among a thousand hold up nobody', async () => {
    const failures: string[] = []
    const { clock, store, loop } = await setUp(
      async (name, { store }) => {
        if (name === 'g500') throw new Error('poisoned')
        const group = await store.get('Group', name)
        if (group) await store.patchStatus({ kind: 'Group', name }, { members: 1 }, { ifUid: group.metadata.uid })
      },
      { observer: { failed: ({ name }) => failures.push(name) } },
    )
    for (let index = 0; index < 1_000; index++) await newGroup(store, `g${index}`)
    await loop.controller('Group')?.queue.onIdle()
    const done = [...loop.world.cache.list('Group')].filter(group => group.status?.members === 1)
    expect(done).toHaveLength(999)
    await clock.advance(60_000)
    expect(new Set(failures)).toEqual(new Set(['g500']))
    expect(failures.length).toBeGreaterThan(3)
  })

  it('tells its observer what the workqueue metrics need, and survives one that throws', async () => {
    const told: string[] = []
    const warnings: Error[] = []
    const listen = (warning: Error) => warnings.push(warning)
    process.on('warning', listen)
    const { store, names } = await setUp(() => undefined, {
      observer: {
        queued: ({ kind, name }) => told.push(`queued ${kind}/${name}`),
        taken: ({ name }) => told.push(`taken ${name}`),
        started: ({ run }) => told.push(`started ${run}`),
        finished: ({ run, outcome, seconds }) => {
          told.push(`finished ${run} ${outcome} ${seconds}`)
          throw new Error('observer')
        },
      },
    })
    await newGroup(store, 'a')
    await newGroup(store, 'b')
    expect(await names()).toEqual(['a', 'b'])
    process.off('warning', listen)
    expect(told.slice(0, 4)).toEqual(['queued Group/a', 'taken a', 'started group-1', 'finished group-1 done 0'])
    expect(warnings.map(warning => warning.message)).toEqual(['observer', 'observer'])
  })

  it('lets the run in hand finish when it is stopped, and starts no other', async () => {
    const { promise: finish, resolve } = Promise.withResolvers<void>()
    const { store, loop, names } = await setUp(() => finish)
    await newGroup(store, 'a')
    await newGroup(store, 'b')
    expect(await names()).toEqual(['a'])
    const stopped = loop.stop(10_000)
    resolve()
    expect(await stopped).toBe(true)
    expect(await names()).toEqual([])
  })

  it('aborts a run that does not finish in time when it is stopped', async () => {
    let aborted = false
    const { clock, store, loop, names } = await setUp(
      (_, { signal }) =>
        new Promise(() => {
          signal.addEventListener('abort', () => {
            aborted = true
          })
        }),
    )
    await newGroup(store, 'a')
    await names()
    const stopped = loop.stop(10_000)
    await clock.advance(9_999)
    expect(aborted).toBe(false)
    await clock.advance(1)
    expect([aborted, await stopped]).toEqual([true, false])
  })

  it('does not open on a signal that aborts while it lists', async () => {
    const store = await openEmbeddedStore({ folder: ':memory:', clock: fakeClock() })
    const stopping = new AbortController()
    const opening = openLoop({
      store,
      kinds: ['Group'],
      clock: fakeClock(),
      random: () => 0.5,
      reconcilers: () => [],
      signal: stopping.signal,
    })
    stopping.abort(new Error('not today'))
    await expect(opening).rejects.toThrow('not today')
    await store[Symbol.asyncDispose]()
  })

  it('refuses a reconciler that watches a kind which the loop does not hold', async () => {
    const store = await openEmbeddedStore({ folder: ':memory:', clock: fakeClock() })
    const users = watch({ kind: 'User', changed: () => 0, wakes: () => [] })
    const opening = openLoop({
      store,
      kinds: ['Group'],
      clock: fakeClock(),
      random: () => 0.5,
      reconcilers: () => [{ kind: 'Group', watches: [users], reconcile: async () => undefined }],
    })
    await expect(opening).rejects.toThrow('the reconciler of Group needs User')
    await store[Symbol.asyncDispose]()
  })
})

describe('Loop.runUntilIdle', () => {
  const byHand = async (
    reconcile: (name: string, store: ResourceStore, clock: FakeClock) => Promise<{ again?: number } | undefined>,
    options: Partial<LoopOptions> = {},
  ) => {
    const clock = fakeClock()
    const store = await openEmbeddedStore({ folder: ':memory:', clock })
    const ran: string[] = []
    const loop = await openLoop({
      store,
      kinds: ['Group', 'Role'],
      clock,
      random: () => 0.5,
      reconcilers: world => [
        {
          kind: 'Group',
          watches: [],
          async reconcile(name) {
            ran.push(name)
            return reconcile(name, world.store, clock)
          },
        },
      ],
      ...options,
    })
    cleanups.push(async () => {
      loop.abort()
      await store[Symbol.asyncDispose]()
    })
    return { clock, store, loop, ran }
  }

  it('runs what others wrote and what follows from it, and gives back what is delayed', async () => {
    const { clock, store, loop, ran } = await byHand(async (name, store, clock) => {
      if (name === 'first' && !(await store.get('Group', 'second'))) await newGroup(store, 'second')
      return name === 'second' ? { again: clock.now() + 60_000 } : undefined
    })
    await newGroup(store, 'first')
    const rest = await loop.runUntilIdle()
    expect(ran).toEqual(['first', 'second'])
    expect(rest).toEqual({
      runs: 2,
      ran: [
        { kind: 'Group', name: 'first' },
        { kind: 'Group', name: 'second' },
      ],
      later: [{ kind: 'Group', name: 'second', time: clock.now() + 60_000 }],
      failed: [],
    })
  })

  it('names a key that does not come to rest', async () => {
    const { store, loop, ran } = await byHand(async (name, store) => {
      await store.annotate({ kind: 'Group', name }, { round: String(ran.length) }, { manager: 'controller' })
      return undefined
    })
    await newGroup(store, 'restless')
    await expect(loop.runUntilIdle({ maxRuns: 8 })).rejects.toThrow('Group/restless did not come to rest within 8 runs')
    expect(ran).toHaveLength(8)
  })

  it('gives back which keys failed, and lists them under no time', async () => {
    const { store, loop } = await byHand(async () => {
      throw new Error('broken')
    })
    await newGroup(store, 'a')
    const rest = await loop.runUntilIdle()
    expect(rest.failed).toEqual([{ kind: 'Group', name: 'a', error: new Error('broken') }])
    expect(rest.later).toEqual([])
  })

  it('needs no watch and no wake of what was there, where nobody else writes', async () => {
    const clock = fakeClock()
    const store = await openEmbeddedStore({ folder: ':memory:', clock })
    await newGroup(store, 'untouched')
    await newRole(store, 'editor')
    const ran: string[] = []
    const loop = await openLoop({
      store,
      kinds: ['Group', 'Role'],
      clock,
      random: () => 0.5,
      alone: true,
      wakeInitial: false,
      reconcilers: () => [{ kind: 'Group', watches: [], reconcile: async name => void ran.push(name) as undefined }],
    })
    await newGroup(loop.world.store, 'touched')
    expect(await loop.runUntilIdle()).toMatchObject({ runs: 1 })
    expect(ran).toEqual(['touched'])
    await store[Symbol.asyncDispose]()
  })
})
