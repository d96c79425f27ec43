import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Membership } from '../../src/api/membership.ts'
import type { Organization } from '../../src/api/organization.ts'
import { startCluster, type TestCluster } from '../kube/apiserver.ts'
import { installCrds } from '../kube/crds.ts'
import { allow, RULES, type Rule } from '../kube/rights.ts'
import { startProxy } from '../kube/tcpproxy.ts'
import { describeWith } from '../parts.ts'
import { smtpPeer } from '../peers/smtp.ts'
import { newRealm, replicaOf } from './cluster.ts'
import { received, serverArguments, writeManifests } from './crowd.ts'
import { eventually, Workplace } from './process.ts'

const TOKENS = { 'token-of-roster': 'roster', 'token-of-a-reader': 'reader' }
const PUBLIC_URL = 'https://people.acme.example'
const PEOPLE = 40
const yes = (is: boolean): true | undefined => is || undefined

/** What a first start without the chart needs: it makes the ConfigMap and the keys itself. */
const OWN: readonly Rule[] = [
  ...RULES,
  { apiGroups: [''], resources: ['configmaps'], verbs: ['create'] },
  { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'create', 'update'] },
]
const CREDENTIALS: readonly Rule[] = [
  { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'create', 'update', 'delete'] },
]

/** How a folder of manifests changes: the name of the organization is another. */
const rename = async (folder: string, name: string) =>
  await writeFile(
    join(folder, 'acme', 'organization.yaml'),
    `apiVersion: roster.dev/v1alpha1
kind: Organization
metadata: {name: other}
spec: {displayName: ${name}, domains: [other.example]}
`,
  )

