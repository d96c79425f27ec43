import { describe, expect, test } from 'vitest'
import type { ResourceOf } from '../../../src/api/kinds.ts'
import { ConflictError, InvalidError, NotFoundError } from '../../../src/store/errors.ts'
import { accountOf, alice, ann, type Begin, expectNow, failure, hr, it, now, told, userOf } from './harness.ts'

/** Writes of one part: a record, a status, annotations. */
export const describeSingleWrites = (begin: Begin): void => {
  describe('replace', () => {
    test('replaces a record at its version, as a whole', async () => {
      const { store } = await begin()
      const created = await store.create(
        { ...accountOf('a-ann'), spec: { address: 'ann@acme.example', credentialVersion: 1, language: 'de' } },
        it,
      )
      const replaced = await store.replace(
        { ...ann, spec: { address: 'ann@acme.example', credentialVersion: 2 } },
        { ifVersion: created.metadata.resourceVersion },
      )
      expect(replaced.spec).toEqual({ address: 'ann@acme.example', credentialVersion: 2 })
      expect(replaced.metadata).toMatchObject({ generation: 2, uid: created.metadata.uid })
      expect(await store.owners(ann)).toEqual([])
    })

    test('of fifty at one version one wins', async () => {
      const { store } = await begin()
      const { metadata } = await store.create(accountOf('a-ann'), it)
      const all = await Promise.allSettled(
        Array.from({ length: 50 }, (_, at) =>
          store.replace({ ...ann, spec: accountOf('a-ann', at + 1).spec }, { ifVersion: metadata.resourceVersion }),
        ),
      )
      expect(all.filter(result => result.status === 'fulfilled')).toHaveLength(1)
      for (const result of all) if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(ConflictError)
      expect((await store.get('Account', 'a-ann'))?.metadata.generation).toBe(2)
    })

    test('an equal one writes nothing', async () => {
      const { store } = await begin()
      const { metadata } = await store.create(accountOf('a-ann'), it)
      const same = await store.replace(
        { ...ann, spec: accountOf('a-ann').spec },
        { ifVersion: metadata.resourceVersion },
      )
      expect(same.metadata).toEqual(metadata)
    })

    test('what is not there, or is declared, is not replaced', async () => {
      const { store } = await begin()
      expect(
        await failure(store.replace({ ...ann, spec: accountOf('a-ann').spec }, { ifVersion: '1' })),
      ).toBeInstanceOf(ConflictError)
      const created = await store.create(userOf('alice'), it)
      const wrong = { ...alice, spec: created.spec } as unknown as Parameters<typeof store.replace>[0]
      expect(await failure(store.replace(wrong, { ifVersion: created.metadata.resourceVersion }))).toBeInstanceOf(
        InvalidError,
      )
    })
  })

  describe('status', () => {
    const status = { state: 'Active' } as NonNullable<ResourceOf<'User'>['status']>

    test('is written whole, without a new generation, and apply leaves it alone', async () => {
      const { store } = await begin()
      const { metadata } = await store.create(userOf('alice'), it)
      const patched = await store.patchStatus(alice, status, { ifUid: metadata.uid })
      expect(patched).toMatchObject({ status: { state: 'Active' }, metadata: { generation: 1 } })
      expect(patched.metadata.resourceVersion).not.toBe(metadata.resourceVersion)
      const { object } = await store.apply(userOf('alice', { locale: 'de' }), it)
      expect(object.status).toEqual(status)
      const gone = await store.patchStatus(alice, undefined, { ifUid: metadata.uid })
      expect(gone).not.toHaveProperty('status')
      expect(await store.get('User', 'alice')).toEqual(gone)
    })

    test('an equal one is not written and nobody is told', async () => {
      const opened = await begin()
      const { store } = opened
      const { metadata } = await store.create(userOf('alice'), it)
      await store.patchStatus(alice, status, { ifUid: metadata.uid })
      const before = await now(store)
      await store.patchStatus(alice, { ...status }, { ifUid: metadata.uid })
      await expectNow(opened, before)
      expect(await told(store, { since: before })).toEqual([])
    })

    test('at a version that is the present one is written, is left alone when equal, and is removed', async () => {
      const { store } = await begin()
      const { metadata } = await store.create(userOf('alice'), it)
      const at = ({ metadata: { uid, resourceVersion } }: ResourceOf<'User'>) => ({
        ifUid: uid,
        ifVersion: resourceVersion,
      })
      const none = await store.patchStatus(alice, undefined, {
        ifUid: metadata.uid,
        ifVersion: metadata.resourceVersion,
      })
      expect(none.metadata).toEqual(metadata)
      const written = await store.patchStatus(alice, status, at(none))
      expect(written.status).toEqual(status)
      expect(await store.patchStatus(alice, { ...status }, at(written))).toEqual(written)
      expect(await store.patchStatus(alice, undefined, at(written))).not.toHaveProperty('status')
    })

    test('of another life, at another version, or of nothing is refused', async () => {
      const { store } = await begin()
      expect(await failure(store.patchStatus(alice, status, { ifUid: 'x' }))).toBeInstanceOf(NotFoundError)
      const { metadata } = await store.create(userOf('alice'), it)
      expect(await failure(store.patchStatus(alice, status, { ifUid: 'x' }))).toBeInstanceOf(ConflictError)
      await store.annotate(alice, { note: 'x' }, it)
      const stale = { ifUid: metadata.uid, ifVersion: metadata.resourceVersion }
      expect(await failure(store.patchStatus(alice, status, stale))).toBeInstanceOf(ConflictError)
      expect(await store.get('User', 'alice')).not.toHaveProperty('status')
    })
  })

  describe('annotations', () => {
    test('are set, taken over and removed one by one', async () => {
      const { store } = await begin()
      await store.apply(userOf('alice', {}, { annotations: { note: 'one', kept: 'yes' } }), hr)
      const { metadata } = await store.annotate(alice, { note: 'two', other: 'x' }, it)
      expect(metadata).toMatchObject({ generation: 1, annotations: { note: 'two', kept: 'yes', other: 'x' } })
      const owners = (await store.owners(alice)).filter(({ field }) => field.startsWith('metadata'))
      expect(owners).toEqual([
        { field: 'metadata.annotations[kept]', manager: 'source/hr' },
        { field: 'metadata.annotations[note]', manager: 'local/it' },
        { field: 'metadata.annotations[other]', manager: 'local/it' },
      ])
      const removed = await store.annotate(alice, { note: null, absent: null }, it)
      expect(removed.metadata.annotations).toEqual({ kept: 'yes', other: 'x' })
    })

    test('set as they are, they write nothing', async () => {
      const { store } = await begin()
      await store.create(userOf('alice'), it)
      const first = await store.annotate(alice, { note: 'one' }, it)
      expect((await store.annotate(alice, { note: 'one', absent: null }, it)).metadata).toEqual(first.metadata)
    })

    test('of another life or of nothing are refused', async () => {
      const { store } = await begin()
      expect(await failure(store.annotate(alice, { note: 'x' }, it))).toBeInstanceOf(NotFoundError)
      await store.create(userOf('alice'), it)
      expect(await failure(store.annotate(alice, { note: 'x' }, { ...it, ifUid: 'x' }))).toBeInstanceOf(ConflictError)
    })

    test('on a record belong to nobody', async () => {
      const { store } = await begin()
      await store.create(accountOf('a-ann'), it)
      expect((await store.annotate(ann, { note: 'x' }, it)).metadata.annotations).toEqual({ note: 'x' })
      expect(await store.owners(ann)).toEqual([])
    })
  })
}
