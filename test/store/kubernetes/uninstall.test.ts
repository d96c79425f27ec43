import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { FINALIZER } from '../../../src/api/names.ts'
import { planUninstall, uninstallUnderLease } from '../../../src/app/uninstalling.ts'
import { openKubernetesStore } from '../../../src/store/kubernetes/store.ts'
import type { ResourceStore } from '../../../src/store/store.ts'
import { accountOf, userOf } from '../../contract/store.ts'
import { startCluster, type TestCluster } from '../../kube/apiserver.ts'
import { definitions, installCrds, newNamespace } from '../../kube/crds.ts'
import { allow, RULES } from '../../kube/rights.ts'
import { describeWith } from '../../parts.ts'

describeWith('kube-apiserver', 'leaving a cluster', () => {
  let cluster: TestCluster
  let store: ResourceStore
  beforeAll(async () => {
    cluster = await startCluster({ tokens: { 'token-of-roster': 'roster' } })
    await installCrds(cluster)
  })
  afterAll(() => cluster[Symbol.asyncDispose]())
  afterEach(() => store[Symbol.asyncDispose]())

  const signal = new AbortController().signal
  const open = async (rules = RULES, others: string[] = []) => {
    const namespace = await newNamespace(cluster)
    await allow(cluster, namespace, 'roster', rules)
    const kubeconfig = cluster.writeKubeconfig({ token: 'token-of-roster' })
    store = await openKubernetesStore({ kubeconfig, namespace, clock: { now: () => Date.now() } })
    const admin = await openKubernetesStore({
      kubeconfig: cluster.kubeconfig,
      namespace,
      clock: { now: () => Date.now() },
    })
    for (const name of ['alice', 'bob', 'eve'])
      await admin.create(userOf(name), { manager: 'source/people', finalizers: [FINALIZER] })
    await admin.create(userOf('carol'), { manager: 'source/people', finalizers: [FINALIZER, ...others] })
    await admin.create(accountOf('a-ann'), { manager: 'controller' })
    await admin.delete({ kind: 'User', name: 'bob' })
    await admin[Symbol.asyncDispose]()
    return namespace
  }
  const leave = async (beside = false) =>
    uninstallUnderLease({ store, plan: await planUninstall(store), holder: 'me', beside, signal })

  test('is refused while a controller runs, unless told otherwise', async () => {
    await open()
    const held = await store.lease.acquire({ holder: 'pod-1', signal })
    await expect(leave()).rejects.toThrow('a controller runs here (pod-1)')
    expect((await store.get('User', 'alice'))?.metadata.finalizers).toEqual([FINALIZER])
    expect((await leave(true)).released).toBe(5)
    await held.release()
  })

  test('tells what it could not change, and goes on when it can', async () => {
    const namespace = await open(
      RULES.map(rule => ({ ...rule, verbs: rule.verbs.filter(verb => verb !== 'patch') })).filter(
        ({ verbs }) => verbs.length > 0,
      ),
    )
    const { released, failures } = await leave()
    expect(released).toBe(0)
    expect(failures.map(({ ref }) => ref.name).sort()).toEqual(['a-ann', 'alice', 'bob', 'carol', 'eve'])
    expect(failures[0]?.error.message).toContain('cannot patch resource')
    await allow(cluster, namespace, 'roster', RULES)
    await vi.waitFor(async () => expect((await leave()).failures).toEqual([]), { timeout: 10_000 })
  })

  test('leaves nothing that cannot be deleted', async () => {
    await open(RULES, ['other.example/hold'])
    await cluster.writes()
    expect(await planUninstall(store)).toMatchObject({ going: [{ name: 'bob' }] })
    expect(await leave()).toEqual({ released: 5, failures: [] })
    expect(await leave()).toEqual({ released: 0, failures: [] })
    expect((await cluster.writes()).filter(write => !write.includes('leases')).sort()).toEqual(
      ['accounts/a-ann', ...['alice', 'bob', 'carol', 'eve'].map(name => `users/${name}`)].map(name => `patch ${name}`),
    )
    expect((await store.list('User')).items.map(({ metadata }) => metadata.name)).toEqual(['alice', 'carol', 'eve'])
    const carol = await store.get('User', 'carol')
    expect(carol?.metadata.finalizers).toEqual(['other.example/hold'])
    const ifVersion = carol?.metadata.resourceVersion ?? ''
    await store.setFinalizers({ kind: 'User', name: 'carol' }, [], { ifVersion })
    await store.delete({ kind: 'User', name: 'alice' })
    expect(await store.get('User', 'alice')).toBeUndefined()
    const path = (name: string) => `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`
    for (const { metadata } of definitions()) await cluster.ask('DELETE', path(metadata.name))
    await vi.waitFor(
      async () => {
        for (const { metadata } of definitions()) expect((await cluster.ask('GET', path(metadata.name))).code).toBe(404)
      },
      { timeout: 25_000, interval: 200 },
    )
  }, 60_000)
})
