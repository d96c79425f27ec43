import { tmpdir } from 'node:os'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { storedSecretFingerprint } from '../../../src/accounts/keysecret.ts'
import { clusterSecretReader } from '../../../src/app/clustersecrets.ts'
import { openRealm } from '../../../src/app/openrealm.ts'
import { resolveSettings } from '../../../src/app/settings.ts'
import { type ClusterStore, openKubernetesStore } from '../../../src/store/kubernetes/store.ts'
import { testFolder } from '../../accounts/folder.ts'
import { startCluster, type TestCluster } from '../../kube/apiserver.ts'
import { newNamespace } from '../../kube/crds.ts'
import { allow } from '../../kube/rights.ts'
import { describeWith } from '../../parts.ts'

describeWith('kube-apiserver', 'a secret of a cluster', () => {
  let cluster: TestCluster
  let store: ClusterStore
  let namespace = ''
  beforeAll(async () => {
    cluster = await startCluster({ tokens: { 'token-of-roster': 'roster' } })
    namespace = await newNamespace(cluster)
    const secrets = (resourceNames: string[]) => [
      { apiGroups: [''], resources: ['secrets'], resourceNames, verbs: ['get'] },
    ]
    await allow(cluster, namespace, 'roster', secrets(['okta', 'bare', 'mail', 'none']))
    const make = (name: string, annotations: Record<string, string>) =>
      cluster.ask('POST', `/api/v1/namespaces/${namespace}/secrets`, {
        metadata: { name, annotations },
        stringData: { token: 'canary\n', empty: '' },
      })
    await make('okta', {
      'roster.dev/used-by': 'directory/okta, source/people',
      'roster.dev/hosts': 'a.example b.example',
    })
    for (const name of ['bare', 'mail', 'hidden']) await make(name, {})
    const kubeconfig = cluster.writeKubeconfig({ token: 'token-of-roster' })
    store = await openKubernetesStore({ kubeconfig, namespace, clock: { now: () => Date.now() } })
  })
  afterAll(async () => {
    await store[Symbol.asyncDispose]()
    await cluster[Symbol.asyncDispose]()
  })
  const read = (name: string, key: string, audience: string) =>
    clusterSecretReader({ objects: store.secrets(), own: ['mail'] }).read({ name, key }, audience)

  test('is given to an audience that it names, with its hosts, and does not print', async () => {
    const secret = await read('okta', 'token', 'source/people')
    expect(secret).toMatchObject({ value: 'canary', hosts: ['a.example', 'b.example'] })
    expect(JSON.stringify({ secret })).not.toContain('canary')
  })

  test.each([
    ['bare', 'token', 'directory/okta', 'SecretAudience', 'secret bare roster.dev/used-by=directory/okta`'],
    ['okta', 'token', 'directory/x', 'SecretAudience', 'roster.dev/used-by=directory/okta,source/people,directory/x`'],
    ['okta', 'constructor', 'directory/okta', 'SecretNotFound', 'has no key "constructor"'],
    ['okta', 'empty', 'directory/okta', 'SecretNotFound', 'has no key "empty"'],
    ['none', 'token', 'directory/okta', 'SecretNotFound', 'there is no Secret none'],
    ['hidden', 'token', 'directory/okta', 'SecretNotFound', 'add hidden to the value secrets.names'],
    ['../configmaps', 'token', 'directory/okta', 'SecretNotFound', 'a name that no secret can have'],
    ['mail', 'token', 'directory/okta', 'SecretAudience', "the controller's own"],
  ])('%s/%s is not given to %s, and the error says what to do', async (name, key, audience, reason, words) => {
    const error = await read(name, key, audience).catch((error: unknown) => error as Error)
    expect(error).toMatchObject({ reason, message: expect.stringContaining(words) })
    expect((error as Error).message).not.toContain('canary')
  })

  test('with the keys of the realm gives no fingerprint to who may not read it, as if none was made', async () => {
    expect(await storedSecretFingerprint({ objects: store.secrets(), name: 'roster-keys' })).toBeUndefined()
  })

  test('with the keys of the realm is given to no resource, whatever its annotations say', async () => {
    const name = 'roster-keys'
    await cluster.ask('POST', `/api/v1/namespaces/${namespace}/secrets`, {
      metadata: { name, annotations: { 'roster.dev/used-by': 'directory/okta' } },
      stringData: { 'link.1': 'canary' },
    })
    const { settings } = resolveSettings({
      flags: { kubernetes: true, kubeconfig: cluster.kubeconfig, namespace, data: testFolder() },
      environment: {},
      cwd: tmpdir(),
    })
    await using realm = await openRealm({ settings, environment: {}, create: true })
    await expect(realm.secrets.read({ name, key: 'link.1' }, 'directory/okta')).rejects.toThrow("the controller's own")
  })

  test("the controller's own needs no audience", async () => {
    expect(await read('mail', 'token', 'mail')).toMatchObject({ value: 'canary', hosts: [] })
  })
})
