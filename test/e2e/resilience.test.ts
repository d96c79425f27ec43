import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Membership } from '../../src/api/membership.ts'
import type { Organization } from '../../src/api/organization.ts'
import { startCluster, type TestCluster } from '../kube/apiserver.ts'
import { installCrds } from '../kube/crds.ts'
import { allow, RULES } from '../kube/rights.ts'
import { describeWith } from '../parts.ts'
import { smtpPeer } from '../peers/smtp.ts'
import { newRealm, replicaOf } from './cluster.ts'
import { received, serverArguments, writeManifests } from './crowd.ts'
import { eventually, type Workplace } from './process.ts'

const TOKENS = { 'token-of-a-reader': 'reader' }
const PUBLIC_URL = 'https://people.acme.example'
const PEOPLE = 40
const yes = (is: boolean): true | undefined => is || undefined

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
