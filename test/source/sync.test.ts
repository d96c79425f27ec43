import { describe, expect, it } from 'vitest'
import type { AnyManifest, DeclaredResource } from '../../src/api/kinds.ts'
import { ANNOTATIONS, API_VERSION, LABELS } from '../../src/api/names.ts'
import { SyncMemory } from '../../src/source/memory.ts'
import type { Revision } from '../../src/source/revision.ts'
import { syncRevision } from '../../src/source/sync.ts'
import { openEmbeddedStore } from '../../src/store/embedded/store.ts'
import type { ResourceStore } from '../../src/store/store.ts'
import { fakeClock } from '../fakes/clock.ts'
import { overriding } from '../faults/overriding.ts'

const role = (name: string, spec: Record<string, unknown> = {}, labels?: Record<string, string>): AnyManifest =>
  ({
    apiVersion: API_VERSION,
    kind: 'Role',
    metadata: { name, ...(labels ? { labels } : {}) },
    spec: { organization: 'acme', ...spec },
  }) as AnyManifest
const organization: AnyManifest = {
  apiVersion: API_VERSION,
  kind: 'Organization',
  metadata: { name: 'acme' },
  spec: {},
}
const revision = (id: string, ...manifests: AnyManifest[]): Extract<Revision, { outcome: 'Complete' }> => ({
  outcome: 'Complete',
  id,
  findings: [],
  manifests: manifests.map((manifest, index) => ({ manifest, place: `all.yaml:${index + 1}` })),
})
const permitAll = async (objects: readonly DeclaredResource[]) => ({ permitted: objects, because: '' })
const open = () => openEmbeddedStore({ folder: ':memory:', clock: fakeClock(Date.parse('2026-11-22T09:00:00Z')) })
const sync = (
  store: ResourceStore,
  of: Extract<Revision, { outcome: 'Complete' }>,
  more: Partial<Parameters<typeof syncRevision>[0]> = {},
) => syncRevision({ store, source: 'people', revision: of, prune: true, permit: permitAll, ...more })
const names = async (store: ResourceStore) => (await store.list('Role')).items.map(item => item.metadata.name)

