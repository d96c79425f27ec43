import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { openCredentials } from '../../../src/accounts/credentials.ts'
import { ANNOTATIONS, KINDS, RECORD_KINDS } from '../../../src/api/names.ts'
import { backUp, restoreBackup } from '../../../src/app/backing-up.ts'
import { backUpCluster, restoreCluster } from '../../../src/app/backup/cluster.ts'
import { planUninstall, uninstallUnderLease } from '../../../src/app/uninstalling.ts'
import { reconcilersOf } from '../../../src/app/world.ts'
import { accountName } from '../../../src/decide/record-names.ts'
import type { CredentialStore } from '../../../src/ports/credentials.ts'
import { openEmbeddedStore } from '../../../src/store/embedded/store.ts'
import { openKubernetesStore } from '../../../src/store/kubernetes/store.ts'
import type { ResourceStore } from '../../../src/store/store.ts'
import { renderedRules } from '../../chart/role.ts'
import { type FakeClock, fakeClock } from '../../fakes/clock.ts'
import { HOUR, openRealm, type Realm } from '../../fakes/realm.ts'
import { startCluster, type TestCluster } from '../../kube/apiserver.ts'
import { installCrds, newNamespace } from '../../kube/crds.ts'
import { allow, type Rule } from '../../kube/rights.ts'
import { describeWith } from '../../parts.ts'

