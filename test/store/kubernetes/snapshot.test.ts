import { afterAll, beforeAll, expect, test } from 'vitest'
import { snapshotKubernetes } from '../../../src/store/kubernetes/snapshot.ts'
import { openKubernetesStore } from '../../../src/store/kubernetes/store.ts'
import { accountOf, userOf } from '../../contract/store.ts'
import { startCluster, type TestCluster } from '../../kube/apiserver.ts'
import { installCrds, newNamespace } from '../../kube/crds.ts'
import { describeWith } from '../../parts.ts'

describeWith('kube-apiserver', 'the snapshot of a namespace', () => {
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await startCluster()
    await installCrds(cluster)
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  test('is of one moment, over all kinds and pages, while others write', async () => {
    const clock = { now: () => Date.now() }
    const where = { kubeconfig: cluster.kubeconfig, namespace: await newNamespace(cluster), clock }
    await using store = await openKubernetesStore(where)
    await store.info()
    const names = Array.from({ length: 1_203 }, (_, at) => `user-${String(at).padStart(4, '0')}`)
    await Promise.all(names.map(name => store.apply(userOf(name), { manager: 'source/people' })))
    await store.create(accountOf('a-before'), { manager: 'controller' })

    using snapshot = await snapshotKubernetes({ ...where, now: () => Date.now() })
    await store.create(accountOf('a-after'), { manager: 'controller' })
    const found: string[] = []
    for await (const { object, owners } of snapshot.objects('User')) {
      found.push(object.metadata.name)
      expect(owners).toContainEqual({ field: 'spec.email', manager: 'source/people' })
      if (found.length !== 1) continue
      // Of the last page, which is not read yet.
      await store.delete({ kind: 'User', name: 'user-1202' })
      await store.apply(userOf('user-1201a'), { manager: 'source/people' })
    }
    expect(found).toEqual(names)
    const accounts: string[] = []
    for await (const { object } of snapshot.objects('Account')) accounts.push(object.metadata.name)
    expect(accounts).toEqual(['a-before'])
  }, 60_000)
})
