import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import {
  SecretConflictError,
  SecretForbiddenError,
  SecretNotFoundError,
  type SecretObjects,
  SecretRefusedError,
} from '../../../src/ports/secretobjects.ts'
import { type ClusterStore, openKubernetesStore } from '../../../src/store/kubernetes/store.ts'
import { startCluster, type TestCluster } from '../../kube/apiserver.ts'
import { newNamespace } from '../../kube/crds.ts'
import { allow } from '../../kube/rights.ts'
import { describeWith } from '../../parts.ts'

const VERBS = ['get', 'create', 'update', 'delete']
const text = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString()

describeWith('kube-apiserver', 'the Secrets of a namespace', () => {
  let cluster: TestCluster
  const stores: ClusterStore[] = []
  beforeAll(async () => {
    cluster = await startCluster({ tokens: { 'token-of-roster': 'roster' } })
  })
  afterAll(() => cluster[Symbol.asyncDispose]())
  afterEach(async () => {
    for (const store of stores.splice(0)) await store[Symbol.asyncDispose]()
  })

  const begin = async (verbs: string[]) => {
    const namespace = await newNamespace(cluster)
    await allow(cluster, namespace, 'roster', [{ apiGroups: [''], resources: ['secrets'], verbs }])
    const kubeconfig = cluster.writeKubeconfig({ token: 'token-of-roster' })
    const store = await openKubernetesStore({ kubeconfig, namespace, clock: { now: () => Date.now() } })
    stores.push(store)
    return { namespace, store, secrets: store.secrets() }
  }
  const everything = async (secrets: SecretObjects) => {
    const made = await secrets.create('one', { a: 'ä', b: new Uint8Array([0, 255]) })
    expect(text((await secrets.get('one'))?.data.a)).toBe('ä')
    await secrets.replace('one', { a: 'new' }, { ifVersion: made.version })
    await secrets.delete('one')
    expect(await secrets.get('one')).toBeUndefined()
  }

  test('get, create, update and delete are all the rights that it takes', async () => {
    const { namespace, store, secrets } = await begin(VERBS)
    expect(store.place).toEqual({ server: cluster.server, namespace })
    await everything(secrets)
    await secrets.delete('one')
  })

  test.each(VERBS)('without %s it says which right is missing, and where', async verb => {
    const { namespace, secrets } = await begin(VERBS.filter(one => one !== verb))
    const error = await everything(secrets).catch((error: unknown) => error as Error)
    expect(error).toBeInstanceOf(SecretForbiddenError)
    expect(error?.message).toContain(`the right to ${verb} the Secret one in the namespace ${namespace} is missing`)
  })

  test('of two writers that read the same version one wins, and the other changes nothing', async () => {
    const { secrets } = await begin(VERBS)
    const { version } = await secrets.create('one', { a: '0' })
    const both = await Promise.allSettled(['1', '2'].map(a => secrets.replace('one', { a }, { ifVersion: version })))
    const lost = both.flatMap(each => (each.status === 'rejected' ? [each.reason] : []))
    expect(lost).toHaveLength(1)
    expect(lost[0]).toBeInstanceOf(SecretConflictError)
    const won = both.findIndex(each => each.status === 'fulfilled')
    expect(text((await secrets.get('one'))?.data.a)).toBe(String(won + 1))
    await expect(secrets.delete('one', { ifVersion: version })).rejects.toBeInstanceOf(SecretConflictError)
    await expect(secrets.create('one', {})).rejects.toBeInstanceOf(SecretConflictError)
  })

  test('labels, annotations and type of others outlive a replacement, and old keys do not', async () => {
    const { namespace, secrets } = await begin(VERBS)
    const annotations = { 'helm.sh/resource-policy': 'keep' }
    await cluster.ask('POST', `/api/v1/namespaces/${namespace}/secrets`, {
      metadata: { name: 'one', annotations, labels: { app: 'roster' } },
      type: 'acme.example/own',
      stringData: { old: 'x' },
    })
    const before = await secrets.get('one')
    expect(before?.annotations).toEqual(annotations)
    const after = await secrets.replace('one', { a: '1' }, { ifVersion: before?.version ?? '' })
    expect(Object.keys(after.data)).toEqual(['a'])
    const { body } = await cluster.ask('GET', `/api/v1/namespaces/${namespace}/secrets/one`)
    expect(body).toMatchObject({ type: 'acme.example/own', metadata: { annotations, labels: { app: 'roster' } } })
  })

  test.each(['', '..', '.', 'a/b', 'a?b', 'A', '../configmaps/roster-realm', 'one\n'])(
    'the name %j never becomes another path of the API',
    async name => {
      // With every right there is: only the name can be what is refused.
      const kubeconfig = cluster.writeKubeconfig()
      const store = await openKubernetesStore({ kubeconfig, namespace: 'default', clock: { now: () => Date.now() } })
      stores.push(store)
      await expect(store.secrets().get(name)).rejects.toBeInstanceOf(SecretRefusedError)
      await expect(store.secrets().delete(name)).rejects.toBeInstanceOf(SecretRefusedError)
    },
  )

  test('what is not there is named, and what is refused quotes no value', async () => {
    const { namespace, secrets } = await begin(VERBS)
    await expect(secrets.replace('none', {}, { ifVersion: '1' })).rejects.toThrow(
      `there is no Secret none in the namespace ${namespace}`,
    )
    await expect(secrets.replace('none', {}, { ifVersion: '1' })).rejects.toBeInstanceOf(SecretNotFoundError)
    const value = 'hunter2'.repeat(200_000)
    const error = await secrets.create('large', { a: value }).catch((error: unknown) => error as Error)
    expect(error).toBeInstanceOf(SecretRefusedError)
    expect(String((error as Error).stack)).not.toMatch(/hunter2|aHVudGVy/)
  })
})
