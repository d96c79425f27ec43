import { describe, expect, test } from 'vitest'
import { BindingError, LeaseLostError } from '../../../src/store/errors.ts'
import { accountOf, alice, ann, type Begin, expectNow, failure, it, now, userOf } from './harness.ts'

/** The lease, the event log, and what a store knows of itself. */
export const describeLease = (begin: Begin): void => {
  describe('lease', () => {
    const never = new AbortController().signal

    test('is held by one; the next one waits, is told for whom, and has a higher epoch', async () => {
      const { store } = await begin()
      const first = await store.lease.acquire({ holder: 'one', signal: never })
      expect(await store.lease.read()).toMatchObject({ holder: 'one', epoch: first.epoch, held: true })
      let waitsFor: string | undefined
      const waiting = Promise.withResolvers<void>()
      const second = store.lease.acquire({
        holder: 'two',
        signal: never,
        onWaiting: state => {
          waitsFor = state.holder
          waiting.resolve()
        },
      })
      await waiting.promise
      expect(waitsFor).toBe('one')
      await first.release()
      const held = await second
      expect(held.epoch).toBeGreaterThan(first.epoch)
      expect(await store.lease.read()).toMatchObject({ holder: 'two', held: true })
      await held.release()
      expect((await store.lease.read())?.held).toBe(false)
    })

    test('who no longer wants it stops waiting', async () => {
      const { store } = await begin()
      const held = await store.lease.acquire({ holder: 'one', signal: never })
      const stop = new AbortController()
      const waiting = store.lease.acquire({ holder: 'two', signal: stop.signal, onWaiting: () => stop.abort() })
      expect(await failure(waiting)).toHaveProperty('name', 'AbortError')
      await held.release()
    })

    test('its store writes while it is held, and nothing after', async () => {
      const opened = await begin()
      const { store } = opened
      const held = await store.lease.acquire({ holder: 'one', signal: never })
      await held.store.create(userOf('alice'), it)
      expect(await store.get('User', 'alice')).toEqual(await held.store.get('User', 'alice'))
      const { metadata } = await held.store.create(accountOf('a-ann'), it)
      await held.release()
      for (const write of [
        () => held.store.create(userOf('bob'), it),
        () => held.store.apply(userOf('alice', { locale: 'de' }), it),
        () => held.store.replace({ ...ann, spec: accountOf('a-ann', 1).spec }, { ifVersion: metadata.resourceVersion }),
        () => held.store.annotate(alice, { note: 'x' }, it),
        () => held.store.delete(alice),
        () =>
          held.store.events.record({
            ref: alice,
            type: 'Normal',
            reason: 'Sent',
            message: '',
            time: '2026-01-05T09:00:00.000Z',
          }),
        () => held.reportIdle('1'),
        () => held.markClock('2026-01-05T09:00:00.000Z'),
      ]) {
        expect(await failure(write())).toBeInstanceOf(LeaseLostError)
      }
      await expectNow(opened, metadata.resourceVersion)
      await store.create(userOf('bob'), it)
    })

    test('remembers how far its holder got, and the highest time', async () => {
      const { store } = await begin()
      const held = await store.lease.acquire({ holder: 'one', signal: never })
      expect(await store.lease.read()).toMatchObject({ idleAt: undefined, clockMark: undefined })
      await held.reportIdle('17')
      await held.markClock('2026-01-05T09:00:00.000Z')
      await held.markClock('2026-01-05T08:00:00.000Z')
      expect(await store.lease.read()).toMatchObject({ idleAt: '17', clockMark: '2026-01-05T09:00:00.000Z' })
      await held.release()
      const next = await store.lease.acquire({ holder: 'two', signal: never })
      expect(await store.lease.read()).toMatchObject({ idleAt: undefined, clockMark: '2026-01-05T09:00:00.000Z' })
      await next.release()
    })
  })

  describe('events', () => {
    const event = { type: 'Normal' as const, reason: 'Sent' as const, message: 'mailed' }

    test('are merged by object and reason, and come newest first', async () => {
      const { store } = await begin()
      await store.events.record({ ...event, ref: alice, time: '2026-01-05T09:00:00.000Z' })
      await store.events.record({ ...event, ref: { kind: 'User', name: 'bob' }, time: '2026-01-05T09:01:00.000Z' })
      await store.events.record({ ...event, ref: alice, message: 'mailed again', time: '2026-01-05T09:02:00.000Z' })
      expect(await store.events.list()).toEqual([
        {
          ...event,
          ref: alice,
          message: 'mailed again',
          firstTime: '2026-01-05T09:00:00.000Z',
          lastTime: '2026-01-05T09:02:00.000Z',
          count: 2,
        },
        expect.objectContaining({ ref: { kind: 'User', name: 'bob' }, count: 1 }),
      ])
      expect(await store.events.list({ ref: alice })).toHaveLength(1)
      expect(await store.events.list({ since: '2026-01-05T09:01:30.000Z' })).toHaveLength(1)
      expect((await store.events.list({ limit: 1 }))[0]?.ref).toEqual(alice)
    })

    test('are no change of a resource', async () => {
      const opened = await begin()
      const { store } = opened
      const before = await now(store)
      await store.events.record({ ...event, ref: alice, time: '2026-01-05T09:00:00.000Z' })
      await expectNow(opened, before)
    })
  })

  describe('info and binding', () => {
    test('a store knows its realm and epoch', async () => {
      const { store } = await begin()
      const info = await store.info()
      expect(info.realm).toMatch(/^[A-Za-z0-9_-]{22}$/)
      expect(info.epoch).toBeGreaterThanOrEqual(1)
      expect(await store.info()).toEqual(info)
    })

    test('the first binding stays until it is bound anew', async () => {
      const { store } = await begin()
      const first = { mail: 'smtp://mail.acme.example:587', publicUrl: 'https://people.acme.example' }
      expect(await store.bind(first)).toEqual(first)
      expect(await store.bind({ ...first })).toEqual(first)
      const second = { ...first, mail: 'folder:/srv/mail' }
      const error = await failure(store.bind(second))
      expect(error).toBeInstanceOf(BindingError)
      expect((error as Error).message).toContain('--rebind')
      expect(await store.bind(first)).toEqual(first)
      expect((await store.info()).binding).toEqual(first)
      expect(await store.bind(second, { rebind: true })).toEqual(second)
      expect((await store.info()).binding).toEqual(second)
      expect(await failure(store.bind(first))).toBeInstanceOf(BindingError)
    })
  })
}
