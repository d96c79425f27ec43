import { afterEach, describe, expect, test } from 'vitest'
import type { ResourceOf } from '../../src/api/kinds.ts'
import { API_VERSION, FINALIZER } from '../../src/api/names.ts'
import {
  AlreadyExistsError,
  BindingError,
  ConflictError,
  GoneError,
  InvalidError,
  LeaseLostError,
  NotFoundError,
} from '../../src/store/errors.ts'
import type { ResourceStore, WatchEvent, WatchOptions } from '../../src/store/store.ts'

/** A store under test. */
export interface OpenedStore {
  store: ResourceStore
  /** The same data through other eyes, as another process would see it. Absent where nobody else can. */
  another?: () => Promise<ResourceStore>
  /** Makes the store forget old changes, as time would. @returns a version after which changes are no longer known: `since`, where it can be */
  compact: (since: string) => Promise<string>
  close: () => Promise<void>
}

type UserSpec = ResourceOf<'User'>['spec']

export const userOf = (name: string, spec: Partial<UserSpec> = {}, metadata: Record<string, unknown> = {}) => ({
  apiVersion: API_VERSION,
  kind: 'User' as const,
  metadata: { name, ...metadata },
  spec: { email: `${name}@acme.example`, ...spec } as UserSpec,
})
export const accountOf = (name: string, credentialVersion = 0) => ({
  kind: 'Account' as const,
  metadata: { name },
  spec: { address: `${name}@acme.example`, credentialVersion },
})
const roleOf = (name: string, organization: string | undefined = 'acme') => ({
  apiVersion: API_VERSION,
  kind: 'Role' as const,
  metadata: { name },
  spec: { ...(organization === undefined ? undefined : { organization }) } as ResourceOf<'Role'>['spec'],
})
const alice = { kind: 'User' as const, name: 'alice' }
const ann = { kind: 'Account' as const, name: 'a-ann' }
const it = { manager: 'local/it' }
const hr = { manager: 'source/hr' }

/** The error that a promise ends in. */
const failure = async (promise: Promise<unknown>): Promise<unknown> => {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('it did not fail')
}

/** What a watch tells, bookmarks left out, until there are so many events. */
const watched = async (
  store: ResourceStore,
  options: Omit<WatchOptions, 'signal'>,
  count: number,
): Promise<WatchEvent[]> => {
  const stop = new AbortController()
  const events: WatchEvent[] = []
  for await (const event of store.watch({ ...options, signal: stop.signal })) {
    if (event.type !== 'BOOKMARK') events.push(event)
    if (events.length === count) stop.abort()
  }
  return events
}

/** The next event of a watch, bookmarks left out. */
const nextEvent = async (watching: AsyncIterator<WatchEvent>): Promise<WatchEvent> => {
  for (;;) {
    const { value, done } = await watching.next()
    if (done) throw new Error('the watch ended')
    if (value.type !== 'BOOKMARK') return value
  }
}

/** Everything that a watch tells until its first bookmark: all that happened up to now. */
const told = async (store: ResourceStore, options: Omit<WatchOptions, 'signal'>): Promise<string[]> => {
  const stop = new AbortController()
  const events: WatchEvent[] = []
  for await (const event of store.watch({ ...options, signal: stop.signal })) {
    events.push(event)
    if (event.type === 'BOOKMARK') stop.abort()
  }
  return events.filter(event => event.type !== 'BOOKMARK').map(textOf)
}

const textOf = (event: WatchEvent) =>
  event.type === 'BOOKMARK' ? 'BOOKMARK' : `${event.type} ${event.object.kind}/${event.object.metadata.name}`

const now = async (store: ResourceStore) => (await store.info()).resourceVersion

