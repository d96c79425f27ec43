import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { timestamp } from '../../../src/ports/clock.ts'
import { openEmbeddedStore } from '../../../src/store/embedded/store.ts'
import type { ResourceStore } from '../../../src/store/store.ts'
import { fakeClock } from '../../fakes/clock.ts'

describe('the event log of a file', () => {
  let store: ResourceStore
  beforeEach(async () => {
    store = await openEmbeddedStore({ folder: ':memory:', clock: fakeClock() })
  })
  afterEach(async () => {
    await store[Symbol.asyncDispose]()
  })
  const record = (name: string, at: number) =>
    store.events.record({
      ref: { kind: 'User', name },
      type: 'Normal',
      reason: 'Sent',
      message: `to ${name}`,
      time: timestamp(Date.UTC(2026, 0, 5) + at),
    })

  test('stays bounded, and loses the oldest first', async () => {
    const last = 12_000
    await Promise.all(Array.from({ length: last }, (_, at) => record(`user-${at}`, at)))
    const left = await store.events.list({ limit: 100_000 })
    expect(left.length).toBeGreaterThanOrEqual(10_000)
    expect(left.length).toBeLessThan(10_600)
    expect(left[0]?.ref.name).toBe(`user-${last - 1}`)
    expect(left.at(-1)?.ref.name).toBe(`user-${last - left.length}`)
  })

  test('does not grow with what happens again and again', async () => {
    await Promise.all(Array.from({ length: 1_000 }, (_, at) => record('alice', at)))
    expect(await store.events.list()).toMatchObject([{ count: 1_000, lastTime: '2026-01-05T00:00:00.999Z' }])
  })

  test('tells of one life only, where one is asked for', async () => {
    const ref = { kind: 'User' as const, name: 'alice', uid: 'first' }
    await store.events.record({ ref, type: 'Warning', reason: 'SendFailed', message: '', time: timestamp(0) })
    expect(await store.events.list({ ref })).toHaveLength(1)
    expect(await store.events.list({ ref: { ...ref, uid: 'second' } })).toEqual([])
  })
})