const TIME = '2026-01-05T09:00:00Z'
describeWith('kube-apiserver', 'the backup of a realm', () => {
  let cluster: TestCluster
  let rules: readonly Rule[]
  let folder: string
  let closing: AsyncDisposableStack
  beforeAll(async () => {
    cluster = await startCluster({ tokens: { 'token-of-roster': 'roster' } })
    await installCrds(cluster)
    rules = renderedRules()
  })
  afterAll(() => cluster[Symbol.asyncDispose]())
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'roster-moving-'))
    closing = new AsyncDisposableStack()
  })
  afterEach(async () => {
    await closing.disposeAsync()
    rmSync(folder, { recursive: true })
  })

  const at = (...names: string[]) => join(folder, ...names)
  /** A namespace under exactly the rights that the chart gives to Roster. */
  const place = async () => {
    const namespace = await newNamespace(cluster)
    await cluster.ask('POST', `/api/v1/namespaces/${namespace}/configmaps`, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'roster-realm' },
    })
    await allow(cluster, namespace, 'roster', rules)
    const kubeconfig = cluster.writeKubeconfig({ token: 'token-of-roster' })
    return { kubeconfig, namespace, clock: { now: () => Date.now() } }
  }
  type Place = Awaited<ReturnType<typeof place>>
  const openCluster = async (where: Place) => closing.use(await openKubernetesStore(where))
  const openFolder = async (name: string, clock: FakeClock) =>
    closing.use(await openEmbeddedStore({ folder: at(name), clock, leaseDuration: 1e12 }))
  const credentialsAt = (name: string): CredentialStore => closing.use(openCredentials(at(name, 'credentials.sqlite')))
  const loop = async (store: ResourceStore, clock: FakeClock): Promise<Realm> =>
    closing.use(await openRealm({ store, clock, reconcilers: reconcilersOf }))

  /** People who joined, declined, let a link expire, wait for a seat, came by a group, were suspended, invited by hand; fields of several managers. */
  const story = async (store: ResourceStore, credentials: CredentialStore, clock: FakeClock) => {
    const realm = await loop(store, clock)
    await realm.declare('Organization', 'acme', {
      displayName: 'Acme GmbH',
      domains: ['acme.example'],
      invitations: { maxAttempts: 1 },
    })
    for (const role of ['editor', 'viewer'])
      await realm.declare('Role', role, { organization: 'acme', allow: ['documents:*'] })
    await realm.declare('Group', 'platform', { organization: 'acme', members: ['ben'], roles: ['viewer'] })
    await realm.declare('LicensePool', 'suite', {
      organization: 'acme',
      product: 'CloudHub',
      seats: 2,
      selector: { roles: ['editor', 'viewer'] },
    })
    const memberships = [{ organization: 'acme', roles: ['editor'] }]
    for (const name of ['alice', 'dora', 'eve', 'gina'])
      await realm.declare('User', name, { email: `${name}@acme.example`, memberships })
    await realm.declare('User', 'ben', { email: 'ben@acme.example', memberships: [{ organization: 'acme' }] })
    // The older is the one with the greater name.
    await realm.declare('User', 'zoe', { email: 'zoe@acme.example', memberships })
    await realm.declare('Invitation', 'carol', {
      organization: 'acme',
      email: 'carol@partner.example',
      roles: ['viewer'],
    })
    await realm.run()
    await new Promise(resolve => setTimeout(resolve, 1_100))
    await clock.advance(HOUR)
    await realm.declare('User', 'adam', { email: 'adam@acme.example', aliases: ['zoe@acme.example'], memberships })
    for (const who of ['alice@acme.example', 'ben@acme.example', 'carol@partner.example']) {
      await realm.accept('acme', who)
      const name = accountName(who)
      await credentials.insertPassword(name, `hash of ${who}`)
      await store.create(
        { kind: 'Account', metadata: { name }, spec: { address: who, credentialVersion: 1 } },
        { manager: 'controller' },
      )
    }
    await realm.portal('acme', 'dora@acme.example', spec => ({
      ...spec,
      declined: { time: new Date(clock.now()).toISOString(), attempt: 1, reported: false },
    }))
    await store.apply(
      {
        apiVersion: 'roster.dev/v1alpha1',
        kind: 'User',
        metadata: { name: 'gina' },
        spec: { suspended: true },
      } as never,
      { manager: 'local/ann' },
    )
    await store.annotate({ kind: 'User', name: 'gina' }, { [ANNOTATIONS.requestedAt]: 'now' }, { manager: 'local/bea' })
    await realm.run()
    await realm.pass(30 * HOUR)
    expect((await store.get('User', 'adam'))?.status?.conditions).toContainEqual(
      expect.objectContaining({ reason: 'DuplicateDeclared' }),
    )
    await realm[Symbol.asyncDispose]()
  }

  /** Everything, with names in the place of uids, without what is of one store or of one moment. */
  const everything = async (store: ResourceStore) => {
    const names = new Map<string, string>()
    const all: Record<string, unknown> = {}
    for (const kind of KINDS)
      for (const { metadata } of (await store.list(kind)).items)
        names.set(metadata.uid, `<uid of ${kind} ${metadata.name}>`)
    const named = (value: unknown) => {
      let text = JSON.stringify(value)
      for (const [uid, name] of names) text = text.replaceAll(uid, name)
      return JSON.parse(text)
    }
    for (const kind of KINDS)
      for (const object of (await store.list(kind)).items) {
        const { name, labels, annotations, finalizers } = object.metadata
        all[`${kind}/${name}`] = named({
          labels,
          annotations,
          finalizers,
          spec: object.spec,
          status: JSON.parse(
            JSON.stringify(object.status ?? null, (key, value) =>
              ['lastTransitionTime', 'observedGeneration'].includes(key) ? undefined : value,
            ),
          ),
          owners: await store.owners({ kind, name }),
        })
      }
    return all
  }

  /** Runs the loop over a restored realm: nothing happens, and everything is as it was. */
  const expectSame = async (store: ResourceStore, before: Awaited<ReturnType<typeof everything>>, clock: FakeClock) => {
    const records = async () => {
      const versions: Record<string, string> = {}
      for (const kind of RECORD_KINDS)
        for (const { metadata } of (await store.list(kind)).items)
          versions[`${kind}/${metadata.name}`] = metadata.resourceVersion
      return versions
    }
    const untouched = await records()
    const realm = await loop(store, clock)
    await realm.run()
    await realm.pass(HOUR / 2)
    expect(realm.mailer.sent).toEqual([])
    expect(realm.audit.lines).toEqual([])
    expect(await records()).toEqual(untouched)
    expect(await everything(store)).toEqual(before)
    await realm[Symbol.asyncDispose]()
  }

  test('of Kubernetes comes back in another namespace and in a folder: nothing happens, and nothing differs', async () => {
    const from = await place()
    const clock = fakeClock(new Date().toISOString())
    const store = await openCluster(from)
    const credentials = credentialsAt('old')
    await story(store, credentials, clock)
    const before = await everything(store)
    const old = await store.info()
    await credentials.createSession({
      hash: 'a session',
      account: 'a-x',
      credentialVersion: 1,
      created: TIME,
      lastSeen: TIME,
      expires: '2030-01-01T00:00:00Z',
      storeEpoch: old.epoch,
    })
    const written = await backUpCluster({ cluster: from, credentials, file: at('acme.tar'), time: TIME })
    expect(written.counts).toMatchObject({ User: 8, Invitation: expect.any(Number) })
    expect(written.credentials).toBe(3)
    expect(statSync(at('acme.tar')).mode & 0o777).toBe(0o600)

    const to = await place()
    const fresh = credentialsAt('new')
    const restore = () =>
      restoreCluster({
        cluster: to,
        credentials: fresh,
        file: at('acme.tar'),
        holder: 'restore',
        signal: new AbortController().signal,
      })
    const info = await restore()
    expect(info.epoch).toBe(old.epoch + 1)
    expect(info.realm).not.toBe(old.realm)
    expect(await fresh.passwordHash(accountName('alice@acme.example'))).toBe('hash of alice@acme.example')
    expect(await fresh.session('a session')).toBeUndefined()
    const restored = await openCluster(to)
    await expectSame(restored, before, clock)
    await expect(restore()).rejects.toThrow('is not empty')

    const embedded = await restoreBackup(at('acme.tar'), at('embedded'))
    expect(embedded).toMatchObject({ epoch: old.epoch + 1, time: TIME })
    await expectSame(await openFolder('embedded', clock), before, clock)
    expect(await credentialsAt('embedded').passwordHash(accountName('ben@acme.example'))).toBe(
      'hash of ben@acme.example',
    )
  }, 180_000)

  test('of a folder comes back in a namespace', async () => {
    const clock = fakeClock(new Date().toISOString())
    const store = await openFolder('data', clock)
    await story(store, credentialsAt('data'), clock)
    const before = await everything(store)
    await backUp(at('data'), at('acme.tar'), TIME)
    const to = await place()
    const fresh = credentialsAt('new')
    await restoreCluster({
      cluster: to,
      credentials: fresh,
      file: at('acme.tar'),
      holder: 'restore',
      signal: new AbortController().signal,
    })
    await expectSame(await openCluster(to), before, clock)
    expect(await fresh.passwordHash(accountName('ben@acme.example'))).toBe('hash of ben@acme.example')
  }, 120_000)

  test('that is cut off in the middle runs nowhere, and goes on with the same backup', async () => {
    const clock = fakeClock(new Date().toISOString())
    const store = await openFolder('data', clock)
    await story(store, credentialsAt('data'), clock)
    const before = await everything(store)
    await backUp(at('data'), at('acme.tar'), TIME)
    const to = await place()
    const credentials = credentialsAt('new')
    const restore = (file: string, after = Number.POSITIVE_INFINITY) => {
      const stop = new AbortController()
      const onProgress = (made: number) => void (made >= after && stop.abort(new Error('cut off')))
      return restoreCluster({
        cluster: to,
        credentials,
        file: at(file),
        holder: 'restore',
        signal: stop.signal,
        onProgress,
      })
    }
    for (const after of [1, 7, 14, 22]) await expect(restore('acme.tar', after)).rejects.toThrow('cut off')
    const half = await openCluster(to)
    await expect(half.info()).rejects.toThrow('is being restored')
    await expect(half.lease.acquire({ holder: 'one', signal: new AbortController().signal })).rejects.toThrow(
      'is being restored',
    )
    await backUp(at('data'), at('other.tar'), TIME)
    await (await openFolder('data', clock)).apply(
      { apiVersion: 'roster.dev/v1alpha1', kind: 'Role', metadata: { name: 'new' }, spec: { organization: 'acme' } },
      { manager: 'local/ann' },
    )
    await backUp(at('data'), at('newer.tar'), TIME)
    await expect(restore('newer.tar')).rejects.toThrow('from another backup')
    // Given up, it can be deleted; or it goes on all the same.
    const leaving = closing.use(await openKubernetesStore({ ...to, restoring: true }))
    const plan = await planUninstall(leaving)
    expect(plan.held.length).toBeGreaterThan(0)
    const signal = new AbortController().signal
    expect(await uninstallUnderLease({ store: leaving, plan, holder: 'me', beside: false, signal })).toEqual({
      released: plan.held.length,
      failures: [],
    })
    expect((await restore('acme.tar')).resumed).toBe(true)
    await expectSame(await openCluster(to), before, clock)
  }, 180_000)

  test('is not restored where a controller runs, and who stands by there starts anew', async () => {
    const clock = fakeClock(new Date().toISOString())
    const store = await openFolder('data', clock)
    await store.apply(
      {
        apiVersion: 'roster.dev/v1alpha1',
        kind: 'Organization',
        metadata: { name: 'acme' },
        spec: { displayName: 'A' },
      },
      { manager: 'local/ann' },
    )
    await backUp(at('data'), at('acme.tar'), TIME)
    const to = await place()
    const running = await openCluster(to)
    await running.info()
    const held = await running.lease.acquire({ holder: 'pod-1', signal: new AbortController().signal })
    const restore = () =>
      restoreCluster({
        cluster: to,
        credentials: credentialsAt('new'),
        file: at('acme.tar'),
        holder: 'restore',
        signal: new AbortController().signal,
      })
    await expect(restore()).rejects.toThrow('pod-1 runs the loop')
    await held.release()
    await restore()
    await expect(running.lease.acquire({ holder: 'pod-1', signal: new AbortController().signal })).rejects.toThrow(
      'since this process started',
    )
  }, 60_000)
})
