import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { LeaseLostError } from '../../../src/store/errors.ts'
import { openKubernetesStore } from '../../../src/store/kubernetes/store.ts'
import type { HeldLease, ResourceStore } from '../../../src/store/store.ts'
import { userOf } from '../../contract/store.ts'
import { startCluster, type TestCluster } from '../../kube/apiserver.ts'
import { installCrds, newNamespace } from '../../kube/crds.ts'
import { type Holder, startHolder } from '../../kube/holder.ts'
import { startProxy, type TcpProxy } from '../../kube/tcpproxy.ts'
import { describeWith } from '../../parts.ts'

const TIMES = { duration: 3_000, deadline: 2_000, retry: 400 }
const never = new AbortController().signal
const it = { manager: 'local/it' }
const alice = { kind: 'User' as const, name: 'alice' }

describeWith('kube-apiserver', 'the lease of a realm in Kubernetes', () => {
  let cluster: TestCluster
  let proxy: TcpProxy
  let namespace: string
  /** Reaches the server through the proxy. */
  let far: ResourceStore
  let near: ResourceStore
  const cleanUp: (() => PromiseLike<unknown>)[] = []

  beforeAll(async () => {
    cluster = await startCluster()
    await installCrds(cluster)
  })
  afterAll(() => cluster[Symbol.asyncDispose]())
  afterEach(async () => {
    for (const each of cleanUp.splice(0).reverse()) await each()
  })

  const begin = async () => {
    proxy = await startProxy(cluster.port)
    namespace = await newNamespace(cluster)
    const open = (kubeconfig: string) =>
      openKubernetesStore({ kubeconfig, namespace, clock: { now: () => Date.now() }, leaseTimes: TIMES })
    far = await open(cluster.writeKubeconfig({ port: proxy.port }))
    near = await open(cluster.kubeconfig)
    cleanUp.push(
      () => proxy[Symbol.asyncDispose](),
      () => near[Symbol.asyncDispose](),
      () => far[Symbol.asyncDispose](),
    )
  }
  const lostAt = (held: HeldLease) =>
    new Promise<number>(resolve => held.lost.addEventListener('abort', () => resolve(performance.now())))
  const rawLease = async () =>
    (await cluster.ask('GET', `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/roster`)).body

  test('is a Lease as other controllers have it, renewed while it is held', async () => {
    await begin()
    const held = await near.lease.acquire({ holder: 'roster-0/1', signal: never })
    const { spec, metadata } = await rawLease()
    expect(spec).toMatchObject({ holderIdentity: 'roster-0/1', leaseDurationSeconds: 3, leaseTransitions: 0 })
    expect(spec.renewTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
    expect(metadata.annotations).toEqual({ 'roster.dev/epoch': String(held.epoch) })
    while ((await rawLease()).spec.renewTime === spec.renewTime) await sleep(50)
    expect(held.lost.aborted).toBe(false)
    await held.release()
    expect((await rawLease()).spec).toMatchObject({ holderIdentity: '' })
  })

  test('cut off from the server, its holder stops before another can begin', async () => {
    await begin()
    const held = await far.lease.acquire({ holder: 'far', signal: never })
    const lost = lostAt(held)
    proxy.hold()
    const next = await near.lease.acquire({ holder: 'near', signal: never })
    const taken = performance.now()
    expect(await lost).toBeLessThan(taken)
    expect(next.epoch).toBeGreaterThan(held.epoch)
    await expect(held.store.create(userOf('alice'), it)).rejects.toBeInstanceOf(LeaseLostError)
    expect(held.lost.reason).toBeInstanceOf(LeaseLostError)
  })

  test('a write that was on its way when the lease was lost overwrites nothing newer', async () => {
    await begin()
    const { metadata } = await near.create(userOf('alice'), it)
    const record = await near.create(
      { kind: 'Account', metadata: { name: 'a-ann' }, spec: { address: 'ann@acme.example', credentialVersion: 0 } },
      it,
    )
    const held = await far.lease.acquire({ holder: 'far', signal: never })
    // Connections are open, so that what follows is sent at once.
    await Promise.all(Array.from({ length: 6 }, () => held.store.get('User', 'alice')))
    proxy.hold()
    const account = { kind: 'Account' as const, name: 'a-ann' }
    const writes = [
      held.store.replace(
        { ...account, spec: { address: 'old@acme.example', credentialVersion: 1 } },
        { ifVersion: record.metadata.resourceVersion },
      ),
      held.store.setFinalizers(alice, ['old.example/x'], { ifVersion: metadata.resourceVersion }),
      held.store.delete(alice, { ifVersion: metadata.resourceVersion }),
    ]
    const outcomes = Promise.allSettled(writes)
    const next = await near.lease.acquire({ holder: 'near', signal: never })
    const newer = await next.store.apply(userOf('alice', { locale: 'de' }), it)
    const replaced = await next.store.replace(
      { ...account, spec: { address: 'new@acme.example', credentialVersion: 2 } },
      { ifVersion: record.metadata.resourceVersion },
    )
    proxy.release()
    for (const outcome of await outcomes) expect(outcome.status).toBe('rejected')
    await sleep(500)
    expect(await near.get('User', 'alice')).toEqual(newer.object)
    expect(await near.get('Account', 'a-ann')).toEqual(replaced)
  })

  test('deleted by somebody, it is lost, and no epoch comes back', async () => {
    await begin()
    const held = await near.lease.acquire({ holder: 'near', signal: never })
    const lost = lostAt(held)
    await cluster.ask('DELETE', `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/roster`)
    await lost
    await sleep(1_000)
    const next = await near.lease.acquire({ holder: 'near', signal: never })
    expect(next.epoch).toBeGreaterThan(held.epoch)
    await next.release()
  })

  describe('between processes', () => {
    const start = async (holder: string, leaseTimes = TIMES): Promise<Holder> => {
      const process = startHolder({ kubeconfig: cluster.kubeconfig, namespace, holder, leaseTimes })
      cleanUp.push(() => process.end())
      return process
    }

    test('that was paused past its lease, a process finds it lost when it wakes, and writes nothing', async () => {
      await begin()
      const first = await start('first')
      await first.said('held')
      first.signal('SIGSTOP')
      const held = await near.lease.acquire({ holder: 'near', signal: never })
      const mine = await held.store.create(userOf('alice'), it)
      first.signal('SIGCONT')
      first.tell('write')
      expect(await first.said('wrote|refused')).toBe('refused LeaseLostError')
      expect(await near.get('User', 'alice')).toEqual(mine)
      expect(held.lost.aborted).toBe(false)
      await held.release()
    })

    test('is taken after kill -9 within its duration and a retry, and after SIGTERM at once', async () => {
      await begin()
      const first = await start('first')
      await first.said('held')
      // Long enough that only a lease which was given back is taken in the time that is waited here.
      const second = await start('second', { ...TIMES, duration: 120_000, deadline: 90_000 })
      await second.said('waiting')
      first.signal('SIGKILL')
      const killed = performance.now()
      await second.said('held')
      expect(performance.now() - killed).toBeLessThan(TIMES.duration + 20_000)
      const third = await start('third')
      await third.said('waiting')
      second.signal('SIGTERM')
      const ended = performance.now()
      await third.said('held')
      expect(performance.now() - ended).toBeLessThan(30_000)
    })
  })
})