describe('a source', () => {
  it('applies what it declares, once', async () => {
    await using store = await open()
    const first = await sync(store, revision('r1', organization, role('editor', { allow: ['documents:*'] })))
    expect(first).toMatchObject({ created: [{ kind: 'Organization' }, { kind: 'Role', name: 'editor' }], objects: 2 })
    const before = (await store.info()).resourceVersion
    expect(await sync(store, revision('r1', organization, role('editor', { allow: ['documents:*'] })))).toMatchObject({
      created: [],
      updated: [],
      unchanged: 2,
    })
    expect((await store.info()).resourceVersion).toBe(before)
  })
  it('names for each object the revision in which it last changed', async () => {
    await using store = await open()
    await sync(store, revision('r1', role('editor'), role('viewer')))
    await sync(store, revision('r2', role('editor', { displayName: 'Editor' }), role('viewer')))
    expect((await store.get('Role', 'editor'))?.metadata.annotations?.[ANNOTATIONS.revision]).toBe('r2')
    expect((await store.get('Role', 'viewer'))?.metadata.annotations?.[ANNOTATIONS.revision]).toBe('r1')
  })
  it('keeps the author of a document that did not change, and names none for a change whose author is not known', async () => {
    await using store = await open()
    const by = (of: ReturnType<typeof revision>, author: string) => ({
      ...of,
      manifests: of.manifests.map(placed => ({ ...placed, change: { commit: of.id, author } })),
    })
    const notes = async (name: string) => {
      const { annotations = {} } = (await store.get('Role', name))?.metadata ?? {}
      return [ANNOTATIONS.revision, ANNOTATIONS.commit, ANNOTATIONS.author].map(note => annotations[note])
    }
    await sync(store, by(revision('r1', role('editor'), role('viewer')), 'Ada'))
    const before = await store.get('Role', 'viewer')
    await sync(store, by(revision('r2', role('editor', { displayName: 'Editor' }), role('viewer')), 'Bea'))
    expect(await notes('editor')).toEqual(['r2', 'r2', 'Bea'])
    expect(await store.get('Role', 'viewer')).toEqual(before)
    expect(await notes('viewer')).toEqual(['r1', 'r1', 'Ada'])
    await sync(store, revision('r3', role('editor', { displayName: 'E' }), role('viewer')))
    expect(await notes('editor')).toEqual(['r3', undefined, undefined])
    // A field less is a change as well.
    await sync(store, by(revision('r4', role('editor'), role('viewer')), 'Cem'))
    expect(await notes('editor')).toEqual(['r4', 'r4', 'Cem'])
    await sync(store, revision('r5', role('editor', { displayName: 'E' }), role('viewer')))
    await sync(store, revision('r6', role('editor'), role('viewer')))
    expect(await notes('editor')).toEqual(['r6', undefined, undefined])
  })
  it('takes back what a person changed by hand, says so, and leaves what it does not declare', async () => {
    await using store = await open()
    await sync(store, revision('r1', role('editor', { displayName: 'Editor' })))
    await store.apply(
      { ...role('editor', { displayName: 'Hand', description: 'by hand' }), kind: 'Role' } as AnyManifest & {
        kind: 'Role'
      },
      { manager: 'local/root', force: true },
    )
    const result = await sync(store, revision('r2', role('editor', { displayName: 'Editor' })))
    expect((await store.get('Role', 'editor'))?.spec).toMatchObject({ displayName: 'Editor', description: 'by hand' })
    expect(result.taken).toEqual([
      { ref: { kind: 'Role', name: 'editor' }, fields: [{ field: 'spec.displayName', manager: 'local/root' }] },
    ])
  })
  it('never writes over another source: first keeps', async () => {
    await using store = await open()
    await sync(store, revision('r1', role('editor', { displayName: 'First' })), { source: 'first' })
    const result = await sync(store, revision('r1', role('editor', { displayName: 'Second' })), { source: 'second' })
    expect(result.conflicts).toEqual([
      { ref: { kind: 'Role', name: 'editor' }, holder: 'source first', place: 'all.yaml:1' },
    ])
    expect((await store.get('Role', 'editor'))?.spec.displayName).toBe('First')
  })
  it('never takes over what Roster made itself', async () => {
    await using store = await open()
    await store.create(
      {
        kind: 'Role',
        metadata: { name: 'made', labels: { [LABELS.generated]: 'User' } },
        spec: { organization: 'acme' },
      },
      { manager: 'controller' },
    )
    expect((await sync(store, revision('r1', role('made')))).conflicts).toHaveLength(1)
  })
  it('prunes what it no longer holds, last kinds first', async () => {
    await using store = await open()
    await sync(store, revision('r1', organization, role('editor'), role('viewer')))
    const result = await sync(store, revision('r2', role('viewer')))
    expect(result.pruned.map(ref => `${ref.kind}/${ref.name}`)).toEqual(['Role/editor', 'Organization/acme'])
    expect(await names(store)).toEqual(['viewer'])
  })
  it('keeps what it no longer holds while prune is off', async () => {
    await using store = await open()
    await sync(store, revision('r1', role('editor'), role('viewer')))
    const result = await sync(store, revision('r2', role('viewer')), { prune: false })
    expect(result.kept).toMatchObject({ reason: 'PruneHeld', refs: [{ name: 'editor' }] })
    expect(await names(store)).toEqual(['editor', 'viewer'])
  })
  it('that is empty prunes nothing, unless a person said that it may be', async () => {
    await using store = await open()
    await sync(store, revision('r1', role('editor')))
    expect((await sync(store, revision('r2'))).kept).toMatchObject({ reason: 'EmptySource' })
    expect(await names(store)).toEqual(['editor'])
    await sync(store, revision('r2'), { allowEmpty: true })
    expect(await names(store)).toEqual([])
  })
  it('prunes only what is permitted', async () => {
    await using store = await open()
    await sync(store, revision('r1', role('a'), role('b'), role('c')))
    const result = await sync(store, revision('r2', role('c')), {
      permit: async objects => ({
        permitted: objects.filter(object => object.metadata.name === 'a'),
        because: 'b is protected',
      }),
    })
    expect(result.kept).toMatchObject({ refs: [{ name: 'b' }], message: 'b is protected' })
    expect(await names(store)).toEqual(['b', 'c'])
  })
  it('prunes nothing that only carries its label', async () => {
    await using store = await open()
    await store.create(
      {
        kind: 'Role',
        metadata: { name: 'forged', labels: { [LABELS.source]: 'people' } },
        spec: { organization: 'acme' },
      },
      { manager: 'local/mallory' },
    )
    await sync(store, revision('r1', role('editor')))
    expect(await names(store)).toEqual(['editor', 'forged'])
  })
  it('goes on when one object cannot be written', async () => {
    await using store = await open()
    await sync(store, revision('r1', role('editor')))
    const moved = { ...role('editor'), spec: { organization: 'other' } } as AnyManifest
    const result = await sync(store, revision('r2', moved, role('viewer')))
    expect(result.failed).toMatchObject([{ ref: { name: 'editor' }, reason: 'InvalidSpec' }])
    expect(await names(store)).toEqual(['editor', 'viewer'])
  })
})

