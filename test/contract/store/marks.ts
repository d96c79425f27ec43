import { describe, expect, test } from 'vitest'
import { type Begin, expectNow, now } from './harness.ts'

/** What a store notes of itself. */
export const describeMarks = (begin: Begin): void => {
  describe('marks', () => {
    test('are none at first, then what was noted, for other eyes too', async () => {
      const { store, another } = await begin()
      expect(await store.marks()).toEqual({})
      expect(await store.mark(() => ({ keys: { 'link.1': 'a' } }))).toEqual({ keys: { 'link.1': 'a' } })
      expect(await store.mark(marks => ({ ...marks, keys: { ...marks.keys, 'form.1': 'b' } }))).toEqual({
        keys: { 'link.1': 'a', 'form.1': 'b' },
      })
      const eyes = (await another?.()) ?? store
      expect(await eyes.marks()).toEqual({ keys: { 'link.1': 'a', 'form.1': 'b' } })
      await store.mark(() => ({}))
      expect(await eyes.marks()).toEqual({})
    })

    test('of every kind are kept apart', async () => {
      const { store } = await begin()
      const lost = [{ kind: 'Membership' as const, noted: 40, found: 3 }]
      await store.mark(() => ({ keys: { 'link.1': 'a' }, records: { Membership: 3, Account: 0 }, lost }))
      await store.mark(({ lost: _, ...marks }) => marks)
      expect(await store.marks()).toEqual({ keys: { 'link.1': 'a' }, records: { Membership: 3, Account: 0 } })
    })

    test('leave the rest of what a store knows of itself, and change no object', async () => {
      const opened = await begin()
      const { store } = opened
      await store.bind({ mail: 'folder:/mails', publicUrl: 'https://people.acme.example' })
      const { realm, epoch, binding } = await store.info()
      const version = await now(store)
      await store.mark(() => ({ keys: { 'link.1': 'a' } }))
      expect(await store.info()).toMatchObject({ realm, epoch, binding })
      await store.bind({ mail: 'folder:/mails', publicUrl: 'https://acme.example' }, { rebind: true })
      expect(await store.marks()).toEqual({ keys: { 'link.1': 'a' } })
      await expectNow(opened, version)
    })

    test('of many writers at once lose nothing', async () => {
      const { store, another } = await begin()
      const other = (await another?.()) ?? store
      await Promise.all(
        Array.from({ length: 6 }, (_, at) =>
          (at % 2 === 0 ? store : other).mark(marks => ({ keys: { ...marks.keys, [`link.${at + 1}`]: 'a' } })),
        ),
      )
      expect(Object.keys((await store.marks()).keys ?? {}).sort()).toEqual([
        'link.1',
        'link.2',
        'link.3',
        'link.4',
        'link.5',
        'link.6',
      ])
    })

    test('are changed by nobody whose lease is lost or released', async () => {
      const { store } = await begin()
      const held = await store.lease.acquire({ holder: 'me', signal: new AbortController().signal })
      await held.store.mark(() => ({ keys: { 'link.1': 'a' } }))
      await held.release()
      await expect(held.store.mark(() => ({}))).rejects.toThrow()
      expect(await store.marks()).toEqual({ keys: { 'link.1': 'a' } })
    })
  })
}
