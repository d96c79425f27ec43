import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AnyManifest } from '../../src/api/kinds.ts'
import { ANNOTATIONS, API_VERSION, type DeclaredKind, LABELS, type Reason } from '../../src/api/names.ts'
import { sourceReconciler } from '../../src/reconcilers/source.ts'
import type { Reconciler } from '../../src/runtime/reconciler.ts'
import { SourceHub } from '../../src/source/hub.ts'
import type { Revision } from '../../src/source/revision.ts'
import { syncRevision } from '../../src/source/sync.ts'
import { openRealm, type Realm } from '../fakes/realm.ts'

const MINUTE = 60_000
const FOLDER_INTERVAL = 5 * MINUTE

let realm: Realm
/** What each source reads next, by its name; and which are read or held open at all. */
let says: Record<string, Revision>
let reads: string[]
let open: Set<string>
let hub: SourceHub

beforeEach(async () => {
  says = {}
  reads = []
  open = new Set()
  hub = new SourceHub({
    changed: () => undefined,
    open: ({ name }) => {
      open.add(name)
      return {
        read: async () => {
          reads.push(name)
          return says[name] ?? expect.fail(`${name} is read`)
        },
        watch: () => () => undefined,
        close: async () => void open.delete(name),
      }
    },
  })
  realm = await openRealm({
    reconcilers: world => [sourceReconciler(world, { hub, sync: syncRevision })] as unknown as Reconciler[],
  })
})
afterEach(() => realm[Symbol.asyncDispose]())

const manifest = (kind: DeclaredKind, name: string, spec: object = {}): AnyManifest =>
  ({
    apiVersion: API_VERSION,
    kind,
    metadata: { name },
    spec: kind === 'Role' ? { organization: 'acme', ...spec } : spec,
  }) as AnyManifest
const role = (name: string, spec: object = {}): AnyManifest => manifest('Role', name, spec)
const complete = (id: string, ...manifests: AnyManifest[]): Revision => ({
  outcome: 'Complete',
  id,
  findings: [],
  manifests: manifests.map((each, index) => ({ manifest: each, place: `all.yaml:${index + 1}` })),
})
const failed = (reason: Reason, message: string = reason, outcome: 'Failed' | 'Partial' = 'Failed'): Revision => ({
  outcome,
  reason,
  message,
  findings: [],
})
const source = (name = 'people', prune = true) =>
  realm.declare('Source', name, { folder: { path: `/srv/${name}` }, prune }, { manager: 'local/root' })
const status = async (name = 'people') => {
  const { conditions = [], ...rest } = (await realm.store.get('Source', name))?.status ?? {}
  const of = (type: string) => {
    const condition = conditions.find(one => one.type === type)
    return condition && `${condition.status} ${condition.reason}`
  }
  return { ...rest, ready: of('Ready'), stalled: of('Stalled'), conflict: of('Conflict'), conditions }
}
const roles = async () => (await realm.store.list('Role')).items.map(item => item.metadata.name)
const events = async (reason: Reason) => (await realm.store.events.list()).filter(event => event.reason === reason)

