import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FINALIZER } from '../../src/api/names.ts'
import { withFinalizer } from '../../src/reconcilers/finalizer.ts'
import { openEmbeddedStore } from '../../src/store/embedded/store.ts'
import { ConflictError } from '../../src/store/errors.ts'
import type { ResourceStore } from '../../src/store/store.ts'
import { fakeClock } from '../fakes/clock.ts'

const ref = { kind: 'Organization' as const, name: 'acme' }
let store: ResourceStore
/** What was done outside: the effects of the object. */
let outside: string[]

beforeEach(async () => {
  store = await openEmbeddedStore({ folder: ':memory:', clock: fakeClock() })
  outside = []
})
afterEach(() => store[Symbol.asyncDispose]())

const create = (finalizers: string[] = []) =>
  store.create({ kind: 'Organization', metadata: { name: 'acme' }, spec: {} }, { manager: 'user/test', finalizers })
const read = async () => {
  const object = await store.get('Organization', 'acme')
  if (!object) throw new Error('acme is gone')
  return object
}
const run = async (cleanup: () => Promise<'done' | { again?: number }> = async () => 'done', apply = async () => {}) =>
  withFinalizer(store, await read(), {
    async apply(object) {
      // What is stored, not only what was handed in.
      outside.push(`applied with ${(await read()).metadata.finalizers} at ${object.metadata.generation}`)
      await apply()
      return { again: 5 }
    },
    async cleanup() {
      outside.push('cleaned')
      return cleanup()
    },
  })

describe('withFinalizer', () => {
  it('saves our finalizer before the first effect, beside those of others', async () => {
    await create(['other.example/hold'])
    expect(await run()).toEqual({ again: 5 })
    expect(outside).toEqual([`applied with other.example/hold,${FINALIZER} at 1`])
  })

  it('writes nothing the second time', async () => {
    await create()
    await run()
    const before = (await read()).metadata.resourceVersion
    await run()
    expect((await read()).metadata.resourceVersion).toBe(before)
  })

  it('does nothing outside when the finalizer cannot be saved', async () => {
    const stale = await create()
    await store.annotate(ref, { 'roster.dev/pause': 'true' }, { manager: 'user/test' })
    const running = withFinalizer(store, stale, {
      apply: async () => void outside.push('applied') as undefined,
      cleanup: async () => 'done',
    })
    await expect(running).rejects.toThrow(ConflictError)
    expect(outside).toEqual([])
  })

  it('lets a deleted object go after its cleanup', async () => {
    await create()
    await run()
    await store.delete(ref)
    await run()
    expect(outside.at(-1)).toBe('cleaned')
    expect(await store.get('Organization', 'acme')).toBeUndefined()
  })

  it('takes off our finalizer alone', async () => {
    await create([FINALIZER, 'other.example/hold'])
    await store.delete(ref)
    await run()
    expect((await read()).metadata.finalizers).toEqual(['other.example/hold'])
    outside = []
    await run()
    expect(outside).toEqual([])
  })

  it('keeps the object while the cleanup throws or is not done, and cleans up again', async () => {
    await create([FINALIZER])
    await store.delete(ref)
    await expect(run(() => Promise.reject(new Error('directory down')))).rejects.toThrow('directory down')
    expect(await run(async () => ({ again: 9 }))).toEqual({ again: 9 })
    expect((await read()).metadata.finalizers).toEqual([FINALIZER])
    await run()
    expect(outside).toEqual(['cleaned', 'cleaned', 'cleaned'])
    expect(await store.get('Organization', 'acme')).toBeUndefined()
  })

  it('finishes though the cleanup itself changed the object', async () => {
    await create([FINALIZER])
    await store.delete(ref)
    await run(async () => {
      await store.annotate(ref, { 'roster.dev/pause': 'true' }, { manager: 'user/test' })
      return 'done'
    })
    expect(await store.get('Organization', 'acme')).toBeUndefined()
  })

  it('leaves the finalizer of the next life alone', async () => {
    await create([FINALIZER])
    await store.delete(ref)
    await run(async () => {
      await store.setFinalizers(ref, [], { ifVersion: (await read()).metadata.resourceVersion })
      await create([FINALIZER])
      return 'done'
    })
    expect((await read()).metadata.finalizers).toEqual([FINALIZER])
  })

  it('runs no effect for an object that is to go and never had our finalizer', async () => {
    await create(['other.example/hold'])
    await store.delete(ref)
    expect(await run()).toBeUndefined()
    expect(outside).toEqual([])
  })
})
