import { describe, expect, it } from 'vitest'
import { watch } from '../../src/reconcilers/context.ts'
import { withFinalizer } from '../../src/reconcilers/finalizer.ts'
import { type Loop, openLoop, type World } from '../../src/runtime/loop.ts'
import { startManager } from '../../src/runtime/manager.ts'
import type { Reconciler } from '../../src/runtime/reconciler.ts'
import { openEmbeddedStore } from '../../src/store/embedded/store.ts'
import { overlayStore } from '../../src/store/overlay/store.ts'
import type { ResourceStore } from '../../src/store/store.ts'
import { type FakeClock, fakeClock, settled } from '../fakes/clock.ts'
import { CrashError, every, type Faults, faultyStore } from '../faults/faulty-store.ts'

const manager = 'controller'

/** Keeps a Role beside each Group that says how many members it has; takes it away with the Group. */
const keepRoles = ({ store, cache }: World): readonly Reconciler[] => [
  {
    kind: 'Group',
    watches: [
      watch({
        kind: 'Role',
        changed: role => role.spec.description,
        wakes: role => [role.metadata.name.slice('of-'.length)],
      }),
    ],
    concurrency: 2,
    async reconcile(name) {
      const group = cache.get('Group', name)
      if (!group) return undefined
      const role = { kind: 'Role' as const, name: `of-${name}` }
      return withFinalizer(store, group, {
        async apply({ spec, metadata }) {
          const members = spec.members?.length ?? 0
          await store.apply(
            {
              apiVersion: 'roster.dev/v1alpha1',
              kind: 'Role',
              metadata: { name: role.name },
              spec: { organization: spec.organization, description: `${members} members` },
            },
            { manager, force: true },
          )
          await store.patchStatus({ kind: 'Group', name }, { members }, { ifUid: metadata.uid })
          return undefined
        },
        async cleanup() {
          if (await store.get('Role', role.name)) await store.delete(role)
          return 'done'
        },
      })
    },
  },
]

const user = 'user/test'
const declare = (store: ResourceStore, name: string, members: string[]) =>
  store.apply(
    { apiVersion: 'roster.dev/v1alpha1', kind: 'Group', metadata: { name }, spec: { organization: 'acme', members } },
    { manager: user },
  )
/** What people do while the loop runs. */
const story: ((store: ResourceStore) => Promise<unknown>)[] = [
  store => declare(store, 'a', ['alice']),
  store => declare(store, 'b', []),
  store => declare(store, 'a', ['alice', 'bob']),
  store => store.delete({ kind: 'Group', name: 'b' }),
  store => declare(store, 'c', ['carol']),
  store => store.delete({ kind: 'Role', name: 'of-a' }),
]
const expected = {
  groups: [
    ['a', 2],
    ['c', 1],
  ],
  roles: [
    ['of-a', '2 members'],
    ['of-c', '1 members'],
  ],
}
const worldOf = async (store: ResourceStore) => ({
  groups: (await store.list('Group')).items.map(each => [each.metadata.name, each.status?.members]),
  roles: (await store.list('Role')).items.map(each => [each.metadata.name, each.spec.description]),
})

const run = async (store: ResourceStore, clock: FakeClock) =>
  startManager({
    store,
    holder: 'test',
    signal: new AbortController().signal,
    kinds: ['Group', 'Role'],
    clock,
    random: () => 0.5,
    relistEvery: 600_000,
    reconcilers: keepRoles,
  })

