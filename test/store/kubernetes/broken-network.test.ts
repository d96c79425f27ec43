import { existsSync, readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { KINDS } from '../../../src/api/names.ts'
import { systemClock } from '../../../src/app/system-clock.ts'
import { Informer } from '../../../src/runtime/informer.ts'
import { openKubernetesStore } from '../../../src/store/kubernetes/store.ts'
import type { ResourceStore } from '../../../src/store/store.ts'
import { userOf } from '../../contract/store.ts'
import { startCluster, type TestCluster } from '../../kube/apiserver.ts'
import { installCrds, newNamespace } from '../../kube/crds.ts'
import { startProxy, type TcpProxy } from '../../kube/tcpproxy.ts'
import { describeWith } from '../../parts.ts'

describeWith('kube-apiserver', 'a watch over a network that breaks', () => {
  let cluster: TestCluster
  let proxy: TcpProxy
  let direct: ResourceStore
  let informer: Informer
  let removed: string[]
  const cleanUp: (() => Promise<unknown> | unknown)[] = []

  beforeAll(async () => {
    cluster = await startCluster()
    await installCrds(cluster)
  })
  afterAll(() => cluster[Symbol.asyncDispose]())
  afterEach(async () => {
    for (const each of cleanUp.splice(0).reverse()) await each()
  })

  const it = { manager: 'local/it' }
  /** An informer that reaches the server through the proxy, and a store that reaches it without; one User is there. */
  const begin = async () => {
    proxy = await startProxy(cluster.port)
    const namespace = await newNamespace(cluster)
    const clock = systemClock()
    const open = (kubeconfig: string) => openKubernetesStore({ kubeconfig, namespace, clock })
    direct = await open(cluster.kubeconfig)
    const store = await open(cluster.writeKubeconfig({ port: proxy.port }))
    await direct.create(userOf('first'), it)
    informer = new Informer({ store, clock, random: Math.random, kinds: KINDS, indexes: {} })
    removed = []
    informer.onChange(change => {
      if (!change.after) removed.push(change.name)
    })
    await informer.start()
    await informer.caughtUp()
    cleanUp.push(
      () => proxy[Symbol.asyncDispose](),
      () => clock.stop(),
      () => direct[Symbol.asyncDispose](),
      () => store[Symbol.asyncDispose](),
      () => informer.stop(),
    )
  }
  /** Seconds until the informer knows what somebody else writes now. */
  const secondsUntilKnown = async (name: string) => {
    const begun = performance.now()
    await direct.create(userOf(name), it)
    while (!informer.cache.get('User', name)) await sleep(10)
    return (performance.now() - begun) / 1_000
  }
  const expectWhole = async () => {
    await informer.caughtUp()
    const { items } = await direct.list('User')
    expect([...informer.cache.list('User')].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))).toEqual(items)
    expect(removed).toEqual([])
  }

  test('knows at once, over one connection a kind', async () => {
    await begin()
    expect(await secondsUntilKnown('second')).toBeLessThan(1)
    expect(proxy.open).toBeLessThan(60)
    await expectWhole()
  })

  test.each(['reset', 'halfClose'] as const)('knows again within five seconds after a %s', async how => {
    await begin()
    proxy[how]()
    expect(await secondsUntilKnown('second')).toBeLessThan(5)
    proxy[how]()
    proxy[how]()
    expect(await secondsUntilKnown('third')).toBeLessThan(5)
    await expectWhole()
  })

  test('knows within 90 seconds when its connections went silent', async () => {
    await begin()
    proxy.silence()
    expect(await secondsUntilKnown('second')).toBeLessThan(60)
    await expectWhole()
  }, 90_000)

  test('knows within 90 seconds after a time in which nothing came through at all', async () => {
    await begin()
    proxy.hold()
    await direct.create(userOf('meanwhile'), it)
    await sleep(20_000)
    expect(informer.cache.get('User', 'meanwhile')).toBeUndefined()
    // Old connections are dead for good, as after a change of route.
    proxy.silence()
    proxy.release()
    expect(await secondsUntilKnown('second')).toBeLessThan(60)
    await expectWhole()
  }, 120_000)

  test('gets everything through a line that is slow', async () => {
    await begin()
    proxy.slow(100)
    expect(await secondsUntilKnown('second')).toBeLessThan(10)
    await expectWhole()
  }, 60_000)

  test('loses nothing while its connections end all the time, and leaves none behind', async () => {
    await begin()
    const files = openFiles()
    const breaking = setInterval(() => (Math.random() < 0.5 ? proxy.reset() : proxy.halfClose()), 150)
    try {
      for (let at = 0; at < 60; at++) {
        await direct.create(userOf(`u${at}`), it)
        if (at % 3 === 0) await direct.annotate({ kind: 'User', name: `u${at}` }, { note: String(at) }, it)
        await sleep(20)
      }
    } finally {
      clearInterval(breaking)
    }
    await expectWhole()
    expect(openFiles()).toBeLessThan(files + 40)
  }, 60_000)

  describe('and an API server', () => {
    test('that starts again is found again, and nothing is taken for deleted', async () => {
      await begin()
      await cluster.stopApiserver()
      await sleep(1_000)
      await cluster.startApiserver()
      expect(await secondsUntilKnown('second')).toBeLessThan(30)
      await expectWhole()
    }, 90_000)

    test('whose database goes away and comes back is waited for', async () => {
      await begin()
      await cluster.interruptEtcd(3_000)
      expect(await secondsUntilKnown('second')).toBeLessThan(30)
      await expectWhole()
    }, 90_000)
  })
})

/** Sockets and files of this process, and the proxy's too, which is in it. */
const openFiles = () => (existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0)
