import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { FINALIZER } from '../../../src/api/names.ts'
import { systemClock } from '../../../src/app/system-clock.ts'
import { Informer } from '../../../src/runtime/informer.ts'
import { ForbiddenError, KindMissingError } from '../../../src/store/kubernetes/errors.ts'
import { openKubernetesStore } from '../../../src/store/kubernetes/store.ts'
import type { ResourceStore } from '../../../src/store/store.ts'
import { accountOf, userOf } from '../../contract/store.ts'
import { startCluster, type TestCluster } from '../../kube/apiserver.ts'
import { installCrds, newNamespace } from '../../kube/crds.ts'
import { allow, RULES, type Rule } from '../../kube/rights.ts'
import { describeWith } from '../../parts.ts'

const it = { manager: 'local/it' }
const alice = { kind: 'User' as const, name: 'alice' }
const clock = { now: () => Date.now() }

describeWith('kube-apiserver', 'the rights of the store', () => {
  let cluster: TestCluster
  const stores: ResourceStore[] = []
  beforeAll(async () => {
    cluster = await startCluster({ tokens: { 'token-of-roster': 'roster' } })
  })
  afterAll(() => cluster[Symbol.asyncDispose]())
  afterEach(async () => {
    for (const store of stores.splice(0)) await store[Symbol.asyncDispose]()
  })

  const open = async (namespace: string, token?: string) => {
    const kubeconfig = cluster.writeKubeconfig(token === undefined ? {} : { token })
    const store = await openKubernetesStore({ kubeconfig, namespace, clock })
    stores.push(store)
    return store
  }
  /** A namespace with the ConfigMap that an administrator makes, and a store under exactly these rules. */
  const begin = async (rules: readonly Rule[]) => {
    const namespace = await newNamespace(cluster)
    await cluster.ask('POST', `/api/v1/namespaces/${namespace}/configmaps`, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'roster-realm' },
    })
    await allow(cluster, namespace, 'roster', rules)
    const store = await open(namespace, 'token-of-roster')
    return { namespace, store }
  }
  /** Everything that a store does, once. */
  const everything = async (store: ResourceStore) => {
    const { resourceVersion } = await store.info()
    await store.bind({ mail: 'folder:/srv/mail', publicUrl: 'https://people.acme.example' })
    const held = await store.lease.acquire({ holder: 'one', signal: new AbortController().signal })
    await held.reportIdle(resourceVersion)
    const mine = held.store
    const { object } = await mine.apply(userOf('alice'), it)
    const { metadata } = object
    await mine.patchStatus(alice, { state: 'Active' }, { ifUid: metadata.uid })
    const noted = await mine.annotate(alice, { note: 'x' }, it)
    const kept = await mine.setFinalizers(alice, [FINALIZER], { ifVersion: noted.metadata.resourceVersion })
    for (const time of ['2026-01-05T09:00:00.000Z', '2026-01-05T09:01:00.000Z'])
      await mine.events.record({ ref: alice, type: 'Normal', reason: 'Sent', message: 'mailed', time })
    await store.events.list()
    await mine.setFinalizers(alice, [], { ifVersion: kept?.metadata.resourceVersion ?? '' })
    const account = await mine.create(accountOf('a-ann'), it)
    await mine.replace(
      { kind: 'Account', name: 'a-ann', spec: accountOf('a-ann', 1).spec },
      { ifVersion: account.metadata.resourceVersion },
    )
    const stop = new AbortController()
    for await (const event of store.watch({ since: resourceVersion, kinds: ['User'], signal: stop.signal }))
      if (event.type !== 'BOOKMARK') stop.abort()
    await mine.delete(alice)
    await held.release()
  }

  test('without the definitions it says what is missing, and goes on when they come', async () => {
    const store = await open(await newNamespace(cluster))
    await expect(store.list('User')).rejects.toBeInstanceOf(KindMissingError)
    await expect(store.create(userOf('alice'), it)).rejects.toThrow('CustomResourceDefinitions')
    await installCrds(cluster)
    expect((await store.list('User')).items).toEqual([])
  })

  test('it needs exactly its rules: with them everything works', async () => {
    await installCrds(cluster)
    const { store } = await begin(RULES)
    await everything(store)
  })

  const cases = RULES.flatMap((rule, at) =>
    rule.verbs.map(verb => ({ at, verb, what: `${verb} ${rule.resources[0]}${rule.resourceNames ? ' by name' : ''}` })),
  )
  test.each(cases)('without $what it says which right is missing', async ({ at, verb }) => {
    await installCrds(cluster)
    const rules = RULES.map((rule, index) =>
      index === at ? { ...rule, verbs: rule.verbs.filter(one => one !== verb) } : rule,
    ).filter(rule => rule.verbs.length > 0)
    const { store, namespace } = await begin(rules)
    const error = await everything(store).then(
      () => undefined,
      error => error as Error,
    )
    expect(error).toBeInstanceOf(ForbiddenError)
    expect(error?.message).toContain(`cannot ${verb} resource`)
    const { missing } = store.rights
    expect(missing.map(right => ({ verb: right.verb, namespace: right.namespace }))).toEqual([{ verb, namespace }])
    expect(RULES[at]?.resources).toContain(missing[0]?.resource)
    await allow(cluster, namespace, 'roster', RULES)
    await vi.waitFor(
      async () => {
        await store.rights.ask()
        expect(store.rights.missing).toEqual([])
      },
      { timeout: 20_000 },
    )
  })

  test('taken away and given back, a watch goes on without a restart and nothing is taken for deleted', async () => {
    await installCrds(cluster)
    const { store, namespace } = await begin(RULES)
    const admin = await open(namespace)
    await admin.create(userOf('first'), it)
    const realClock = systemClock()
    const broken: unknown[] = []
    const informer = new Informer({
      store,
      clock: realClock,
      random: Math.random,
      kinds: ['User'],
      observer: { watchBroken: ({ error }) => void broken.push(error) },
    })
    const removed: string[] = []
    informer.onChange(change => {
      if (!change.after) removed.push(change.name)
    })
    await informer.start()
    try {
      await allow(cluster, namespace, 'roster', [])
      // A watch that stands is not asked again; its next bookmark is.
      await admin.create(userOf('second'), it)
      await vi.waitFor(() => expect(broken.at(-1)).toBeInstanceOf(ForbiddenError), { timeout: 20_000 })
      await admin.create(userOf('third'), it)
      await sleep(500)
      await allow(cluster, namespace, 'roster', RULES)
      await vi.waitFor(() => expect(informer.cache.get('User', 'third')).toBeDefined(), { timeout: 20_000 })
      expect(removed).toEqual([])
      expect(informer.cache.count('User')).toBe(3)
    } finally {
      await informer.stop()
      realClock.stop()
    }
  })
})