describe('a write of a source', () => {
  /** A store in which something happens right before the first write of an object. */
  const disturbed = (store: ResourceStore, happens: () => Promise<unknown>): ResourceStore => {
    let done = false
    return new Proxy(store, {
      get: (target, key) => {
        const value = Reflect.get(target, key) as unknown
        if (typeof value !== 'function') return value
        if (key !== 'create' && key !== 'apply' && key !== 'delete') return value.bind(target)
        return async (...args: unknown[]) => {
          if (!done) {
            done = true
            await happens()
          }
          return value.apply(target, args)
        }
      },
    })
  }
  it('never takes what another source made since the list', async () => {
    await using store = await open()
    const first = () => sync(store, revision('r1', role('editor', { displayName: 'First' })), { source: 'first' })
    const result = await sync(disturbed(store, first), revision('r1', role('editor', { displayName: 'Second' })))
    expect(result.conflicts).toMatchObject([{ holder: 'source first' }])
    expect((await store.get('Role', 'editor'))?.spec.displayName).toBe('First')
  })
  it('never takes what was nobody’s at the list and is another source’s now', async () => {
    await using store = await open()
    const byHand = role('editor', { displayName: 'Hand' }) as AnyManifest & { kind: 'Role' }
    await store.apply(byHand, { manager: 'local/ann' })
    const first = () => sync(store, revision('r1', role('editor', { displayName: 'First' })), { source: 'first' })
    const result = await sync(disturbed(store, first), revision('r1', role('editor', { displayName: 'Second' })))
    expect(result.conflicts).toMatchObject([{ holder: 'source first' }])
    expect((await store.get('Role', 'editor'))?.spec.displayName).toBe('First')
  })
  it('is decided anew when the object changed since the list', async () => {
    await using store = await open()
    await sync(store, revision('r1', role('editor')))
    const byHand = () =>
      store.annotate({ kind: 'Role', name: 'editor' }, { 'example.com/note': 'x' }, { manager: 'local/ann' })
    const result = await sync(disturbed(store, byHand), revision('r2', role('editor', { displayName: 'Editor' })))
    expect(result).toMatchObject({ updated: [{ name: 'editor' }], failed: [] })
  })
  it('does not end what a person has frozen, whatever it declares, and says so', async () => {
    await using store = await open()
    const thawed = { ...organization, spec: { displayName: 'Acme', frozen: false } } as AnyManifest
    const memory = new SyncMemory()
    await sync(store, revision('r1', thawed), { memory })
    const byHand = { ...organization, spec: { frozen: true } } as AnyManifest & { kind: 'Organization' }
    await store.apply(byHand, { manager: 'local/eve', force: true })
    const renamed = { ...organization, spec: { displayName: 'Acme GmbH', frozen: false } } as AnyManifest
    for (const [id, manifest] of [
      ['r1', thawed],
      ['r2', renamed],
      ['r2', renamed],
    ] as const) {
      const result = await sync(store, revision(id, manifest), { memory })
      expect((await store.get('Organization', 'acme'))?.spec.frozen).toBe(true)
      if (manifest === thawed || result.updated.length > 0)
        expect(result.frozen).toEqual([
          { ref: { kind: 'Organization', name: 'acme' }, by: 'local/eve', place: 'all.yaml:1' },
        ])
    }
    expect((await store.get('Organization', 'acme'))?.spec.displayName).toBe('Acme GmbH')
    // What was frozen is what was unfrozen: from then on the source has its say again.
    await store.apply({ ...byHand, spec: { frozen: false } }, { manager: 'local/eve', force: true })
    await sync(store, revision('r3', { ...organization, spec: { frozen: true } } as AnyManifest), { memory })
    expect((await store.get('Organization', 'acme'))?.spec.frozen).toBe(true)
    expect((await sync(store, revision('r4', renamed), { memory })).frozen).toEqual([])
    expect((await store.get('Organization', 'acme'))?.spec.frozen).toBe(false)
  })
  it('prunes what was only touched since the list, and not what was taken over', async () => {
    await using store = await open()
    await sync(store, revision('r1', role('a'), role('b')))
    const note = () => store.annotate({ kind: 'Role', name: 'a' }, { 'example.com/n': 'x' }, { manager: 'local/ann' })
    const result = await sync(disturbed(store, note), revision('r2', role('b')))
    expect(result).toMatchObject({ pruned: [{ name: 'a' }], failed: [] })
    expect(await names(store)).toEqual(['b'])
    await sync(store, revision('r1', role('a'), role('b')))
    const taken = async () => {
      const other = role('a', {}, { [LABELS.source]: 'other' }) as AnyManifest & { kind: 'Role' }
      await store.apply(other, { manager: 'source/other', force: true })
    }
    await sync(disturbed(store, taken), revision('r2', role('b')))
    expect(await names(store)).toEqual(['a', 'b'])
  })
  it('goes on when what it is to prune is deleted by somebody else in the same moment', async () => {
    await using store = await open()
    await sync(store, revision('r1', role('a'), role('b'), role('c')))
    const gone = overriding(store, {
      owners: async (...args: Parameters<ResourceStore['owners']>) => {
        await store.delete({ kind: 'Role', name: 'a' }).catch(() => undefined)
        return store.owners(...args)
      },
    })
    expect(await sync(gone, revision('r2', role('c')))).toMatchObject({ pruned: [{ name: 'b' }], failed: [] })
    expect(await names(store)).toEqual(['c'])
  })
  it('leaves an object alone that moved between files, but for its place', async () => {
    await using store = await open()
    await sync(store, revision('r1', role('editor'), role('viewer')))
    const before = await store.get('Role', 'editor')
    const result = await sync(store, revision('r2', role('viewer'), role('editor')))
    expect(result).toMatchObject({ created: [], pruned: [] })
    const after = await store.get('Role', 'editor')
    expect(after?.metadata.uid).toBe(before?.metadata.uid)
    expect(after?.metadata.generation).toBe(before?.metadata.generation)
    expect(after?.metadata.annotations).toMatchObject({
      [ANNOTATIONS.sourcePath]: 'all.yaml:2',
      [ANNOTATIONS.revision]: 'r1',
    })
  })
  it('names the revision in which a document only lost a field', async () => {
    await using store = await open()
    await sync(store, revision('r1', role('editor', { displayName: 'Editor' })))
    await sync(store, revision('r2', role('editor')))
    const editor = await store.get('Role', 'editor')
    expect(editor?.spec.displayName).toBeUndefined()
    expect(editor?.metadata.annotations?.[ANNOTATIONS.revision]).toBe('r2')
  })
  it('is spared where nobody changed the object since the last pass', async () => {
    await using store = await open()
    const memory = new SyncMemory()
    const first = revision('r1', role('editor'), role('viewer'))
    await sync(store, first, { memory })
    const written: string[] = []
    const watched = new Proxy(store, {
      get: (target, key) => {
        const value = Reflect.get(target, key) as unknown
        if (typeof value !== 'function') return value
        return (...args: unknown[]) => {
          if (key === 'apply') written.push((args[0] as AnyManifest).metadata.name)
          return value.apply(target, args)
        }
      },
    })
    expect(await sync(watched, first, { memory })).toMatchObject({ unchanged: 2 })
    expect(written).toEqual([])
    await store.annotate({ kind: 'Role', name: 'viewer' }, { 'example.com/n': 'x' }, { manager: 'local/ann' })
    await sync(watched, first, { memory })
    expect(written).toEqual(['viewer'])
    await sync(watched, revision('r2', role('editor', { displayName: 'E' }), role('viewer')), { memory })
    expect(written).toEqual(['viewer', 'editor'])
  })

  it('that is watched declares no sources: who may write into it could have any folder read', async () => {
    await using store = await open()
    const hidden = {
      apiVersion: API_VERSION,
      kind: 'Source',
      metadata: { name: 'hidden' },
      spec: { folder: { path: '/etc' } },
    } as AnyManifest
    const result = await sync(store, revision('r1', hidden, role('editor')))
    expect(result.failed).toMatchObject([{ ref: { kind: 'Source', name: 'hidden' }, reason: 'NotAllowed' }])
    expect(await store.get('Source', 'hidden')).toBeUndefined()
    expect(await names(store)).toEqual(['editor'])
    await sync(store, revision('r1', hidden), { byPerson: true, prune: false })
    expect(await store.get('Source', 'hidden')).toBeDefined()
  })
  it('writes only what was planned, each only as long as it is as it was', async () => {
    await using store = await open()
    await sync(store, revision('r1', organization, role('editor'), role('viewer'), role('auditor')))
    const uid = (await store.get('Role', 'editor'))?.metadata.uid
    const isStill = (live: DeclaredResource | undefined) =>
      (live?.spec as { displayName?: string } | undefined)?.displayName
    // Between the list and the write somebody else writes both.
    const racing = new Proxy(store, {
      get: (target, property) => {
        const value: unknown = Reflect.get(target, property, target)
        if (typeof value !== 'function') return value
        return async (...args: unknown[]) => {
          const { metadata, name = metadata?.name } = (args[0] ?? {}) as { metadata?: { name: string }; name?: string }
          if (['apply', 'delete'].includes(String(property)) && ['editor', 'auditor'].includes(String(name)))
            await target.apply(role(String(name), { displayName: 'Another' }) as never, { manager: 'user/eve' })
          return value.apply(target, args)
        }
      },
    })
    const result = await sync(
      racing,
      revision(
        'r2',
        organization,
        role('editor', { allow: ['a:read'] }),
        role('viewer', { allow: ['a:read'] }),
        role('new'),
      ),
      {
        planned: new Map([
          ['Role/editor', isStill],
          ['Role/auditor', isStill],
        ]),
      },
    )
    expect(result).toMatchObject({
      created: [],
      updated: [],
      pruned: [],
      failed: [
        { ref: { kind: 'Role', name: 'editor' }, reason: 'Conflict', message: 'Another' },
        { ref: { kind: 'Role', name: 'auditor' }, reason: 'Conflict', message: 'Another' },
      ],
    })
    expect(await names(store)).toEqual(['auditor', 'editor', 'viewer'])
    expect(await store.get('Role', 'editor')).toMatchObject({ metadata: { uid }, spec: { displayName: 'Another' } })
    expect((await store.get('Role', 'viewer'))?.spec.allow).toBeUndefined()
  })
})

