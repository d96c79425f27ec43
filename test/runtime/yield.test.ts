import { describe, expect, it } from 'vitest'
import { openLoop } from '../../src/runtime/loop.ts'
import { openEmbeddedStore } from '../../src/store/embedded/store.ts'
import { fakeClock, settled } from '../fakes/clock.ts'

const manager = 'user/test'

const setUp = async (roles: number) => {
  const clock = fakeClock()
  const store = await openEmbeddedStore({ folder: ':memory:', clock })
  for (let index = 0; index < roles; index++)
    await store.create({ kind: 'Role', metadata: { name: `r${index}` }, spec: { organization: 'acme' } }, { manager })
  await store.create({ kind: 'Group', metadata: { name: 'last' }, spec: { organization: 'acme' } }, { manager })
  const ran: string[] = []
  const gates: (() => void)[] = []
  const loop = await openLoop({
    store,
    kinds: ['Group', 'Role'],
    clock,
    random: () => 0.5,
    reconcilers: () => [
      { kind: 'Group', watches: [], yieldsTo: ['Role'], reconcile: async name => void ran.push(name) },
      {
        kind: 'Role',
        watches: [],
        reconcile: async name => {
          await new Promise<void>(resolve => gates.push(resolve))
          ran.push(name)
        },
      },
    ],
  })
  loop.start()
  await settled()
  const open = async () => {
    gates.shift()?.()
    await settled()
  }
  return {
    clock,
    ran,
    open,
    end: async () => {
      loop.abort()
      await store[Symbol.asyncDispose]()
    },
  }
}

describe('a reconciler that yields to another', () => {
  it('runs when nothing of the other is ready or running', async () => {
    const { ran, open, end } = await setUp(2)
    expect(ran).toEqual([])
    await open()
    expect(ran).toEqual(['r0'])
    await open()
    expect(ran).toEqual(['r0', 'r1', 'last'])
    await end()
  })
  it('waits for a second at most', async () => {
    const { clock, ran, end } = await setUp(1)
    await clock.advance(999)
    expect(ran).toEqual([])
    await clock.advance(1)
    await settled()
    expect(ran).toEqual(['last'])
    await end()
  })
  it('waits for nobody when the other has nothing to do', async () => {
    const { ran, end } = await setUp(0)
    expect(ran).toEqual(['last'])
    await end()
  })
})
