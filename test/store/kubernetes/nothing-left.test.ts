import { existsSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openKubernetesStore } from '../../../src/store/kubernetes/store.ts'
import { userOf } from '../../contract/store.ts'
import { startCluster, type TestCluster } from '../../kube/apiserver.ts'
import { installCrds, newNamespace } from '../../kube/crds.ts'
import { startFollower } from '../../kube/follower.ts'
import { startProxy } from '../../kube/tcpproxy.ts'
import { describeWith } from '../../parts.ts'

const REQUESTS = 25_000
const BREAKS = 50
const it = { manager: 'local/it' }

describeWith('kube-apiserver', 'a process that follows a cluster', () => {
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await startCluster()
    await installCrds(cluster)
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  test.skipIf(!existsSync('/proc/self/fd'))(
    `holds no more files, timers and memory after ${REQUESTS} requests and ${BREAKS} broken watches`,
    async () => {
      const namespace = await newNamespace(cluster)
      await using proxy = await startProxy(cluster.port)
      await using direct = await openKubernetesStore({
        kubeconfig: cluster.kubeconfig,
        namespace,
        clock: { now: () => Date.now() },
      })
      await using follower = await startFollower({
        kubeconfig: cluster.writeKubeconfig({ port: proxy.port }),
        namespace,
      })
      let breaks = 0
      const broken = async () => {
        breaks += 1
        if (breaks % 2 === 0) proxy.reset()
        else proxy.halfClose()
        await direct.create(userOf(`after${breaks}`), it)
        await follower.knows(`after${breaks}`)
      }
      // Once everything was done that is done for the first time.
      await follower.ask(2_000)
      for (let at = 0; at < 5; at++) await broken()
      await follower.ask(500)
      const before = await follower.held()

      const rounds = 10
      for (let round = 0; round < rounds; round++) {
        expect(await follower.ask(REQUESTS / rounds)).toBe(REQUESTS / rounds)
        for (let at = 0; at < BREAKS / rounds; at++) await broken()
      }
      await follower.ask(500)
      const after = await follower.held()
      // Connections in waiting come and go: at most one for each of the 16 requests at a time.
      expect(after.descriptors).toBeLessThan(before.descriptors + 20)
      expect(after.resources).toBeLessThan(before.resources + 40)
      // Half a kilobyte a request, or 200 a broken connection, would be more.
      expect(after.heap - before.heap).toBeLessThan(12_000_000)
      expect(after.warnings).toEqual([])
    },
    500_000,
  )
})
