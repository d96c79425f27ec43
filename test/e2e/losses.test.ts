import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Membership } from '../../src/api/membership.ts'
import { startCluster, type TestCluster } from '../kube/apiserver.ts'
import { installCrds } from '../kube/crds.ts'
import { startProxy } from '../kube/tcpproxy.ts'
import { describeWith } from '../parts.ts'
import { type SmtpPeer, smtpPeer } from '../peers/smtp.ts'
import { newRealm, replicaOf } from './cluster.ts'
import { received, writeManifests } from './crowd.ts'
import { eventually, type Workplace } from './process.ts'

const PUBLIC_URL = 'https://people.acme.example'
const PEOPLE = 12
const yes = (is: boolean): true | undefined => is || undefined
const through = (peer: SmtpPeer) => ['--smtp', `smtp://127.0.0.1:${peer.port}`, '--mail-rate', '200']
const readiness = async (place: Workplace) => {
  const answer = await fetch(`http://127.0.0.1:${place.opsPort}/readyz`)
  return { status: answer.status, text: await answer.text() }
}
const metrics = async (place: Workplace) => (await fetch(`http://127.0.0.1:${place.opsPort}/metrics`)).text()

describeWith('kube-apiserver', 'a realm in Kubernetes that lost something', () => {
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await startCluster()
    await installCrds(cluster)
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  const memberships = (namespace: string) => `/apis/roster.dev/v1alpha1/namespaces/${namespace}/memberships`
  const recordsOf = async (namespace: string): Promise<Membership[]> =>
    (await cluster.ask('GET', memberships(namespace))).body.items
  /** As somebody does it who wants them gone: finalizers off, then deleted. */
  const strip = async (namespace: string) => {
    for (const { metadata } of await recordsOf(namespace)) {
      const path = `${memberships(namespace)}/${metadata.name}`
      await cluster.ask('PATCH', path, { metadata: { finalizers: null } }, 'application/merge-patch+json')
      await cluster.ask('DELETE', path)
    }
    expect(await recordsOf(namespace)).toEqual([])
  }
  const told = async (namespace: string): Promise<string[]> =>
    ((await cluster.ask('GET', `/api/v1/namespaces/${namespace}/events`)).body.items as { reason: string }[]).map(
      ({ reason }) => reason,
    )

  it('does not start without its keys, says which are missing, and makes no others until that is accepted', async () => {
    const namespace = await newRealm(cluster)
    const secret = `/api/v1/namespaces/${namespace}/secrets/roster-keys`
    await using place = await replicaOf(cluster, namespace)
    await writeManifests(place.folder, 3)
    await (await place.run('acme')).stop()
    expect((await cluster.ask('DELETE', secret)).code).toBe(200)
    const { code, err } = await place.roster('run', 'acme')
    expect([code, err]).toEqual([2, expect.stringContaining('link.1 is missing')])
    expect(err).toContain('roster accept-loss keys')
    expect((await place.roster('apply', 'acme')).err).toContain('link.1 is missing')
    expect((await cluster.ask('GET', secret)).code).toBe(404)
    const accepted = await place.roster('accept-loss', 'keys', '--yes')
    expect(accepted.code, accepted.err).toBe(0)
    expect(accepted.err).toContain('- links in mails that are open (3) will be gone for good')
    await (await place.run('acme')).stop()
    expect((await place.roster('accept-loss', 'keys')).out).toContain('Nothing is lost')
    // What it is now can be saved, and is a realm elsewhere.
    const file = join(place.folder, 'realm.tar')
    const saved = await place.roster('backup', file)
    expect(saved.code, saved.err).toBe(0)
    await using other = await replicaOf(cluster, await newRealm(cluster))
    const restored = await other.roster('restore', file)
    expect(restored.code, restored.err).toBe(0)
    expect((await other.json<{ items: Membership[] }>('get', 'memberships')).items).toHaveLength(3)
    const again = await other.run('--rebind')
    expect((await fetch(`http://127.0.0.1:${other.opsPort}/readyz`)).status).toBe(200)
    expect((await again.stop()).code).toBe(0)
    expect((await other.roster('accept-loss', 'keys')).out).toContain('Nothing is lost')
  }, 120_000)

  it('holds still without its records, says so everywhere, and goes on when they are back or that is accepted', async () => {
    await using peer = await smtpPeer()
    const namespace = await newRealm(cluster)
    await using proxy = await startProxy(cluster.port)
    await using first = await replicaOf(cluster, namespace, { publicUrl: PUBLIC_URL, port: proxy.port })
    await using second = await replicaOf(cluster, namespace, { publicUrl: PUBLIC_URL })
    await writeManifests(first.folder, PEOPLE)
    const before = await first.run('acme', '--prune', ...through(peer))
    await eventually(() => yes(received(peer).size === PEOPLE), 'all are invited', 60_000)
    expect((await before.stop()).code).toBe(0)
    const records = await recordsOf(namespace)
    expect(records).toHaveLength(PEOPLE)
    await strip(namespace)

    // At the start: both hold, whoever has the lease.
    const both = [first.spawn('run', 'acme', '--prune', ...through(peer)), second.spawn('run', ...through(peer))]
    const held = async (place: Workplace) => {
      const { status, text } = await readiness(place)
      return yes(status === 503 && text.includes(`records: records of this realm are gone: 0 of ${PEOPLE} Membership`))
    }
    for (const place of [first, second]) await eventually(() => held(place), 'it is not ready, and says why', 60_000)
    await eventually(async () => yes((await told(namespace)).includes('RecordsLost')), 'an Event says it', 60_000)
    await eventually(() => yes(both.some(one => one.output().includes('roster accept-loss records'))), 'they say it')
    for (const place of [first, second])
      expect(await metrics(place)).toContain(`roster_records_missing{kind="Membership"} ${PEOPLE}\n`)
    expect((await first.roster('plan', 'acme')).err).toContain('records of this realm are gone')
    expect(await recordsOf(namespace)).toEqual([])
    expect(peer.mails).toHaveLength(PEOPLE)

    // Brought back: on without a restart.
    for (const { apiVersion, kind, metadata, spec } of records) {
      const { name, labels, finalizers } = metadata
      const body = { apiVersion, kind, metadata: { name, labels, finalizers }, spec }
      expect((await cluster.ask('POST', memberships(namespace), body)).code).toBe(201)
    }
    const leads = () => yes(both.some(one => one.output().includes('Ctrl-C stops')))
    await eventually(leads, 'one leads', 60_000)
    for (const place of [first, second])
      await eventually(async () => yes((await readiness(place)).status === 200), 'it is ready', 60_000)
    expect(await metrics(first)).not.toContain('roster_records_missing{')
    expect(await recordsOf(namespace)).toHaveLength(PEOPLE)
    expect(peer.mails).toHaveLength(PEOPLE)
    both[1]?.child.kill('SIGTERM')
    await both[1]?.ended

    // While it runs, and cannot see it: the list after the break is not believed.
    await eventually(() => yes(both[0]?.output().includes('Ctrl-C stops') ?? false), 'the first leads', 60_000)
    proxy.hold()
    await strip(namespace)
    proxy.silence()
    proxy.release()
    await eventually(
      async () => yes((await readiness(first)).text.includes('records of this realm are gone')),
      'held',
      90_000,
    )
    expect(peer.mails).toHaveLength(PEOPLE)
    const accepted = await second.roster('accept-loss', 'records', '--yes')
    expect([accepted.code, accepted.err]).toEqual([0, expect.stringContaining('is invited anew, within the limits')])
    await eventually(() => yes(peer.mails.length === 2 * PEOPLE), 'all are invited anew', 90_000)
    expect(await recordsOf(namespace)).toHaveLength(PEOPLE)
    expect(both[0]?.child.exitCode).toBeNull()
    both[0]?.child.kill('SIGTERM')
    expect((await both[0]?.ended)?.code).toBe(0)
  }, 400_000)
})
