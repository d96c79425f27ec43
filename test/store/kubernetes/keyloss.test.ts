import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { acceptKeyLoss, planKeyLoss } from '../../../src/app/keyloss.ts'
import { openRealm } from '../../../src/app/openrealm.ts'
import type { Realm } from '../../../src/app/realm.ts'
import { KeysLostError } from '../../../src/app/realmkeys.ts'
import { resolveSettings } from '../../../src/app/settings.ts'
import { beginKubernetesRestore } from '../../../src/store/kubernetes/restore.ts'
import { newRealm } from '../../e2e/cluster.ts'
import { startCluster, type TestCluster } from '../../kube/apiserver.ts'
import { installCrds } from '../../kube/crds.ts'
import { allow, RULES } from '../../kube/rights.ts'
import { describeWith } from '../../parts.ts'

describeWith('kube-apiserver', 'the keys of a realm in Kubernetes', () => {
  let cluster: TestCluster
  let folder: string
  let namespace: string
  beforeAll(async () => {
    cluster = await startCluster({ tokens: { 'token-of-a-reader': 'reader' } })
    await installCrds(cluster)
  })
  afterAll(() => cluster[Symbol.asyncDispose]())
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'roster-keyloss-'))
    namespace = await newRealm(cluster)
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  /** One life of a process. */
  const life = async <T>(act: (realm: Realm) => Promise<T>, token?: string): Promise<T> => {
    const kubeconfig = token === undefined ? cluster.kubeconfig : cluster.writeKubeconfig({ token })
    const flags = { kubernetes: true, kubeconfig, namespace, data: folder }
    const { settings } = resolveSettings({ flags, environment: {}, cwd: folder })
    await using realm = await openRealm({ settings, environment: {}, create: true })
    return await act(realm)
  }
  const secretPath = () => `/api/v1/namespaces/${namespace}/secrets/roster-keys`
  const realmPath = () => `/api/v1/namespaces/${namespace}/configmaps/roster-realm`
  const signing = (realm: Realm) => realm.keys().then(keys => keys.signing('link').secret.toString('hex'))

  test('are not made anew when their Secret was deleted, by run or by whoever opens passwords; put back, they work', async () => {
    const before = await life(signing)
    const kept = (await cluster.ask('GET', secretPath())).body
    await cluster.ask('DELETE', secretPath())
    const error = await life(signing).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(KeysLostError)
    expect((error as Error).message).toBe(
      `keys of this realm are gone from the Secret roster-keys in the namespace ${namespace}: link.1 is missing, form.1 is missing, fingerprint.1 is missing, credentials.1 is missing`,
    )
    await expect(life(realm => realm.credentials())).rejects.toBeInstanceOf(KeysLostError)
    expect((await cluster.ask('GET', secretPath())).code).toBe(404)
    const { resourceVersion: _v, uid: _u, ...metadata } = kept.metadata
    await cluster.ask('POST', `/api/v1/namespaces/${namespace}/secrets`, { ...kept, metadata })
    expect(await life(signing)).toBe(before)
  })

  test('are not made anew where the Secret was emptied by a rendering, or holds those of another realm', async () => {
    await life(signing)
    const { body } = await cluster.ask('GET', secretPath())
    await cluster.ask('PUT', secretPath(), { ...body, data: {} })
    await expect(life(signing)).rejects.toThrow('credentials.1 is missing')
    expect((await cluster.ask('GET', secretPath())).body.data).toBeUndefined()
    const other = await newRealm(cluster)
    const mine = namespace
    namespace = other
    await life(signing)
    const { data } = (await cluster.ask('GET', secretPath())).body
    namespace = mine
    const emptied = (await cluster.ask('GET', secretPath())).body
    await cluster.ask('PUT', secretPath(), { ...emptied, data })
    await expect(life(signing)).rejects.toThrow('credentials.1 is another one')
  })

  test('of a realm of an older release are noted in roster-realm at the first start, beside what is there', async () => {
    const before = await life(signing)
    const { body } = await cluster.ask('GET', realmPath())
    const { keys, ...data } = body.data
    expect(Object.keys(JSON.parse(keys))).toEqual(['credentials.1', 'fingerprint.1', 'form.1', 'link.1'])
    await cluster.ask('PUT', realmPath(), { ...body, data })
    expect(await life(signing)).toBe(before)
    expect((await cluster.ask('GET', realmPath())).body.data).toEqual({ ...data, keys })
  })

  test('are the same for replicas that start at once', async () => {
    const all = await Promise.all(Array.from({ length: 4 }, () => life(signing)))
    expect(new Set(all).size).toBe(1)
    expect(await life(planKeyLoss)).toEqual({ lost: [], dies: [] })
  })

  test('are read by somebody who may not note them', async () => {
    const before = await life(signing)
    const { body } = await cluster.ask('GET', realmPath())
    const { keys: _, ...data } = body.data
    await cluster.ask('PUT', realmPath(), { ...body, data })
    const looking = RULES.map(rule => ({ ...rule, verbs: rule.verbs.filter(verb => ['get', 'list'].includes(verb)) }))
    await allow(cluster, namespace, 'reader', [
      ...looking.filter(({ verbs }) => verbs.length > 0),
      { apiGroups: [''], resources: ['secrets'], resourceNames: ['roster-keys'], verbs: ['get'] },
    ])
    expect(await life(signing, 'token-of-a-reader')).toBe(before)
    expect((await cluster.ask('GET', realmPath())).body.data).toEqual(data)
  })

  test('are made anew by a restore into what is left of a realm, which remembers the old ones', async () => {
    const before = await life(signing)
    await cluster.ask('DELETE', secretPath())
    const { settings } = resolveSettings({
      flags: { kubernetes: true, kubeconfig: cluster.kubeconfig, namespace, data: folder },
      environment: {},
      cwd: folder,
    })
    {
      await using realm = await openRealm({ settings, environment: {}, create: true, restoring: true })
      await using restore = await beginKubernetesRestore({
        kubeconfig: cluster.kubeconfig,
        namespace,
        clock: realm.clock,
        backup: 'b',
        after: 1,
        holder: 'me',
        signal: new AbortController().signal,
      })
      await using _ = await realm.credentials()
      await restore.finish()
    }
    expect(await life(signing)).not.toBe(before)
    await cluster.ask('DELETE', secretPath())
    await expect(life(signing)).rejects.toBeInstanceOf(KeysLostError)
  })

  test('are made anew once their loss is accepted', async () => {
    const before = await life(signing)
    await cluster.ask('DELETE', secretPath())
    await life(async realm => {
      const loss = await planKeyLoss(realm)
      expect(loss.dies.map(({ what }) => what)).toContain('passwords and sessions')
      await acceptKeyLoss(realm, loss)
    })
    expect(await life(signing)).not.toBe(before)
  })
})