/** Plays the story on a store with faults; a process that died is followed by another on what it left. */
const play = async (faults: Faults): Promise<{ world: unknown; crashed: boolean }> => {
  const clock = fakeClock()
  const below = await openEmbeddedStore({ folder: ':memory:', clock })
  const faulty = faultyStore(below, faults)
  const first = await run(faulty, clock).catch(error => {
    if (error instanceof CrashError) return undefined
    throw error
  })
  for (const act of story) {
    await act(below).catch(() => undefined)
    await settled()
    await clock.advance(400)
  }
  await clock.advance(700_000)
  if (faulty.crashed) {
    first?.loop.abort()
    await first?.lease.release()
    const second = await run(below, clock)
    await clock.advance(700_000)
    await second.stop()
  } else {
    // A list anew and a resync later whatever an event failed to tell has been met.
    await clock.advance(2 * 3_600_000)
    await first?.stop()
  }
  const world = await worldOf(below)
  await below[Symbol.asyncDispose]()
  return { world, crashed: faulty.crashed }
}

describe('A loop on a store with faults', () => {
  it('comes to the same world when it dies at any write, before or after it took effect', async () => {
    for (const effect of ['before', 'after'] as const) {
      let crashed = true
      for (let atWrite = 1; crashed; atWrite++) {
        const played = await play({ crash: { atWrite, effect } })
        expect(played.world, `died ${effect} write ${atWrite}`).toEqual(expected)
        crashed = played.crashed
        if (!crashed) expect(atWrite).toBeGreaterThan(8)
      }
    }
  })

  it.each<[string, Faults]>([
    ['nothing goes wrong', {}],
    ['every third precondition fails', { conflict: every(3) }],
    ['every watch is gone after two events', { gone: { every: 1, after: 2 } }],
    ['every event comes twice', { event: () => 'double' }],
    ['every other event is late', { event: number => (number % 2 === 0 ? 'delay' : 'deliver') }],
    ['every other event is lost', { event: number => (number % 2 === 0 ? 'drop' : 'deliver') }],
    ['every third read of one object is stale', { staleEvery: 3 }],
  ])('comes to the same world when %s', async (_, faults) => {
    expect((await play(faults)).world).toEqual(expected)
  })
})

describe('A loop on an overlay', () => {
  it('shows with a clock that stands still what would become so, and writes nothing below', async () => {
    const clock = fakeClock()
    const base = await openEmbeddedStore({ folder: ':memory:', clock })
    await declare(base, 'old', ['alice'])
    const before = (await base.info()).resourceVersion
    const plan = async (): Promise<{ loop: Loop; rest: unknown; world: unknown }> => {
      const store = await overlayStore(base, { clock })
      const loop = await openLoop({
        store,
        kinds: ['Group', 'Role'],
        clock,
        random: () => 0.5,
        alone: true,
        wakeInitial: false,
        reconcilers: keepRoles,
      })
      await declare(loop.world.store, 'new', ['bob', 'carol'])
      const rest = await loop.runUntilIdle({ maxRuns: 8 })
      return { loop, rest, world: await worldOf(store) }
    }
    const first = await plan()
    expect(first.world).toEqual({
      groups: [
        ['new', 2],
        ['old', undefined],
      ],
      roles: [['of-new', '2 members']],
    })
    expect((await base.info()).resourceVersion).toBe(before)
    const second = await plan()
    expect([second.rest, second.world]).toEqual([first.rest, first.world])
    first.loop.controller('Group')?.wakeAll()
    expect(await first.loop.runUntilIdle()).toMatchObject({ failed: [], later: [] })
    expect(await first.loop.runUntilIdle()).toMatchObject({ runs: 0 })
    await base[Symbol.asyncDispose]()
  })

  it('meets on a watched overlay what was written beside the loop', async () => {
    const clock = fakeClock()
    const base = await openEmbeddedStore({ folder: ':memory:', clock })
    const store = await overlayStore(base, { clock })
    const loop = await openLoop({ store, kinds: ['Group', 'Role'], clock, random: () => 0.5, reconcilers: keepRoles })
    await declare(store, 'new', ['bob'])
    await loop.runUntilIdle()
    expect((await worldOf(store)).roles).toEqual([['of-new', '1 members']])
    loop.abort()
    await base[Symbol.asyncDispose]()
  })
})
