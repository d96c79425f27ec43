import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { KINDS, RECORD_FINALIZER } from '../../../src/api/names.ts'
import { planUninstall, uninstall } from '../../../src/app/uninstalling.ts'
import { groupReconciler } from '../../../src/reconcilers/group.ts'
import { invitationReconciler } from '../../../src/reconcilers/invitation.ts'
import { userReconciler } from '../../../src/reconcilers/user.ts'
import type { Reconciler } from '../../../src/runtime/reconciler.ts'
import { snapshotKubernetes } from '../../../src/store/kubernetes/snapshot.ts'
import { openKubernetesStore } from '../../../src/store/kubernetes/store.ts'
import type { StoredObject } from '../../../src/store/semantics/object.ts'
import type { ResourceStore } from '../../../src/store/store.ts'
import { fakeClock } from '../../fakes/clock.ts'
import { openRealm, type Realm } from '../../fakes/realm.ts'
import { startCluster, type TestCluster } from '../../kube/apiserver.ts'
import { definitions, installCrds, newNamespace } from '../../kube/crds.ts'
import { describeWith } from '../../parts.ts'

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'

describeWith('kube-apiserver', 'definitions that are deleted under a realm', () => {
  let cluster: TestCluster
  let store: ResourceStore
  let realm: Realm | undefined
  beforeAll(async () => {
    cluster = await startCluster()
    await installCrds(cluster)
  })
  afterAll(() => cluster[Symbol.asyncDispose]())
  afterEach(async () => {
    await realm?.[Symbol.asyncDispose]()
    await store?.[Symbol.asyncDispose]()
  })

  test('take nothing from anybody, mail nobody anew, and go when Roster lets go', async () => {
    const namespace = await newNamespace(cluster)
    store = await openKubernetesStore({
      kubeconfig: cluster.kubeconfig,
      namespace,
      clock: { now: () => Date.now() },
    })
    realm = await openRealm({
      store,
      clock: fakeClock(new Date().toISOString()),
      reconcilers: world =>
        [userReconciler(world), invitationReconciler(world), groupReconciler(world)] as unknown as Reconciler[],
    })
    await realm.declare('Organization', 'acme', { displayName: 'Acme GmbH', domains: ['acme.example'] })
    await realm.declare('Role', 'editor', { organization: 'acme' })
    await realm.declare('Group', 'platform', { organization: 'acme', members: ['alice'], roles: ['editor'] })
    await realm.declare('User', 'alice', { email: 'alice@acme.example', memberships: [{ organization: 'acme' }] })
    await realm.run()
    await realm.accept('acme', 'alice@acme.example')
    await realm.run()
    expect(realm.mailer.sent.map(mail => mail.subject)).toEqual(['invitation', 'welcome'])
    expect((await realm.membership('acme', 'alice@acme.example'))?.settled).toMatchObject({
      roles: ['editor'],
      groups: ['platform'],
    })
    const before = await realm.membership('acme', 'alice@acme.example')
    const raw = (await store.list('Membership')).items[0]
    expect(raw?.metadata.finalizers).toEqual([RECORD_FINALIZER])

    const doomed = ['users.roster.dev', 'groups.roster.dev', 'memberships.roster.dev']
    for (const name of doomed) expect((await cluster.ask('DELETE', `${CRDS}/${name}`)).code).toBe(200)
    // The server has begun with the objects themselves.
    const path = `/apis/roster.dev/v1alpha1/namespaces/${namespace}`
    for (const one of ['users/alice', 'groups/platform', `memberships/${raw?.metadata.name}`])
      await expect
        .poll(async () => (await cluster.ask('GET', `${path}/${one}`)).body.metadata.deletionTimestamp, {
          timeout: 30_000,
          interval: 100,
        })
        .toBeDefined()

    await realm.run()
    await realm.restart()
    await realm.runAll()
    expect((await store.get('User', 'alice'))?.metadata).not.toHaveProperty('deletionTimestamp')
    expect(await realm.membership('acme', 'alice@acme.example')).toEqual(before)
    expect(realm.mailer.sent).toHaveLength(2)
    await expect(
      store.create({ kind: 'User', metadata: { name: 'bob' }, spec: { email: 'bob@acme.example' } }, { manager: 'x' }),
    ).rejects.toThrow('the definition of User is being deleted')

    // The way out that it names: what is backed up are people, not their deletion.
    using snapshot = await snapshotKubernetes({ kubeconfig: cluster.kubeconfig, namespace, now: () => Date.now() })
    for (const kind of ['User', 'Group', 'Membership'] as const) {
      const objects: StoredObject[] = []
      for await (const { object } of snapshot.objects(kind)) objects.push(object as unknown as StoredObject)
      expect(objects.map(({ metadata }) => metadata.deletionTimestamp)).toEqual([undefined])
    }

    // Everything else is still deleted in earnest.
    await realm.remove('Organization', 'acme')
    expect((await store.get('Organization', 'acme'))?.metadata ?? {}).not.toHaveProperty('finalizers')

    await realm[Symbol.asyncDispose]()
    realm = undefined
    const { held } = await planUninstall(store)
    expect((await uninstall({ store, held, signal: new AbortController().signal })).failures).toEqual([])
    for (const name of doomed)
      await expect
        .poll(async () => (await cluster.ask('GET', `${CRDS}/${name}`)).code, { timeout: 30_000, interval: 100 })
        .toBe(404)
    expect(definitions()).toHaveLength(KINDS.length)
  }, 120_000)
})
