import { afterAll, beforeAll } from 'vitest'
import { openKubernetesStore } from '../../../src/store/kubernetes/store.ts'
import { describeStore } from '../../contract/store.ts'
import { startCluster, type TestCluster } from '../../kube/apiserver.ts'
import { installCrds, newNamespace } from '../../kube/crds.ts'
import { describeWith } from '../../parts.ts'

describeWith('kube-apiserver', 'the Kubernetes store', () => {
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await startCluster()
    await installCrds(cluster)
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  describeStore('keeps every promise of a store on a real API server', async () => {
    const namespace = await newNamespace(cluster)
    const open = () =>
      openKubernetesStore({
        kubeconfig: cluster.kubeconfig,
        namespace,
        clock: { now: () => Date.now() },
        idleBookmarks: 1_000,
        leaseTimes: { duration: 15_000, deadline: 10_000, retry: 200 },
      })
    const store = await open()
    const others: Awaited<ReturnType<typeof open>>[] = []
    return {
      store,
      shared: true,
      another: async () => {
        const other = await open()
        others.push(other)
        return other
      },
      // The API server's memory of changes begins when it starts.
      compact: async () => '1',
      close: async () => {
        for (const other of [store, ...others]) await other[Symbol.asyncDispose]()
      },
    }
  })
})
