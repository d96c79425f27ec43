import { afterAll, beforeAll, expect, it } from 'vitest'
import { SCHEMAS } from '../../src/api/generated/schemas.ts'
import type { Membership } from '../../src/api/membership.ts'
import { KINDS } from '../../src/api/names.ts'
import { startCluster, type TestCluster } from '../kube/apiserver.ts'
import { installCrds } from '../kube/crds.ts'
import { describeWith } from '../parts.ts'
import { smtpPeer } from '../peers/smtp.ts'
import { newRealm, replicaOf } from './cluster.ts'
import { received, writeManifests } from './crowd.ts'
import { linkIn, Person } from './person.ts'
import { eventually } from './process.ts'

const PEOPLE = 8
const yes = (is: boolean): true | undefined => is || undefined

describeWith('kube-apiserver', 'a realm whose namespace is deleted under it', () => {
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await startCluster()
    await installCrds(cluster)
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  it('ends nobody’s access, says what happens, and is let go by uninstall', async () => {
    await using peer = await smtpPeer()
    const namespace = await newRealm(cluster)
    await using place = await replicaOf(cluster, namespace)
    await writeManifests(place.folder, PEOPLE)
    const running = place.spawn(
      'run',
      'acme',
      '--prune',
      '--smtp',
      `smtp://127.0.0.1:${peer.port}`,
      '--public-url',
      place.url,
      '--mail-rate',
      '200',
    )
    await eventually(() => yes(received(peer).size === PEOPLE), 'all are invited', 90_000)
    const mail = peer.mails.find(({ to }) => to.includes('p1@acme.example'))
    const person = new Person(place.url)
    const letter = { text: mail?.parsed.text ?? '', to: 'p1@acme.example', messageId: '', subject: '', file: '' }
    await person.accept(linkIn(letter))
    const path = `/apis/roster.dev/v1alpha1/namespaces/${namespace}`
    const records = async (): Promise<Membership[]> => (await cluster.ask('GET', `${path}/memberships`)).body.items
    const member = async () => (await records()).find(({ spec }) => spec.address === 'p1@acme.example')?.spec
    await eventually(async () => yes((await member())?.settled?.roles.includes('viewer') ?? false), 'p1 is in', 60_000)
    await eventually(async () => yes((await member())?.mails[0]?.outcome === 'Sent'), 'p1 is welcomed', 60_000)
    expect(peer.mails).toHaveLength(PEOPLE + 1)
    const before = (await records()).map(({ metadata, spec }) => ({ uid: metadata.uid, spec }))

    // As the namespace controller does it: marked, then everything in it is deleted, in no order that anybody promises.
    expect((await cluster.ask('DELETE', `/api/v1/namespaces/${namespace}`)).code).toBe(200)
    const another = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'another' } }
    const refused = async () =>
      (await cluster.ask('POST', `/api/v1/namespaces/${namespace}/configmaps?dryRun=All`, another)).code === 403
    await eventually(async () => yes(await refused()), 'nothing new is taken', 30_000)
    for (const kind of KINDS) await cluster.ask('DELETE', `${path}/${SCHEMAS[kind].plural}`)
    const told = () => yes(running.output().includes('the namespace of this realm is being deleted'))
    for (const one of [
      `/api/v1/namespaces/${namespace}/configmaps`,
      `/api/v1/namespaces/${namespace}/secrets`,
      `/api/v1/namespaces/${namespace}/events`,
      `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`,
    ])
      expect((await cluster.ask('DELETE', one)).code).toBe(200)
    await eventually(told, 'it says what happens', 120_000)
    const readiness = async () => {
      const answer = await fetch(`http://127.0.0.1:${place.opsPort}/readyz`)
      return `${answer.status} ${await answer.text()}`
    }
    await eventually(
      async () => yes(/^503 (.*\n)*store: the namespace of this realm is being deleted/.test(await readiness())),
      'so does its readiness',
      60_000,
    )
    expect((await records()).map(({ metadata, spec }) => ({ uid: metadata.uid, spec }))).toEqual(before)
    expect(peer.mails).toHaveLength(PEOPLE + 1)
    const { items: users } = (await cluster.ask('GET', `${path}/users`)).body as {
      items: { metadata: { deletionTimestamp?: string } }[]
    }
    expect(users).toHaveLength(PEOPLE)
    for (const { metadata } of users) expect(metadata.deletionTimestamp).toBeDefined()
    expect(running.child.exitCode).toBeNull()
    running.child.kill('SIGTERM')
    await running.ended

    // What is left can be saved and let go.
    const exported = await place.json<{ items: unknown[] }>('export')
    expect(exported.items.length).toBeGreaterThan(2 * PEOPLE)
    const done = await place.roster('uninstall', '--yes')
    expect(done.code, done.err).toBe(0)
    for (const kind of KINDS)
      expect((await cluster.ask('GET', `${path}/${SCHEMAS[kind].plural}`)).body.items, kind).toEqual([])
    expect(peer.mails).toHaveLength(PEOPLE + 1)
  }, 400_000)
})
