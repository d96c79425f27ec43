import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { KINDS } from '../../../src/api/names.ts'
import { openKubernetesStore } from '../../../src/store/kubernetes/store.ts'
import { overlayStore } from '../../../src/store/overlay/store.ts'
import type { ResourceStore } from '../../../src/store/store.ts'
import { userOf } from '../../contract/store.ts'
import { fakeClock } from '../../fakes/clock.ts'
import { HOUR, openRealm, type Realm } from '../../fakes/realm.ts'
import { startCluster, type TestCluster } from '../../kube/apiserver.ts'
import { installCrds, newNamespace } from '../../kube/crds.ts'
import { describeWith } from '../../parts.ts'

describeWith('kube-apiserver', 'the story of a person in Kubernetes', () => {
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

  const versions = async () => {
    const all: Record<string, string> = {}
    for (const kind of KINDS)
      for (const { metadata } of (await store.list(kind)).items)
        all[`${kind}/${metadata.name}`] = metadata.resourceVersion
    return all
  }

  test('invited, accepted, under a new leader, and gone: mailed as often as in the embedded store, and never written twice', async () => {
    store = await openKubernetesStore({
      kubeconfig: cluster.kubeconfig,
      namespace: await newNamespace(cluster),
      clock: { now: () => Date.now() },
    })
    realm = await openRealm({ store, clock: fakeClock(new Date().toISOString()) })
    await realm.declare('Organization', 'acme', { displayName: 'Acme GmbH', domains: ['acme.example'] })
    await realm.declare('Role', 'editor', { organization: 'acme', allow: ['documents:*'] })
    const memberships = [{ organization: 'acme', roles: ['editor'] }]
    await realm.declare('User', 'alice', { email: 'Alice@acme.example', memberships })
    await realm.run()
    expect(realm.mailer.sent.map(mail => mail.subject)).toEqual(['invitation'])
    expect((await store.get('User', 'alice'))?.status).toMatchObject({ state: 'Invited' })

    await realm.clock.advance(HOUR)
    await realm.accept('acme', 'alice@acme.example')
    await realm.run()
    expect((await store.get('User', 'alice'))?.status).toMatchObject({ state: 'Active' })
    expect((await realm.membership('acme', 'alice@acme.example'))?.settled).toMatchObject({
      roles: ['editor'],
      permissions: ['documents:*'],
    })
    expect(realm.mailer.sent.map(mail => mail.subject)).toEqual(['invitation', 'welcome'])

    const before = await versions()
    await cluster.writes()
    await realm.runAll()
    expect(await versions()).toEqual(before)
    // Nothing is even asked for, but that the lease is renewed, and that the record is offered once more as it is.
    const writes = (await cluster.writes()).filter(write => write !== 'update leases/roster')
    expect(writes.filter(write => !write.startsWith('patch memberships/'))).toEqual([])
    expect(writes.length).toBeLessThanOrEqual(1)
    await realm.restart()
    await realm.runAll()
    expect(await versions()).toEqual(before)
    expect(realm.mailer.sent).toHaveLength(2)

    await realm.remove('User', 'alice')
    await realm.run()
    expect(await store.get('User', 'alice')).toBeUndefined()
    expect((await realm.membership('acme', 'alice@acme.example'))?.settled?.roles).toEqual([])
  }, 60_000)

  test('played on an overlay, as a plan does, writes nothing to the cluster', async () => {
    const namespace = await newNamespace(cluster)
    const open = (create: boolean) =>
      openKubernetesStore({ kubeconfig: cluster.kubeconfig, namespace, clock: { now: () => Date.now() }, create })
    const looking = await open(false)
    await expect(looking.info()).rejects.toThrow('holds no realm')
    await looking[Symbol.asyncDispose]()
    store = await open(true)
    await store.info()
    const clock = fakeClock(new Date().toISOString())
    await store.apply(userOf('bob'), { manager: 'source/people' })
    await cluster.writes()
    realm = await openRealm({ store: await overlayStore(store, { clock }), clock })
    await realm.declare('Organization', 'acme', { displayName: 'Acme GmbH', domains: ['acme.example'] })
    await realm.declare('Role', 'editor', { organization: 'acme', allow: ['documents:*'] })
    await realm.declare('User', 'bob', {
      email: 'bob@acme.example',
      memberships: [{ organization: 'acme', roles: ['editor'] }],
    })
    await realm.run()
    expect(realm.mailer.to('bob@acme.example')).toHaveLength(1)
    expect(await cluster.writes()).toEqual([])
  }, 60_000)
})
