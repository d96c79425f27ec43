import { describe, expect, test } from 'vitest'
import { API_VERSION } from '../../../src/api/names.ts'
import { ConflictError, InvalidError } from '../../../src/store/errors.ts'
import type { ResourceStore } from '../../../src/store/store.ts'
import {
  accountOf,
  alice,
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

/** Server-side apply and who owns what. */
export const describeApply = (begin: Begin): void => {
  describe('apply', () => {
    const applied = async (
      store: ResourceStore,
      spec: Partial<UserSpec>,
      options: { manager: string; force?: boolean },
      metadata = {},
    ) => store.apply(userOf('alice', spec, metadata), options)
    const owns = async (store: ResourceStore) =>
      (await store.owners(alice)).map(({ field, manager }) => `${field} ${manager}`)

    test('makes what is not there', async () => {
      const { store } = await begin()
      const { object, outcome, taken } = await applied(store, { locale: 'de' }, hr)
      expect({ outcome, taken, generation: object.metadata.generation }).toEqual({
        outcome: 'created',
        taken: [],
        generation: 1,
      })
      expect(await owns(store)).toEqual(['spec.email source/hr', 'spec.locale source/hr'])
    })

    test('the same again writes nothing and tells nobody', async () => {
      const opened = await begin()
      const { store } = opened
      await applied(store, { memberships: [{ organization: 'acme', roles: ['editor'] }] }, hr, {
        labels: { team: 'ops' },
      })
      const before = await now(store)
      const again = await applied(store, { memberships: [{ organization: 'acme', roles: ['editor'] }] }, hr, {
        labels: { team: 'ops' },
      })
      expect(again.outcome).toBe('unchanged')
      expect(again.object).toEqual(await store.get('User', 'alice'))
      await expectNow(opened, before)
      expect(await told(store, { since: before })).toEqual([])
    })

    test('another spec is another generation; other labels are only another version', async () => {
      const { store } = await begin()
      const first = await applied(store, {}, hr)
      const labelled = await applied(store, {}, hr, { labels: { team: 'ops' } })
      expect(labelled).toMatchObject({
        outcome: 'updated',
        object: { metadata: { generation: 1, labels: { team: 'ops' } } },
      })
      expect(labelled.object.metadata.resourceVersion).not.toBe(first.object.metadata.resourceVersion)
      const changed = await applied(store, { locale: 'de' }, hr)
      expect(changed.object.metadata).toMatchObject({ generation: 2, uid: first.object.metadata.uid })
      expect(changed.object.metadata).not.toHaveProperty('labels')
    })

    test('a field that is no longer named goes away', async () => {
      const { store } = await begin()
      await applied(store, { locale: 'de', givenName: 'Alice' }, hr)
      const { object } = await applied(store, { givenName: 'Alice' }, hr)
      expect(object.spec).toEqual({ email: 'alice@acme.example', givenName: 'Alice' })
    })

    test('a field of another manager stays', async () => {
      const { store } = await begin()
      await applied(store, { givenName: 'Alice' }, hr)
      const { object } = await applied(store, { locale: 'de' }, it)
      expect(object.spec).toEqual({ email: 'alice@acme.example', givenName: 'Alice', locale: 'de' })
      expect(await owns(store)).toEqual([
        'spec.email local/it',
        'spec.email source/hr',
        'spec.givenName source/hr',
        'spec.locale local/it',
      ])
    })

    test('a field that two managers own goes away with the second one', async () => {
      const { store } = await begin()
      await applied(store, { locale: 'de' }, hr)
      await applied(store, { locale: 'de' }, it)
      expect((await applied(store, {}, hr)).object.spec.locale).toBe('de')
      expect(await owns(store)).toContain('spec.locale local/it')
      expect((await applied(store, {}, it)).object.spec).not.toHaveProperty('locale')
    })

    test('owning what is so already is a write without a new generation', async () => {
      const { store } = await begin()
      const first = await applied(store, { locale: 'de' }, hr)
      const second = await applied(store, { locale: 'de' }, it)
      expect(second).toMatchObject({ outcome: 'updated', object: { metadata: { generation: 1 } } })
      expect(second.object.metadata.resourceVersion).not.toBe(first.object.metadata.resourceVersion)
    })

    test('another value for the field of another manager is a conflict that names both and changes nothing', async () => {
      const { store } = await begin()
      await applied(store, { locale: 'de', givenName: 'Alice' }, hr, { labels: { team: 'ops' } })
      const before = await store.get('User', 'alice')
      const error = await failure(
        applied(store, { locale: 'en', familyName: 'Smith' }, it, { labels: { team: 'dev' } }),
      )
      expect(error).toBeInstanceOf(ConflictError)
      expect((error as ConflictError).fields).toEqual([
        { field: 'spec.locale', manager: 'source/hr' },
        { field: 'metadata.labels[team]', manager: 'source/hr' },
      ])
      expect((error as ConflictError).message).toContain('spec.locale (source/hr)')
      expect(await store.get('User', 'alice')).toEqual(before)
    })

    test('force takes it, says from whom, and the other one owns it no longer', async () => {
      const { store } = await begin()
      await applied(store, { locale: 'de' }, hr)
      const { object, taken } = await applied(store, { locale: 'en' }, { ...it, force: true })
      expect(object.spec.locale).toBe('en')
      expect(taken).toEqual([{ field: 'spec.locale', manager: 'source/hr' }])
      expect(await owns(store)).not.toContain('spec.locale source/hr')
      expect((await applied(store, { locale: 'en' }, { ...it, force: true })).taken).toEqual([])
    })

    test('each membership, label and annotation has owners of its own', async () => {
      const { store } = await begin()
      await applied(store, { memberships: [{ organization: 'acme', roles: ['editor'] }] }, hr, {
        labels: { team: 'ops' },
        annotations: { note: 'one' },
      })
      const { object } = await applied(store, { memberships: [{ organization: 'beta' }] }, it, {
        labels: { site: 'b' },
        annotations: { other: 'two' },
      })
      expect(object.spec.memberships).toEqual([{ organization: 'acme', roles: ['editor'] }, { organization: 'beta' }])
      expect(object.metadata).toMatchObject({
        labels: { team: 'ops', site: 'b' },
        annotations: { note: 'one', other: 'two' },
      })
      expect(await owns(store)).toEqual([
        'metadata.annotations[note] source/hr',
        'metadata.annotations[other] local/it',
        'metadata.labels[site] local/it',
        'metadata.labels[team] source/hr',
        'spec.email local/it',
        'spec.email source/hr',
        'spec.memberships[acme] source/hr',
        'spec.memberships[beta] local/it',
      ])
      const conflict = await failure(applied(store, { memberships: [{ organization: 'acme', roles: ['admin'] }] }, it))
      expect((conflict as ConflictError).fields).toEqual([{ field: 'spec.memberships[acme]', manager: 'source/hr' }])
      const ended = await applied(store, {}, hr)
      expect(ended.object.spec.memberships).toEqual([{ organization: 'beta' }])
      expect(ended.object.metadata.labels).toEqual({ site: 'b' })
    })

    test('a membership is one field: what another manager adds inside is a conflict, and goes when it is taken', async () => {
      const { store } = await begin()
      const acme = { memberships: [{ organization: 'acme', roles: ['editor'] }] }
      const until = '2030-01-01T00:00:00Z'
      await applied(store, acme, hr)
      const longer = { memberships: [{ organization: 'acme', roles: ['editor'], until }] }
      expect((await applied(store, longer, { ...it, force: true })).taken).toEqual([
        { field: 'spec.memberships[acme]', manager: 'source/hr' },
      ])
      expect(((await failure(applied(store, acme, hr))) as ConflictError).fields).toEqual([
        { field: 'spec.memberships[acme]', manager: 'local/it' },
      ])
      expect((await applied(store, acme, { ...hr, force: true })).object.spec.memberships).toEqual(acme.memberships)
      expect((await applied(store, acme, { ...hr, force: true })).outcome).toBe('unchanged')
    })

    test('two managers who apply by turns do not reorder each other', async () => {
      const { store } = await begin()
      const acme = { memberships: [{ organization: 'acme' }] }
      const beta = { memberships: [{ organization: 'beta' }] }
      await applied(store, acme, hr)
      await applied(store, beta, it)
      expect((await applied(store, acme, hr)).outcome).toBe('unchanged')
      expect((await applied(store, beta, it)).outcome).toBe('unchanged')
    })

    test('the last membership that goes takes the list with it, and an empty one is the same as none', async () => {
      const { store } = await begin()
      await store.create(userOf('alice', { memberships: [] }), hr)
      expect((await applied(store, { memberships: [] }, hr)).outcome).toBe('unchanged')
      await applied(store, { memberships: [{ organization: 'acme' }] }, hr)
      expect((await applied(store, {}, hr)).object.spec).toEqual({ email: 'alice@acme.example' })
    })

    test('an absent list and an empty one differ, and a list is owned whole', async () => {
      const { store } = await begin()
      expect((await applied(store, { aliases: [] }, hr)).object.spec.aliases).toEqual([])
      expect((await applied(store, {}, hr)).object.spec).not.toHaveProperty('aliases')
      await applied(store, { aliases: ['a@acme.example'] }, hr)
      const error = await failure(applied(store, { aliases: ['a@acme.example', 'b@acme.example'] }, it))
      expect((error as ConflictError).fields).toEqual([{ field: 'spec.aliases', manager: 'source/hr' }])
    })

    test('the order of keys means nothing, the order of a list does', async () => {
      const { store } = await begin()
      await applied(
        store,
        { aliases: ['a@acme.example', 'b@acme.example'], licenses: [{ pool: 'suite', quantity: 2 }] },
        hr,
      )
      const shuffled = { licenses: [{ quantity: 2, pool: 'suite' }], aliases: ['a@acme.example', 'b@acme.example'] }
      expect((await applied(store, shuffled, hr)).outcome).toBe('unchanged')
      const turned = { ...shuffled, aliases: ['b@acme.example', 'a@acme.example'] }
      expect((await applied(store, turned, hr)).outcome).toBe('updated')
    })

    test('what create made belongs to its creator', async () => {
      const { store } = await begin()
      await store.create(userOf('alice', { locale: 'de' }, { labels: { team: 'ops' } }), it)
      expect(await owns(store)).toEqual([
        'metadata.labels[team] local/it',
        'spec.email local/it',
        'spec.locale local/it',
      ])
      expect(((await failure(applied(store, { locale: 'en' }, hr))) as ConflictError).fields).toHaveLength(1)
    })

    test('with a version or a uid it makes nothing new and overwrites nothing newer', async () => {
      const { store } = await begin()
      expect(await failure(applied(store, {}, { ...it, ifVersion: '1' } as typeof it))).toBeInstanceOf(ConflictError)
      expect(await failure(applied(store, {}, { ...it, ifUid: 'x' } as typeof it))).toBeInstanceOf(ConflictError)
      expect(await store.get('User', 'alice')).toBeUndefined()
      const { object: first } = await applied(store, {}, it)
      const { object: second } = await store.apply(userOf('alice', { locale: 'de' }), {
        ...it,
        ifVersion: first.metadata.resourceVersion,
        ifUid: first.metadata.uid,
      })
      for (const options of [{ ifVersion: first.metadata.resourceVersion }, { ifUid: 'another-life' }]) {
        expect(await failure(store.apply(userOf('alice', { locale: 'en' }), { ...it, ...options }))).toBeInstanceOf(
          ConflictError,
        )
      }
      expect(await store.get('User', 'alice')).toEqual(second)
    })

    test('of two who apply at one version, one wins', async () => {
      const { store } = await begin()
      const { object } = await applied(store, {}, it)
      const ifVersion = object.metadata.resourceVersion
      const both = await Promise.allSettled(
        ['de', 'en'].map(locale => store.apply(userOf('alice', { locale }), { ...it, ifVersion })),
      )
      expect(both.map(result => result.status).sort()).toEqual(['fulfilled', 'rejected'])
    })

    test.each([
      ['Role', 'organization', roleOf('editor'), roleOf('editor', 'beta')],
      ['Role', 'organization (dropped)', roleOf('editor'), { ...roleOf('editor'), spec: {} }],
      ['Group', 'organization', { organization: 'acme' }, { organization: 'beta' }],
      [
        'Invitation',
        'email',
        { email: 'c@p.example', organization: 'acme' },
        { email: 'd@p.example', organization: 'acme' },
      ],
      [
        'LicensePool',
        'product',
        { organization: 'acme', product: 'A', seats: 1 },
        { organization: 'acme', product: 'B', seats: 1 },
      ],
    ])('%s.%s cannot change', async (kind, _, before, after) => {
      const { store } = await begin()
      const manifest = (given: object) =>
        ('spec' in given
          ? given
          : { apiVersion: API_VERSION, kind, metadata: { name: 'x' }, spec: given }) as Parameters<
          typeof store.apply
        >[0]
      await store.apply(manifest(before), it)
      expect(await failure(store.apply(manifest(after), { ...it, force: true }))).toBeInstanceOf(InvalidError)
      expect((await store.apply(manifest(before), it)).outcome).toBe('unchanged')
    })

    test('records are never applied', async () => {
      const { store } = await begin()
      const error = await failure(store.apply(accountOf('a-ann') as unknown as Parameters<typeof store.apply>[0], it))
      expect(error).toBeInstanceOf(InvalidError)
      expect(await store.get('Account', 'a-ann')).toBeUndefined()
    })
  })
}