/** Every promise of `store/store.ts`, on one implementation. */
export const describeStore = (name: string, open: () => Promise<OpenedStore>): void => {
  describe(name, () => {
    const opened: OpenedStore[] = []
    const begin = async () => {
      const one = await open()
      opened.push(one)
      return one
    }
    afterEach(async () => {
      for (const one of opened.splice(0)) await one.close()
    })

    describe('create, get and list', () => {
      test('a new object has a uid, a version, generation 1, a time and what was given', async () => {
        const { store } = await begin()
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
        expect(await now(store)).toBe(created.metadata.resourceVersion)
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
        const { store } = await begin()
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
        expect((await store.list('User')).resourceVersion).toBe(await now(store))
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
        const { store } = await begin()
        await applied(store, { memberships: [{ organization: 'acme', roles: ['editor'] }] }, hr, {
          labels: { team: 'ops' },
        })
        const before = await now(store)
        const again = await applied(store, { memberships: [{ organization: 'acme', roles: ['editor'] }] }, hr, {
          labels: { team: 'ops' },
        })
        expect(again.outcome).toBe('unchanged')
        expect(again.object).toEqual(await store.get('User', 'alice'))
        expect(await now(store)).toBe(before)
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
        const conflict = await failure(
          applied(store, { memberships: [{ organization: 'acme', roles: ['admin'] }] }, it),
        )
        expect((conflict as ConflictError).fields).toEqual([{ field: 'spec.memberships[acme]', manager: 'source/hr' }])
        const ended = await applied(store, {}, hr)
        expect(ended.object.spec.memberships).toEqual([{ organization: 'beta' }])
        expect(ended.object.metadata.labels).toEqual({ site: 'b' })
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
        const { store } = await begin()
        const { metadata } = await store.create(userOf('alice'), it)
        await store.patchStatus(alice, status, { ifUid: metadata.uid })
        const before = await now(store)
        await store.patchStatus(alice, { ...status }, { ifUid: metadata.uid })
        expect(await now(store)).toBe(before)
        expect(await told(store, { since: before })).toEqual([])
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
        expect(await failure(store.delete(alice, { ifVersion: metadata.resourceVersion }))).toBeInstanceOf(
          ConflictError,
        )
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
        expect(
          await store.setFinalizers(alice, [], { ifVersion: half?.metadata.resourceVersion ?? '' }),
        ).toBeUndefined()
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

    describe('watch', () => {
      test('tells of what happened since, in order, with the object as it was left', async () => {
        const { store } = await begin()
        await store.create(userOf('old'), it)
        const since = await now(store)
        const { metadata } = await store.create(userOf('alice'), it)
        await store.create(roleOf('editor'), it)
        await store.delete({ kind: 'Role', name: 'editor' })
        await store.patchStatus(
          { kind: 'User', name: 'old' },
          { state: 'Active' },
          { ifUid: (await store.get('User', 'old'))?.metadata.uid ?? '' },
        )
        const events = await told(store, { since })
        expect(events.filter(event => event !== 'ADDED Role/editor')).toEqual([
          'ADDED User/alice',
          'DELETED Role/editor',
          'MODIFIED User/old',
        ])
        expect(await told(store, { since: metadata.resourceVersion, kinds: ['User'] })).toEqual(['MODIFIED User/old'])
        expect(await told(store, { since, kinds: ['Account'] })).toEqual([])
      })

      test('goes on with what happens, tells each watcher, and ends when it is told to', async () => {
        const { store } = await begin()
        const since = await now(store)
        const stop = new AbortController()
        const watchers = Array.from({ length: 20 }, () =>
          store.watch({ since, signal: stop.signal })[Symbol.asyncIterator](),
        )
        /** What each is told next, once it was told. */
        const next = async () => {
          const events = await Promise.all(watchers.map(nextEvent))
          for (const event of events) expect(event).toEqual(events[0])
          return events[0]
        }
        const created = await store.create(userOf('alice'), it)
        expect(await next()).toEqual({ type: 'ADDED', object: created })
        const annotated = await store.annotate(alice, { note: 'x' }, it)
        expect(await next()).toEqual({ type: 'MODIFIED', object: annotated })
        await store.delete(alice)
        const { metadata, ...left } = annotated
        const deletedAt = { ...metadata, resourceVersion: await now(store) }
        expect(await next()).toEqual({ type: 'DELETED', object: { ...left, metadata: deletedAt } })
        stop.abort()
        for (const watcher of watchers) while (!(await watcher.next()).done);
      })

      test('says by a bookmark up to where it told everything, also of kinds that are not watched', async () => {
        const { store } = await begin()
        const since = await now(store)
        const stop = new AbortController()
        const bookmarks: string[] = []
        const watching = (async () => {
          for await (const event of store.watch({ since, kinds: ['Role'], signal: stop.signal })) {
            if (event.type !== 'BOOKMARK') continue
            bookmarks.push(event.resourceVersion)
            if (bookmarks.length === 2) stop.abort()
          }
        })()
        await new Promise(setImmediate)
        const { metadata } = await store.create(userOf('alice'), it)
        await watching
        expect(bookmarks).toEqual([since, metadata.resourceVersion])
      })

      test('a slow consumer misses nothing and is told of each life at its start', async () => {
        const { store } = await begin()
        const since = await now(store)
        const stop = new AbortController()
        const watching = store.watch({ since, signal: stop.signal })[Symbol.asyncIterator]()
        await store.create(userOf('u0000'), it)
        const first = await watching.next()
        expect(first.value && textOf(first.value)).toBe('ADDED User/u0000')
        const names = Array.from({ length: 1_000 }, (_, at) => `u${String(at + 1).padStart(4, '0')}`)
        await Promise.all(names.map(name => store.create(userOf(name), it)))
        await Promise.all(names.map(name => store.annotate({ kind: 'User', name }, { note: 'x' }, it)))
        const added = new Set<string>()
        while (added.size < names.length) {
          const { value } = await watching.next()
          if (value?.type === 'ADDED') added.add(value.object.metadata.name)
        }
        stop.abort()
        expect([...added].sort()).toEqual(names)
      })

      test('ended before it began, it tells nothing', async () => {
        const { store } = await begin()
        await store.create(userOf('alice'), it)
        const events: WatchEvent[] = []
        for await (const event of store.watch({ since: await now(store), signal: AbortSignal.abort() }))
          events.push(event)
        expect(events).toEqual([])
      })

      test('from a version that is no longer known it is Gone, and a new list goes on', async () => {
        const { store, compact } = await begin()
        const since = await now(store)
        await store.create(userOf('alice'), it)
        await store.delete(alice)
        const forgotten = await compact(since)
        expect(await failure(watched(store, { since: forgotten }, 1))).toBeInstanceOf(GoneError)
        expect(await failure(watched(store, { since: 'of another store' }, 1))).toBeInstanceOf(GoneError)
        const { resourceVersion } = await store.list('User')
        await store.create(userOf('bob'), it)
        expect(await told(store, { since: resourceVersion })).toEqual(['ADDED User/bob'])
      })

      test('of one process is seen by another within a quarter of a second', async context => {
        const { store, another } = await begin()
        if (!another) return context.skip('nobody else sees this store')
        const other = await another()
        const since = await now(store)
        const seen = watched(store, { since }, 1).then(() => performance.now())
        await new Promise(setImmediate)
        await other.create(userOf('alice'), it)
        const written = performance.now()
        expect((await seen) - written).toBeLessThan(250)
        expect(await store.get('User', 'alice')).toEqual(await other.get('User', 'alice'))
        return undefined
      })
    })

    describe('races between processes', () => {
      test('a name is given once, and a version is replaced once', async context => {
        const { store, another } = await begin()
        if (!another) return context.skip('nobody else sees this store')
        const other = await another()
        const creations = await Promise.allSettled([
          store.create(accountOf('a-ann'), it),
          other.create(accountOf('a-ann'), it),
        ])
        expect(creations.map(result => result.status).sort()).toEqual(['fulfilled', 'rejected'])
        const ifVersion = await now(store)
        const replacements = await Promise.allSettled(
          [store, other].map((by, at) => by.replace({ ...ann, spec: accountOf('a-ann', at + 1).spec }, { ifVersion })),
        )
        expect(replacements.map(result => result.status).sort()).toEqual(['fulfilled', 'rejected'])
        return undefined
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
        const { store } = await begin()
        const before = await now(store)
        await store.events.record({ ...event, ref: alice, time: '2026-01-05T09:00:00.000Z' })
        expect(await now(store)).toBe(before)
      })
    })

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
        const { store } = await begin()
        const held = await store.lease.acquire({ holder: 'one', signal: never })
        await held.store.create(userOf('alice'), it)
        expect(await store.get('User', 'alice')).toEqual(await held.store.get('User', 'alice'))
        const { metadata } = await held.store.create(accountOf('a-ann'), it)
        await held.release()
        for (const write of [
          () => held.store.create(userOf('bob'), it),
          () => held.store.apply(userOf('alice', { locale: 'de' }), it),
          () =>
            held.store.replace({ ...ann, spec: accountOf('a-ann', 1).spec }, { ifVersion: metadata.resourceVersion }),
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
        expect(await now(store)).toBe(metadata.resourceVersion)
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
        expect(await store.bind(second, { rebind: true })).toEqual(second)
        expect(await failure(store.bind(first))).toBeInstanceOf(BindingError)
      })
    })
  })
}