describe('the memory of a source', () => {
  it('passes over what is as it left it, and over nothing else', async () => {
    await using store = await open()
    const memory = new SyncMemory()
    const same = revision('r1', organization, role('editor', { displayName: 'Editor' }), role('viewer'))
    const pass = (id: string, more = {}) => sync(store, { ...same, id }, { memory, ...more })
    await pass('r1')
    expect(await pass('r2')).toMatchObject({ unchanged: 3, updated: [], objects: 3 })
    // By hand: taken back.
    const hand = { ...role('editor', { displayName: 'Hand' }), kind: 'Role' } as AnyManifest & { kind: 'Role' }
    await store.apply(hand, { manager: 'local/root', force: true })
    expect(await pass('r3')).toMatchObject({ unchanged: 2, updated: [{ name: 'editor' }] })
    // Deleted by hand: made again.
    await store.delete({ kind: 'Role', name: 'viewer' })
    expect(await pass('r4')).toMatchObject({ unchanged: 2, created: [{ name: 'viewer' }] })
    // What it may has changed: judged anew.
    expect(await pass('r5', { authority: { may: { kinds: ['Organization'] } } })).toMatchObject({
      failed: [{ ref: { name: 'editor' } }, { ref: { name: 'viewer' } }],
    })
  })
})