describe('a source', () => {
  it('is applied, and says at which revision and how much', async () => {
    says.people = complete('r1', manifest('Organization', 'acme'), role('editor'))
    await source()
    await realm.run()
    expect(await status()).toMatchObject({
      ready: 'True Succeeded',
      outcome: 'Complete',
      lastAppliedRevision: 'r1',
      lastAttemptedRevision: 'r1',
      objects: 2,
    })
    expect(await roles()).toEqual(['editor'])
  })
  it('that says the same again writes nothing', async () => {
    says.people = complete('r1', manifest('Organization', 'acme'), role('editor'))
    await source()
    await realm.run()
    const before = await realm.version()
    await realm.pass(FOLDER_INTERVAL * 3)
    expect(reads.length).toBe(4)
    expect(await realm.version()).toBe(before)
  })
  it('that is broken keeps the last good revision in force, and comes back', async () => {
    says.people = complete('r1', role('editor'))
    await source()
    await realm.run()
    says.people = { ...failed('InvalidManifests', 'a.yaml:1:1: no'), id: 'r2' }
    await realm.pass(FOLDER_INTERVAL)
    expect(await status()).toMatchObject({
      ready: 'False InvalidManifests',
      stalled: 'True InvalidManifests',
      outcome: 'Failed',
      lastAttemptedRevision: 'r2',
      lastAppliedRevision: 'r1',
    })
    expect(await roles()).toEqual(['editor'])
    says.people = complete('r3', role('viewer'))
    await realm.pass(FOLDER_INTERVAL)
    expect(await status()).toMatchObject({ ready: 'True Succeeded', stalled: undefined, lastAppliedRevision: 'r3' })
    expect(await roles()).toEqual(['viewer'])
  })
  it('that cannot be reached is tried again, told once, and comes back', async () => {
    says.people = failed('Unreachable')
    await source()
    await realm.run()
    expect(await status()).toMatchObject({ ready: 'False Unreachable', stalled: undefined })
    const before = await realm.version()
    await realm.pass(FOLDER_INTERVAL * 2)
    expect(await realm.version()).toBe(before)
    expect(await events('Unreachable')).toMatchObject([{ count: 1 }])
    says.people = complete('r1', role('editor'))
    await realm.pass(FOLDER_INTERVAL)
    expect(await status()).toMatchObject({ ready: 'True Succeeded' })
  })
  it('in the middle of a change is read again soon', async () => {
    says.people = failed('Retrying', 'it changes', 'Partial')
    await source()
    await realm.run()
    says.people = complete('r1', role('editor'))
    await realm.pass(2_000)
    expect(await status()).toMatchObject({ ready: 'True Succeeded' })
  })
  it('that is empty after it was not prunes nothing and stays at its last revision', async () => {
    says.people = complete('r1', role('editor'))
    await source()
    await realm.run()
    says.people = complete('r2')
    await realm.pass(FOLDER_INTERVAL)
    expect(await status()).toMatchObject({
      ready: 'False EmptySource',
      stalled: 'True EmptySource',
      outcome: 'Partial',
      lastAppliedRevision: 'r1',
    })
    expect(await roles()).toEqual(['editor'])
  })
  it('that was always empty is ready', async () => {
    says.people = complete('r1')
    await source()
    await realm.run()
    expect(await status()).toMatchObject({ ready: 'True Succeeded', objects: 0 })
  })
  it('keeps what it no longer holds while prune is off, and says so once', async () => {
    says.people = complete('r1', role('editor'), role('viewer'))
    await source('people', false)
    await realm.run()
    says.people = complete('r2', role('viewer'))
    await realm.pass(FOLDER_INTERVAL)
    const before = await realm.version()
    await realm.pass(FOLDER_INTERVAL * 2)
    expect(await roles()).toEqual(['editor', 'viewer'])
    expect(await events('PruneHeld')).toMatchObject([{ count: 1 }])
    expect(await realm.version()).toBe(before)
  })
  it('never takes from another, and says whose it is, once', async () => {
    says.people = complete('r1', role('editor', { displayName: 'First' }))
    says.second = complete('r1', role('editor', { displayName: 'Second' }))
    await source()
    await realm.run()
    await source('second')
    await realm.run()
    await realm.pass(FOLDER_INTERVAL * 2)
    expect(await status('second')).toMatchObject({ ready: 'False Conflict', conflict: 'True Conflict', objects: 0 })
    expect((await realm.store.get('Role', 'editor'))?.spec.displayName).toBe('First')
    expect(await events('Conflict')).toMatchObject([{ count: 1, ref: { kind: 'Role', name: 'editor' } }])
    says.people = complete('r2', role('viewer'))
    await realm.pass(FOLDER_INTERVAL * 2)
    expect(await status('second')).toMatchObject({ ready: 'True Succeeded', conflict: undefined, objects: 1 })
    expect((await realm.store.get('Role', 'editor'))?.spec.displayName).toBe('Second')
  })
  it('takes back what a hand changed, and names the hand', async () => {
    says.people = complete('r1', role('editor', { displayName: 'Editor' }))
    await source()
    await realm.run()
    await realm.declare('Role', 'editor', { organization: 'acme', displayName: 'Hand' }, { manager: 'local/ann' })
    await realm.pass(FOLDER_INTERVAL)
    expect((await realm.store.get('Role', 'editor'))?.spec.displayName).toBe('Editor')
    expect(await events('TakenBack')).toMatchObject([
      { count: 1, ref: { name: 'editor' }, message: expect.stringContaining('local/ann') },
    ])
  })
  describe('of which somebody undoes something by hand', () => {
    const edit = (name: string, spec: object, labels?: Record<string, string>) =>
      realm.store.apply(
        { ...role(name, spec), metadata: { name, ...(labels && { labels }) } } as AnyManifest & { kind: 'Role' },
        { manager: 'kubectl-edit', force: true },
      )
    beforeEach(async () => {
      says.people = complete('r1', manifest('Organization', 'acme'), role('editor', { displayName: 'Editor' }))
      await source()
      await realm.run()
      reads.length = 0
    })

    it('takes it back at once, and says from whom', async () => {
      await edit('editor', { displayName: 'Hand' })
      await realm.run()
      expect((await realm.store.get('Role', 'editor'))?.spec).toMatchObject({ displayName: 'Editor' })
      expect(await events('TakenBack')).toMatchObject([
        {
          ref: { kind: 'Role', name: 'editor' },
          message: 'Source/people took back spec.displayName from kubectl-edit',
        },
      ])
      expect(reads).toEqual(['people'])
    })
    it('leaves what it does not declare, and is not even read for it', async () => {
      await edit('editor', { description: 'by hand' }, { team: 'blue' })
      await realm.run()
      expect((await realm.store.get('Role', 'editor'))?.spec).toMatchObject({ description: 'by hand' })
      expect(reads).toEqual([])
    })
    it('takes its label back, and makes again what was deleted', async () => {
      await edit('editor', {}, { [LABELS.source]: 'nobody' })
      await realm.run()
      expect((await realm.store.get('Role', 'editor'))?.metadata.labels?.[LABELS.source]).toBe('people')
      await realm.clock.advance(2 * MINUTE)
      await realm.remove('Role', 'editor')
      await realm.run()
      expect((await realm.store.get('Role', 'editor'))?.spec).toMatchObject({ displayName: 'Editor' })
    })
    it('does not undo as fast as the other one does', async () => {
      for (const time of [1, 2, 3, 4]) {
        await edit('editor', { displayName: `Hand ${time}` })
        await realm.run()
      }
      expect(reads).toEqual(['people'])
      expect((await realm.store.get('Role', 'editor'))?.spec).toMatchObject({ displayName: 'Hand 4' })
      await realm.pass(FOLDER_INTERVAL)
      expect((await realm.store.get('Role', 'editor'))?.spec).toMatchObject({ displayName: 'Editor' })
      await edit('editor', { displayName: 'Hand 5' })
      await realm.run()
      expect((await realm.store.get('Role', 'editor'))?.spec).toMatchObject({ displayName: 'Editor' })
    })
    it('is not woken by its own writes', async () => {
      says.people = complete('r2', manifest('Organization', 'acme'), role('editor', { displayName: 'Other' }))
      realm.loop.controller('Source')?.wake('people')
      await realm.run()
      await realm.run()
      expect(reads.length).toBeLessThanOrEqual(2)
      reads.length = 0
      await realm.run()
      expect(reads).toEqual([])
    })
    it('leaves a membership that somebody else added to a person', async () => {
      const memberships = [{ organization: 'acme', roles: ['editor'] }]
      const alice = manifest('User', 'alice', { email: 'alice@acme.example', memberships })
      says.people = complete('r2', manifest('Organization', 'acme'), role('editor', { displayName: 'Editor' }), alice)
      realm.loop.controller('Source')?.wake('people')
      await realm.run()
      reads.length = 0
      const other = { ...alice, spec: { memberships: [{ organization: 'zeta', roles: [] }] } }
      await realm.store.apply(other as never, { manager: 'kubectl-edit', force: true })
      await realm.run()
      expect(reads).toEqual([])
      const taken = { ...alice, spec: { memberships: [{ organization: 'acme', roles: [] }] } }
      await realm.store.apply(taken as never, { manager: 'kubectl-edit', force: true })
      await realm.run()
      expect((await realm.store.get('User', 'alice'))?.spec.memberships).toContainEqual(memberships[0])
    })
  })

  it('that is deleted leaves what it applied', async () => {
    says.people = complete('r1', role('editor'))
    await source()
    await realm.run()
    await realm.remove('Source', 'people')
    await realm.run()
    expect(await roles()).toEqual(['editor'])
    expect(open.size).toBe(0)
  })
  it('that is paused reads nothing, and goes on after', async () => {
    says.people = complete('r1', role('editor'))
    await source()
    await realm.run()
    const pause = (value: string | null) =>
      realm.store.annotate({ kind: 'Source', name: 'people' }, { [ANNOTATIONS.pause]: value }, { manager: 'local/ann' })
    await pause('yes')
    await realm.run()
    says.people = complete('r2', role('viewer'))
    await realm.pass(FOLDER_INTERVAL * 2)
    expect(await status()).toMatchObject({ ready: 'True Paused', lastAppliedRevision: 'r1' })
    expect([...open]).toEqual([])
    expect(reads).toHaveLength(1)
    await pause(null)
    await realm.run()
    expect(await roles()).toEqual(['viewer'])
  })
  it('makes again what was deleted and is still declared, once it is gone', async () => {
    says.people = complete('r1', role('editor'))
    await source()
    await realm.run()
    const first = await realm.store.get('Role', 'editor')
    const finalizers = (names: string[], version = '') =>
      realm.store.setFinalizers({ kind: 'Role', name: 'editor' }, names, { ifVersion: version })
    await finalizers(['roster.dev/cleanup'], first?.metadata.resourceVersion)
    const going = await realm.store.delete({ kind: 'Role', name: 'editor' })
    await realm.pass(FOLDER_INTERVAL)
    expect(await status()).toMatchObject({ ready: 'False Deleting', stalled: undefined })
    await finalizers([], going?.metadata.resourceVersion)
    await realm.pass(10_000)
    expect(await status()).toMatchObject({ ready: 'True Succeeded' })
    expect((await realm.store.get('Role', 'editor'))?.metadata.uid).not.toBe(first?.metadata.uid)
  })
  it('of which the store refuses something is not applied as a whole, and somebody must act', async () => {
    says.people = complete('r1', role('editor'))
    await source()
    await realm.run()
    says.people = complete('r2', role('editor', { organization: 'other' }), role('viewer'))
    await realm.pass(FOLDER_INTERVAL)
    expect(await status()).toMatchObject({
      ready: 'False InvalidSpec',
      stalled: 'True InvalidSpec',
      lastAttemptedRevision: 'r2',
      lastAppliedRevision: 'r1',
    })
    expect(await roles()).toEqual(['editor', 'viewer'])
    const before = await realm.version()
    await realm.pass(FOLDER_INTERVAL)
    expect(reads).toHaveLength(3)
    expect(await realm.version()).toBe(before)
  })
  it('is read anew from where it now points', async () => {
    says.people = complete('r1', role('editor'))
    await source()
    await realm.run()
    await realm.declare('Source', 'people', { folder: { path: '/srv/other' }, prune: true }, { manager: 'local/root' })
    says.people = complete('r2', role('viewer'))
    await realm.run()
    expect(await roles()).toEqual(['viewer'])
    expect([...open]).toEqual(['people'])
  })
  it('is not turned away by a label that somebody forged', async () => {
    says.people = complete('r1', role('editor', { displayName: 'Editor' }))
    await source()
    await realm.run()
    await realm.declare(
      'Role',
      'editor',
      { organization: 'acme', displayName: 'Mallory' },
      { manager: 'local/mallory', labels: { [LABELS.source]: 'other' } },
    )
    await realm.pass(FOLDER_INTERVAL)
    const editor = await realm.store.get('Role', 'editor')
    expect(editor?.spec.displayName).toBe('Editor')
    expect(editor?.metadata.labels?.[LABELS.source]).toBe('people')
  })
})
