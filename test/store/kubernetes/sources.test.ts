import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import type { AnyManifest } from '../../../src/api/kinds.ts'
import { API_VERSION } from '../../../src/api/names.ts'
import { sourceReconciler } from '../../../src/reconcilers/source.ts'
import type { Reconciler } from '../../../src/runtime/reconciler.ts'
import { SourceHub } from '../../../src/source/hub.ts'
import type { Revision } from '../../../src/source/revision.ts'
import { syncRevision } from '../../../src/source/sync.ts'
import { openKubernetesStore } from '../../../src/store/kubernetes/store.ts'
import type { ResourceStore } from '../../../src/store/store.ts'
import { fakeClock } from '../../fakes/clock.ts'
import { openRealm, type Realm } from '../../fakes/realm.ts'
import { startCluster, type TestCluster } from '../../kube/apiserver.ts'
import { installCrds, newNamespace } from '../../kube/crds.ts'
import { describeWith } from '../../parts.ts'

const user = (spec: object): AnyManifest =>
  ({
    apiVersion: API_VERSION,
    kind: 'User',
    metadata: { name: 'alice' },
    spec: { email: 'alice@acme.example', memberships: [{ organization: 'acme', join: 'None' }], ...spec },
  }) as AnyManifest
const role = {
  apiVersion: API_VERSION,
  kind: 'Role',
  metadata: { name: 'x' },
  spec: { organization: 'acme' },
} as AnyManifest
const complete = (id: string, ...manifests: AnyManifest[]): Revision => ({
  outcome: 'Complete',
  id,
  findings: [],
  manifests: manifests.map((manifest, at) => ({ manifest, place: `all.yaml:${at + 1}` })),
})

describeWith('kube-apiserver', 'sources on Kubernetes', () => {
  let cluster: TestCluster
  let store: ResourceStore
  let realm: Realm
  let hub: SourceHub
  let namespace: string
  let says: Record<string, Revision>
  beforeAll(async () => {
    cluster = await startCluster()
    await installCrds(cluster)
  })
  afterAll(() => cluster[Symbol.asyncDispose]())
  beforeEach(async () => {
    namespace = await newNamespace(cluster)
    says = {}
    store = await openKubernetesStore({ kubeconfig: cluster.kubeconfig, namespace, clock: { now: () => Date.now() } })
    hub = new SourceHub({
      changed: name => realm.loop.controller('Source')?.wake(name),
      open: ({ name }) => ({
        read: async () => says[name] ?? expect.fail(name),
        watch: () => () => undefined,
        close: async () => undefined,
      }),
    })
    realm = await openRealm({
      store,
      clock: fakeClock(new Date().toISOString()),
      reconcilers: world => [sourceReconciler(world, { hub, sync: syncRevision })] as unknown as Reconciler[],
    })
  })
  afterEach(async () => {
    await realm[Symbol.asyncDispose]()
    await hub.close()
    await store[Symbol.asyncDispose]()
  })

  const ask = (method: string, kind: string, name: string, body?: object, type?: string) =>
    cluster.ask(method, `/apis/roster.dev/v1alpha1/namespaces/${namespace}/${kind}/${name}`, body, type)
  const source = (name: string) =>
    realm.declare('Source', name, { folder: { path: `/srv/${name}` }, prune: true }, { manager: 'local/root' })

  it('hand over what moves between them: the object lives on, and nothing of the first is left on it', async () => {
    says = {
      first: complete('r1', role, user({ givenName: 'Alice', locale: 'de' })),
      second: complete('r1', { ...role, metadata: { name: 'y' } } as AnyManifest),
    }
    await source('first')
    await source('second')
    await realm.run()
    const before = await store.get('User', 'alice')
    says = {
      first: complete('r2', role),
      second: complete('r2', { ...role, metadata: { name: 'y' } } as AnyManifest, user({ givenName: 'Alicia' })),
    }
    realm.loop.controller('Source')?.wake('first')
    await realm.run()
    await realm.run()
    const { body } = await ask('GET', 'users', 'alice')
    expect(body).toMatchObject({
      metadata: { uid: before?.metadata.uid, labels: { 'roster.dev/source': 'second' } },
      spec: { givenName: 'Alicia', memberships: [{ organization: 'acme', join: 'None' }] },
    })
    expect(JSON.stringify(body.spec)).not.toContain('locale')
    expect(JSON.stringify(body.metadata)).not.toContain('taken-from')
    const owners = await store.owners({ kind: 'User', name: 'alice' })
    expect([...new Set(owners.map(({ manager }) => manager))]).toEqual(['source/second'])
  })

  it('take back at once what kubectl changes, and leave what they do not declare', async () => {
    says = { first: complete('r1', user({ givenName: 'Alice' })) }
    await source('first')
    await realm.run()
    const edit = (spec: object) =>
      ask('PATCH', 'users', 'alice?fieldManager=kubectl-edit', { spec }, 'application/merge-patch+json')
    expect((await edit({ givenName: 'Hand', locale: 'de' })).code).toBe(200)
    await realm.run()
    const { body } = await ask('GET', 'users', 'alice')
    expect(body.spec).toMatchObject({ givenName: 'Alice', locale: 'de' })
  })

  it('are released by an Approval without organization, which cannot be given one later', async () => {
    const spec = {
      releases: `sha256:${'a'.repeat(64)}`,
      reason: 'the last week was wrong',
      expirationTime: new Date(Date.now() + 3_600_000).toISOString(),
    }
    const approval = { apiVersion: API_VERSION, kind: 'Approval', metadata: { name: 'back' }, spec }
    expect((await ask('POST', 'approvals', '', approval)).code).toBe(201)
    const change = (name: string, of: object) =>
      ask('PATCH', 'approvals', name, { spec: of }, 'application/merge-patch+json')
    const refused = await change('back', { organization: 'acme' })
    expect([refused.code, JSON.stringify(refused.body)]).toEqual([
      422,
      expect.stringContaining('organization cannot be changed'),
    ])
    const other = { ...approval, metadata: { name: 'other' }, spec: { ...spec, organization: 'acme' } }
    expect((await ask('POST', 'approvals', '', other)).code).toBe(201)
    expect((await change('other', { organization: null })).code).toBe(422)
    expect((await change('other', { organization: 'zeta' })).code).toBe(422)
  })
})