describeWith('kube-apiserver', 'a realm in Kubernetes whose cluster fails', () => {
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await startCluster({ tokens: TOKENS })
    await installCrds(cluster)
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  const named = (place: Workplace, name: string) => async () =>
    yes((await place.json<Organization>('get', 'organization', 'other')).spec.displayName === name)
  const everybody = async (place: Workplace) =>
    expect((await place.json<{ items: Membership[] }>('get', 'memberships')).items).toHaveLength(PEOPLE)

  it('goes on in the same process when the API server and etcd are restarted while mails are open', async () => {
    await using peer = await smtpPeer()
    const namespace = await newRealm(cluster)
    await using place = await replicaOf(cluster, namespace, { publicUrl: PUBLIC_URL })
    await writeManifests(place.folder, PEOPLE)
    await rename(place.folder, 'Before')
    const smtp = serverArguments(peer, place).filter((_, index) => index !== 2 && index !== 3)
    const running = place.spawn('run', 'acme', '--prune', ...smtp)
    await eventually(() => yes(peer.mails.length > 0), 'it has begun', 60_000)
    await cluster.stopApiserver()
    expect(peer.mails.length).toBeLessThan(PEOPLE)
    await cluster.startApiserver()
    await eventually(() => yes(received(peer).size === PEOPLE), 'all are invited', 90_000)
    await rename(place.folder, 'After the API server')
    await eventually(named(place, 'After the API server'), 'an edit after the API server', 90_000)
    await cluster.interruptEtcd(2_000)
    await rename(place.folder, 'After etcd')
    await eventually(named(place, 'After etcd'), 'an edit after etcd', 90_000)
    expect(running.child.exitCode).toBeNull()
    await everybody(place)
    // The one mail that was open may come twice, as the same message.
    for (const [address, { ids, links, copies }] of received(peer)) {
      expect([ids.size, links.size], address).toEqual([1, 1])
      expect(copies, address).toBeLessThanOrEqual(2)
    }
    running.child.kill('SIGTERM')
    expect((await running.ended).code).toBe(0)
  }, 300_000)

  it('goes on in the same process when its rights were taken away and given back, and says which are missing', async () => {
    await using peer = await smtpPeer()
    const namespace = await newRealm(cluster)
    await using proxy = await startProxy(cluster.port)
    await allow(cluster, namespace, 'roster', OWN)
    await allow(cluster, `${namespace}-credentials`, 'roster', CREDENTIALS)
    const through = { publicUrl: PUBLIC_URL, token: 'token-of-roster', port: proxy.port }
    await using place = await replicaOf(cluster, namespace, through)
    await using admin = await replicaOf(cluster, namespace)
    await writeManifests(place.folder, PEOPLE)
    await rename(place.folder, 'Before')
    const smtp = serverArguments(peer, place).filter((_, index) => index !== 2 && index !== 3)
    const running = await place.run('acme', '--prune', '--log', 'text', ...smtp)
    let err = ''
    running.child.stderr?.on('data', (text: string) => (err += text))
    await eventually(() => yes(received(peer).size === PEOPLE), 'all are invited', 60_000)
    const cases: [string, readonly Rule[]][] = [
      ['all', []],
      ['leases', OWN.filter(({ resources }) => !resources.includes('leases'))],
    ]
    for (const [name, rules] of cases) {
      await allow(cluster, namespace, 'roster', rules)
      // Rights are looked at when a request begins: what is open would pass.
      proxy.reset()
      await eventually(() => yes(/cannot \w+ resource/.test(err)), `${name}: what is missing is told`, 60_000)
      await allow(cluster, namespace, 'roster', OWN)
      await rename(place.folder, `After ${name}`)
      await eventually(named(admin, `After ${name}`), `an edit after ${name}`, 60_000)
    }
    expect(running.child.exitCode).toBeNull()
    await everybody(admin)
    expect(peer.mails).toHaveLength(PEOPLE)
    expect((await running.stop()).code).toBe(0)
  }, 300_000)

  it('waits for definitions that are not there yet, says so, and goes on when they come', async () => {
    await using young = await startCluster()
    const namespace = await newRealm(young)
    await using place = await replicaOf(young, namespace)
    await writeManifests(place.folder, 3)
    const running = place.spawn('run', 'acme')
    const readiness = () => fetch(`http://127.0.0.1:${place.opsPort}/readyz`)
    await eventually(async () => yes((await readiness()).status === 503), 'it is not ready', 30_000)
    await installCrds(young)
    await eventually(async () => yes((await readiness()).status === 200), 'it is ready', 60_000)
    await eventually(() => yes(running.output().includes('Ctrl-C stops')), 'it has passed', 60_000)
    expect((await place.json<{ items: Membership[] }>('get', 'memberships')).items).toHaveLength(3)
    running.child.kill('SIGTERM')
    expect((await running.ended).code).toBe(0)
  }, 180_000)

  it('started while the API server does not answer it waits, says so, and stops when asked to; other verbs fail', async () => {
    const namespace = await newRealm(cluster)
    await using proxy = await startProxy(cluster.port)
    await using place = await replicaOf(cluster, namespace, { publicUrl: PUBLIC_URL, port: proxy.port })
    await using other = await replicaOf(cluster, namespace, { port: proxy.port })
    await writeManifests(place.folder, 3)
    proxy.hold()
    const verb = other.spawn('get', 'users')
    const stopped = other.spawn('run')
    const running = place.spawn('run', 'acme')
    const said = 'the API server did not answer within 10000 ms; it is tried again'
    await eventually(() => yes(running.output().includes(said)), 'it is told', 90_000)
    await eventually(() => yes(stopped.output().includes(said)), 'it is told', 90_000)
    expect(running.output().split(said)).toHaveLength(2)
    expect(running.output()).not.toContain('Ctrl-C stops')
    expect((await fetch(`http://127.0.0.1:${place.opsPort}/healthz`)).status).toBe(200)
    stopped.child.kill('SIGTERM')
    expect(await stopped.ended).toMatchObject({ code: 130, signal: null })
    expect(await verb.ended).toMatchObject({
      code: 2,
      out: '',
      err: 'roster: the API server did not answer within 10000 ms\n',
    })
    proxy.release()
    await eventually(() => yes(running.output().includes('Ctrl-C stops')), 'it leads', 90_000)
    expect((await place.json<{ items: Membership[] }>('get', 'memberships')).items).toHaveLength(3)
    running.child.kill('SIGTERM')
    expect((await running.ended).code).toBe(0)
  }, 240_000)

  it('started while there is no API server it waits for it', async () => {
    await using young = await startCluster()
    await installCrds(young)
    const namespace = await newRealm(young)
    await using place = await replicaOf(young, namespace)
    await writeManifests(place.folder, 3)
    await young.stopApiserver()
    const running = place.spawn('run', 'acme')
    const said = 'the API server cannot be reached: ECONNREFUSED; it is tried again'
    await eventually(() => yes(running.output().includes(said)), 'it is told', 90_000)
    await young.startApiserver()
    await eventually(() => yes(running.output().includes('Ctrl-C stops')), 'it leads', 90_000)
    running.child.kill('SIGTERM')
    expect((await running.ended).code).toBe(0)
  }, 240_000)

  it('started without the right to read the lease it waits, names the right, and goes on when it is given', async () => {
    const namespace = await newRealm(cluster)
    const blind = OWN.map(rule =>
      rule.resources.includes('leases') ? { ...rule, verbs: rule.verbs.filter(verb => verb !== 'get') } : rule,
    )
    await allow(cluster, namespace, 'roster', blind)
    await allow(cluster, `${namespace}-credentials`, 'roster', CREDENTIALS)
    await using place = await replicaOf(cluster, namespace, { token: 'token-of-roster' })
    await writeManifests(place.folder, 3)
    const running = place.spawn('run', 'acme')
    const named = /cannot get resource \W*leases.*; it is tried again/
    await eventually(() => yes(named.test(running.output())), 'the right is named', 60_000)
    await allow(cluster, namespace, 'roster', OWN)
    await eventually(() => yes(running.output().includes('Ctrl-C stops')), 'it leads', 60_000)
    running.child.kill('SIGTERM')
    expect((await running.ended).code).toBe(0)
  }, 180_000)

  it('does not wait for what no patience mends: a namespace that does not exist, or no kubeconfig', async () => {
    await using nowhere = await replicaOf(cluster, 'nowhere')
    const { code, err } = await nowhere.roster('run')
    expect(code).toBe(2)
    expect(err).toMatch(/namespaces? \W*nowhere/)
    await using place = await Workplace.make({ ROSTER_KUBERNETES: 'true', ROSTER_KUBECONFIG: '/nowhere/kubeconfig' })
    const without = await place.roster('run')
    expect(without.code).toBe(2)
    expect(without.err).toContain('/nowhere/kubeconfig')
  }, 60_000)

  it('serves people while nobody leads', async () => {
    const namespace = await newRealm(cluster)
    const options = { publicUrl: PUBLIC_URL }
    await using first = await replicaOf(cluster, namespace, options)
    await using second = await replicaOf(cluster, namespace, options)
    await writeManifests(first.folder, 3)
    const leading = await first.run('acme')
    const standing = second.spawn('run')
    const ready = async () => yes((await fetch(`http://127.0.0.1:${second.opsPort}/readyz`)).status === 200)
    await eventually(ready, 'the second serves', 30_000)
    leading.child.kill('SIGKILL')
    await leading.ended
    const page = await fetch(`${second.url}/sign-in`)
    expect(page.status).toBe(200)
    // Nobody had the time to take the lease yet.
    expect(standing.output()).toContain('Standing by: ')
    expect(standing.output()).not.toContain('Ctrl-C stops')
    standing.child.kill('SIGTERM')
    expect((await standing.ended).code).toBe(0)
  }, 120_000)

  it('plans for somebody who may only read, and writes nothing', async () => {
    const namespace = await newRealm(cluster)
    await using place = await replicaOf(cluster, namespace)
    await writeManifests(place.folder, PEOPLE)
    await rename(place.folder, 'Before')
    const running = await place.run('acme', '--prune')
    await running.stop()
    await allow(
      cluster,
      namespace,
      'reader',
      RULES.map(rule => ({
        ...rule,
        verbs: rule.verbs.filter(verb => ['get', 'list', 'watch'].includes(verb)),
      })).filter(({ verbs }) => verbs.length > 0),
    )
    await using reader = await replicaOf(cluster, namespace, { token: 'token-of-a-reader' })
    await writeManifests(reader.folder, PEOPLE)
    await rename(reader.folder, 'After')
    await cluster.writes()
    const planned = await reader.roster('plan', 'acme', '--prune')
    expect(planned.code, planned.out + planned.err).toBe(1)
    expect(planned.out).toContain('After')
    expect(await cluster.writes()).toEqual([])
  }, 120_000)
})