describe('the authority of a source', () => {
  const user = (name: string, ...roles: string[]): AnyManifest =>
    ({
      apiVersion: API_VERSION,
      kind: 'User',
      metadata: { name },
      spec: { email: `${name}@acme.example`, memberships: [{ organization: 'acme', roles }] },
    }) as AnyManifest
  const all = [organization, role('viewer'), role('admin', { allow: ['*:*'] })]

  it('refuses one document by file, line and field, applies the others, and prunes nothing of what it refuses', async () => {
    await using store = await open()
    await sync(store, revision('r1', ...all, user('alice', 'viewer'), user('bob', 'viewer')))
    const authority = { may: { roles: ['viewer'] } }
    const result = await sync(store, revision('r2', ...all, user('alice', 'admin'), user('carol', 'viewer')), {
      authority,
    })
    expect(result.failed).toEqual([
      {
        ref: { kind: 'Role', name: 'admin' },
        reason: 'NotAllowed',
        message:
          'all.yaml:3: metadata.name declares role admin, which is beyond what source people may (Source.spec.may)',
      },
      {
        ref: { kind: 'User', name: 'alice' },
        reason: 'NotAllowed',
        message:
          'all.yaml:4: spec.memberships[0] gives role admin, which is beyond what source people may (Source.spec.may)',
      },
    ])
    expect(result.created).toEqual([{ kind: 'User', name: 'carol' }])
    expect(result.pruned).toMatchObject([{ name: 'bob' }])
    expect((await store.get('User', 'alice'))?.spec.memberships).toEqual([{ organization: 'acme', roles: ['viewer'] }])
  })
  it('takes away nothing that it could not have declared', async () => {
    await using store = await open()
    await sync(store, revision('r1', ...all))
    const authority = { may: { kinds: ['Organization' as const] } }
    const result = await sync(store, revision('r2', organization), { authority })
    expect(result.pruned).toEqual([])
    expect(result.failed.map(({ message }) => message)).toContainEqual(
      expect.stringMatching(/^all.yaml:3: .*; it stays$/),
    )
    expect(await names(store)).toEqual(['admin', 'viewer'])
  })
  it('is bounded by the policy of the controller for each file', async () => {
    await using store = await open()
    const policy = { file: 'policy.yaml', rules: [{ paths: ['people/*'], may: {}, place: 'policy.yaml:2' }] }
    const result = await sync(store, revision('r1', organization), {
      authority: { policy, pathOf: file => (file === 'all.yaml' ? 'elsewhere/all.yaml' : file) },
    })
    expect(result.failed.map(({ message }) => message)).toEqual([
      'all.yaml:1: no rule of policy.yaml lets source people declare anything in elsewhere/all.yaml',
    ])
    const allowed = { authority: { policy, pathOf: () => 'people/all.yaml' } }
    expect((await sync(store, revision('r1', organization), allowed)).created).toHaveLength(1)
  })
  it('judges a group against the groups that were applied before it', async () => {
    await using store = await open()
    const group = (name: string, spec: object): AnyManifest =>
      ({
        apiVersion: API_VERSION,
        kind: 'Group',
        metadata: { name },
        spec: { organization: 'acme', ...spec },
      }) as AnyManifest
    await sync(store, revision('r1', ...all, group('admins', { groups: [], roles: ['admin'] })), { source: 'other' })
    // The first is refused, so whoever is in the second gets nothing of it.
    const result = await sync(
      store,
      revision('r2', group('admins', { groups: ['team'], roles: ['admin'] }), group('team', { members: ['alice'] })),
      { authority: { may: { roles: ['viewer'] } } },
    )
    expect(result.failed).toMatchObject([{ ref: { name: 'admins' } }])
    expect(result.created).toMatchObject([{ name: 'team' }])
  })
})
