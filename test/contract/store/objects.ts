import { describe, expect, test } from 'vitest'
import { API_VERSION, FINALIZER, RECORD_FINALIZER } from '../../../src/api/names.ts'
import { AlreadyExistsError, ConflictError, InvalidError, NotFoundError } from '../../../src/store/errors.ts'
import {
  accountOf,
  alice,
  ann,
  type Begin,
  expectNow,
  failure,
  hr,
  it,
  now,
  roleOf,
  told,
  type UserSpec,
  userOf,
} from './harness.ts'

/** Objects: made, read, listed, deleted. */
export const describeObjects = (begin: Begin): void => {
  describe('create, get and list', () => {
    test('a new object has a uid, a version, generation 1, a time and what was given', async () => {
      const opened = await begin()
      const { store } = opened
      const created = await store.create(userOf('alice', { locale: 'de' }, { labels: { team: 'ops' } }), it)
      expect(created).toMatchObject({
        apiVersion: API_VERSION,
        kind: 'User',
        metadata: { name: 'alice', generation: 1, labels: { team: 'ops' } },
        spec: { email: 'alice@acme.example', locale: 'de' },
      })
      expect(created.metadata.uid).toMatch(/^[0-9a-f-]{36}$/)
      expect(created.metadata.creationTimestamp).toMatch(/^\d{4}-\d\d-\d\dT/)
      expect(created.metadata).not.toHaveProperty('deletionTimestamp')
      expect(await store.get('User', 'alice')).toEqual(created)
      await expectNow(opened, created.metadata.resourceVersion)
    })

    test('what is not there is undefined', async () => {
      const { store } = await begin()
      expect(await store.get('User', 'nobody')).toBeUndefined()
    })

    test('a name is taken once a kind, and of two who create it at once one gets it', async () => {
      const { store } = await begin()
      const both = await Promise.allSettled([store.create(userOf('alice'), it), store.create(userOf('alice'), hr)])
      expect(both.map(result => result.status).sort()).toEqual(['fulfilled', 'rejected'])
      expect(await failure(store.create(userOf('alice'), it))).toBeInstanceOf(AlreadyExistsError)
      await store.create(roleOf('alice'), it)
      expect((await store.list('User')).items).toHaveLength(1)
    })

    test('a name must not be empty', async () => {
      const { store } = await begin()
      expect(await failure(store.create(userOf(''), it))).toBeInstanceOf(InvalidError)
    })

    test('a list is ordered by name, of one kind, and filtered by all labels', async () => {
      const opened = await begin()
      const { store } = opened
      await store.create(userOf('carol', {}, { labels: { team: 'ops', site: 'b' } }), it)
      await store.create(userOf('alice', {}, { labels: { team: 'ops', site: 'a' } }), it)
      await store.create(userOf('bob'), it)
      await store.create(roleOf('editor'), it)
      const names = async (labels?: Record<string, string>) =>
        (await store.list('User', labels && { labels })).items.map(user => user.metadata.name)
      expect(await names()).toEqual(['alice', 'bob', 'carol'])
      expect(await names({ team: 'ops' })).toEqual(['alice', 'carol'])
      expect(await names({ team: 'ops', site: 'b' })).toEqual(['carol'])
      expect(await names({ team: 'dev' })).toEqual([])
      await expectNow(opened, (await store.list('User')).resourceVersion)
    })

    test('a long list is whole and true at its version while others write', async () => {
      const { store } = await begin()
      const name = (number: number) => `u${String(number).padStart(5, '0')}`
      await Promise.all(Array.from({ length: 2_500 }, (_, at) => store.create(userOf(name(at)), it)))
      const listing = store.list('User')
      const writes = [
        store.create(userOf('a-first'), it),
        store.create(userOf('z-last'), it),
        store.delete({ kind: 'User', name: name(3) }),
        store.delete({ kind: 'User', name: name(2_400) }),
      ]
      const { items, resourceVersion } = await listing
      await Promise.all(writes)
      const names = new Set(items.map(item => item.metadata.name))
      for (const event of await told(store, { since: resourceVersion })) {
        const [type, ref = ''] = event.split(' ')
        if (type === 'DELETED') names.delete(ref.slice('User/'.length))
        else names.add(ref.slice('User/'.length))
      }
      expect([...names].sort()).toEqual((await store.list('User')).items.map(item => item.metadata.name))
      expect(names.size).toBe(2_500)
    })

    test('changing what came out of the store, or what went in, changes nothing in it', async () => {
      const { store } = await begin()
      const roles = ['editor']
      await store.create(userOf('alice', { memberships: [{ organization: 'acme', roles }] }), it)
      const pristine = structuredClone(await store.get('User', 'alice'))
      roles.push('admin')
      const loose = (await store.get('User', 'alice')) as { spec: UserSpec; metadata: { name: string } }
      const listed = (await store.list('User')).items[0]
      for (const change of [
        () => loose.spec.memberships?.[0]?.roles?.push('admin'),
        () => {
          loose.spec.email = 'mallory@evil.example'
        },
        () => {
          loose.metadata.name = 'mallory'
        },
        () => listed?.spec.memberships?.pop(),
      ]) {
        // A frozen object refuses; a copy does not care.
        try {
          change()
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError)
        }
      }
      expect(await store.get('User', 'alice')).toEqual(pristine)
    })

    test('texts of any kind come back as they were', async () => {
      const { store } = await begin()
      const displayName = 'O\u2019Neill "Zoë" 😀\u202e\\ \' ; DROP TABLE objects; --\u0000\n'
      await store.create(userOf('alice', { displayName }), it)
      expect((await store.get('User', 'alice'))?.spec.displayName).toBe(displayName)
    })
  })

  describe('delete', () => {
    test('removes, and the next of the same name is another life', async () => {
      const { store } = await begin()
      const { metadata } = await store.create(userOf('alice'), it)
      expect(await store.delete(alice)).toBeUndefined()
      expect(await store.get('User', 'alice')).toBeUndefined()
      expect(await failure(store.delete(alice))).toBeInstanceOf(NotFoundError)
      expect(await failure(store.owners(alice))).toBeInstanceOf(NotFoundError)
      const again = await store.create(userOf('alice'), hr)
      expect(again.metadata.uid).not.toBe(metadata.uid)
      expect(await store.owners(alice)).toEqual([{ field: 'spec.email', manager: 'source/hr' }])
      expect(await failure(store.delete(alice, { ifUid: metadata.uid }))).toBeInstanceOf(ConflictError)
    })

    test('with another version removes nothing', async () => {
      const { store } = await begin()
      const { metadata } = await store.create(userOf('alice'), it)
      await store.annotate(alice, { note: 'x' }, it)
      expect(await failure(store.delete(alice, { ifVersion: metadata.resourceVersion }))).toBeInstanceOf(ConflictError)
      expect(await store.get('User', 'alice')).toBeDefined()
    })

    test('waits for the finalizers, and the last one that goes takes the object along', async () => {
      const { store } = await begin()
      const created = await store.create(userOf('alice'), { ...it, finalizers: [FINALIZER, 'other.example/x'] })
      expect(created.metadata.finalizers).toEqual([FINALIZER, 'other.example/x'])
      const marked = await store.delete(alice)
      expect(marked?.metadata.deletionTimestamp).toMatch(/^\d{4}-/)
      expect(await store.delete(alice)).toEqual(marked)
      expect(await failure(store.create(userOf('alice'), it))).toBeInstanceOf(AlreadyExistsError)
      const half = await store.setFinalizers(alice, [FINALIZER], {
        ifVersion: marked?.metadata.resourceVersion ?? '',
      })
      expect(half?.metadata.finalizers).toEqual([FINALIZER])
      const before = await now(store)
      expect(await store.setFinalizers(alice, [], { ifVersion: half?.metadata.resourceVersion ?? '' })).toBeUndefined()
      expect(await store.get('User', 'alice')).toBeUndefined()
      expect(await told(store, { since: before })).toEqual(['DELETED User/alice'])
    })

    test('of an object on its way out: nothing is applied to it and no finalizer added', async () => {
      const { store } = await begin()
      await store.create(userOf('alice'), { ...it, finalizers: [FINALIZER] })
      const marked = await store.delete(alice)
      const ifVersion = marked?.metadata.resourceVersion ?? ''
      expect(await failure(store.apply(userOf('alice', { locale: 'de' }), it))).toBeInstanceOf(ConflictError)
      expect(await failure(store.setFinalizers(alice, [FINALIZER, 'late.example/x'], { ifVersion }))).toBeInstanceOf(
        InvalidError,
      )
      expect(await store.get('User', 'alice')).toEqual(marked)
    })

    test('of a record takes no fact: it stays, readable and writable, until somebody lets go of it', async () => {
      const { store } = await begin()
      const created = await store.create(accountOf('a-ann'), { ...it, finalizers: ['other.example/x'] })
      expect(created.metadata.finalizers).toEqual(['other.example/x', RECORD_FINALIZER])
      const marked = await store.delete(ann)
      expect(marked?.metadata.deletionTimestamp).toMatch(/^\d{4}-/)
      expect((await store.list('Account')).items).toEqual([marked])
      const ifVersion = marked?.metadata.resourceVersion ?? ''
      const written = await store.replace({ ...ann, spec: accountOf('a-ann', 7).spec }, { ifVersion })
      expect(written.spec.credentialVersion).toBe(7)
      expect(await store.get('Account', 'a-ann')).toEqual(written)
      expect(await failure(store.create(accountOf('a-ann'), it))).toBeInstanceOf(AlreadyExistsError)
      const since = written.metadata.resourceVersion
      expect(await store.setFinalizers(ann, [], { ifVersion: since })).toBeUndefined()
      expect(await store.get('Account', 'a-ann')).toBeUndefined()
    })

    test('finalizers are set at a version, and the same ones write nothing', async () => {
      const { store } = await begin()
      const { metadata } = await store.create(userOf('alice'), it)
      const set = await store.setFinalizers(alice, [FINALIZER], { ifVersion: metadata.resourceVersion })
      expect(set?.metadata).toMatchObject({ generation: 1, finalizers: [FINALIZER] })
      expect(await failure(store.setFinalizers(alice, [], { ifVersion: metadata.resourceVersion }))).toBeInstanceOf(
        ConflictError,
      )
      const ifVersion = set?.metadata.resourceVersion ?? ''
      expect(await store.setFinalizers(alice, [FINALIZER], { ifVersion })).toEqual(set)
      expect((await store.setFinalizers(alice, [], { ifVersion }))?.metadata).not.toHaveProperty('finalizers')
      expect(await failure(store.setFinalizers({ ...alice, name: 'bob' }, [], { ifVersion }))).toBeInstanceOf(
        NotFoundError,
      )
    })
  })
}
