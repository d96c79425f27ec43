import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Membership } from '../../src/api/membership.ts'
import type { User } from '../../src/api/user.ts'
import { startCluster, type TestCluster } from '../kube/apiserver.ts'
import { installCrds } from '../kube/crds.ts'
import { startProxy } from '../kube/tcpproxy.ts'
import { describeWith } from '../parts.ts'
import { smtpPeer } from '../peers/smtp.ts'
import { leader, newRealm, replicaOf } from './cluster.ts'
import { received, serverArguments, writeManifests } from './crowd.ts'
import { lettersIn, linkIn, Person } from './person.ts'
import { eventually, type Workplace } from './process.ts'

const EXAMPLE = join(import.meta.dirname, '..', '..', 'examples', 'acme')
const yes = (is: boolean): true | undefined => is || undefined
const state = async (place: Workplace, name: string) => (await place.json<User>('get', 'user', name)).status?.state
const ready = (place: Workplace) =>
  fetch(`http://127.0.0.1:${place.opsPort}/readyz`).then(
    ({ status }) => status === 200,
    () => false,
  )

describeWith('kube-apiserver', 'a realm in Kubernetes', () => {
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await startCluster()
    await installCrds(cluster)
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  it('does the whole main job, with the same manifests and the same verbs', async () => {
    const namespace = await newRealm(cluster)
    await using place = await replicaOf(cluster, namespace)
    const acme = join(place.folder, 'acme')
    await cp(EXAMPLE, acme, { recursive: true })
    const mails = () => lettersIn(join(place.folder, '.roster', 'mail'))
    const before = await place.roster('plan', 'acme')
    expect(before.code, before.err).toBe(1)
    expect(before.out).toContain('alice@acme.example')

    const running = await place.run('acme', '--prune')
    expect(running.output()).toContain('12 people invited')
    const alice = (await mails()).find(({ to }) => to === 'alice@acme.example')
    const person = new Person(place.url)
    expect(await person.accept(linkIn(alice as NonNullable<typeof alice>))).toContain('Editor')
    await eventually(async () => yes((await state(place, 'alice')) === 'Active'), 'alice is active')
    expect((await place.json<User>('get', 'user', 'alice')).status?.licenses).toEqual([
      { pool: 'suite', quantity: 1, state: 'Used' },
    ])
    const why = await place.roster('why', 'alice', 'editor')
    expect(why.code, why.err).toBe(0)
    expect(why.out).toContain('users/alice.yaml:')
    expect((await place.roster('wait', 'user/alice', '--for', 'condition=Ready', '--timeout', '20s')).code).toBe(0)

    // What happened is told on the objects, where `kubectl describe` shows it.
    const { body } = await cluster.ask('GET', `/api/v1/namespaces/${namespace}/events`)
    const told = (body.items as { reason: string; involvedObject: { kind: string; name: string; uid: string } }[]).map(
      ({ reason, involvedObject: { kind, name, uid } }) => `${reason} ${kind}/${name} ${uid ? 'with' : 'without'} uid`,
    )
    for (const line of [
      /^Sent Invitation\/carol with uid$/,
      /^Accepted Invitation\/alice-/,
      /^SeatGiven LicensePool\/suite /,
    ])
      expect(
        told.some(one => line.test(one)),
        String(line),
      ).toBe(true)

    // An edit, a removal, and a hand edit that is taken back.
    const priya = join(acme, 'users', 'priya.yaml')
    const text = await readFile(priya, 'utf8')
    await writeFile(priya, text.replace('{organization: acme}', '{organization: acme, roles: [viewer]}'))
    await eventually(
      async () => yes((await place.json<User>('get', 'user', 'priya')).spec.memberships?.[0]?.roles?.[0] === 'viewer'),
      'the edit is in the cluster',
    )
    await rm(priya)
    await eventually(async () => yes((await place.roster('get', 'user', 'priya')).code === 1), 'priya is gone')

    const planned = await place.roster('plan', 'acme', '--prune', '--all')
    expect(planned.code, planned.out + planned.err).toBe(0)
    const stopped = await running.stop()
    expect(stopped.code, stopped.err).toBe(0)
    expect(stopped.out).toContain('1 joined, 10 invited, nothing half done.')

    const count = (await mails()).length
    await cluster.writes()
    expect((await place.roster('plan', 'acme', '--prune')).code).toBe(0)
    expect(await cluster.writes()).toEqual([])
    const again = await place.run('acme', '--prune')
    await again.stop()
    expect((await mails()).length).toBe(count)
    // Secrets of people are in no resource, and not where the realm's own kubectl users look.
    const all = JSON.stringify(
      (await cluster.ask('GET', `/apis/roster.dev/v1alpha1/namespaces/${namespace}/accounts`)).body,
    )
    expect(all).not.toContain('argon2')
    const page = await new Person(place.url).visit(place.url).catch(() => undefined)
    expect(page).toBeUndefined()
  }, 180_000)

  it('is served by every replica, led by one; the next leads after a kill and after a goodbye, and nobody hears twice', async () => {
    await using peer = await smtpPeer()
    const namespace = await newRealm(cluster)
    const publicUrl = 'https://people.acme.example'
    await using first = await replicaOf(cluster, namespace, { publicUrl })
    await using second = await replicaOf(cluster, namespace, { publicUrl })
    await writeManifests(first.folder, 12)
    const smtp = serverArguments(peer, first).filter((_, index) => index !== 2 && index !== 3)
    const a = await first.run('acme', ...smtp)
    const b = second.spawn('run', ...smtp)
    await eventually(() => yes(b.output().includes('Standing by: ')), 'the second stands by', 30_000)
    await eventually(() => ready(second), 'the second serves', 30_000)
    await eventually(() => yes(received(peer).size === 12), 'all are invited', 60_000)
    const [holder] = [await leader(cluster, namespace)]
    expect(holder).toContain(`/${a.child.pid}`)

    // Somebody accepts at a replica that does not lead; the leader does what follows.
    const link = [...(received(peer).get('p0@acme.example')?.links ?? [])][0] ?? ''
    const person = new Person(publicUrl, second.url)
    expect(await person.accept(link)).toContain('viewer')
    await eventually(async () => yes((await state(first, 'p0')) === 'Active'), 'p0 is active')

    a.child.kill('SIGKILL')
    await a.ended
    await eventually(
      async () => yes((await leader(cluster, namespace)).includes(`/${b.child.pid}`)),
      'the second leads',
      20_000,
    )
    await eventually(() => yes(b.output().includes('Ctrl-C stops')), 'the second has passed', 60_000)

    const c = first.spawn('run', ...smtp)
    await eventually(() => yes(c.output().includes('Standing by: ')), 'the first stands by', 30_000)
    await eventually(() => ready(first), 'the first serves', 30_000)
    b.child.kill('SIGTERM')
    await eventually(
      async () => yes((await leader(cluster, namespace)).includes(`/${c.child.pid}`)),
      'the first leads',
      10_000,
    )
    expect((await b.ended).code).toBe(0)
    await eventually(() => yes(c.output().includes('Ctrl-C stops')), 'the first has passed', 60_000)
    c.child.kill('SIGTERM')
    expect((await c.ended).code).toBe(0)
    const { items } = await first.json<{ items: Membership[] }>('get', 'memberships')
    expect(items).toHaveLength(12)
    expect(peer.mails.filter(({ parsed }) => parsed.subject?.includes('invites'))).toHaveLength(12)
  }, 240_000)

  it('follows again, in the same process, when it was paused past its lease; what it had begun is not done twice', async () => {
    await using peer = await smtpPeer()
    const namespace = await newRealm(cluster)
    const publicUrl = 'https://people.acme.example'
    await using first = await replicaOf(cluster, namespace, { publicUrl })
    await using second = await replicaOf(cluster, namespace, { publicUrl })
    await writeManifests(first.folder, 40)
    const smtp = [...serverArguments(peer, first).filter((_, index) => index !== 2 && index !== 3)]
    const a = first.spawn('run', 'acme', ...smtp)
    await eventually(() => yes(peer.mails.length > 3), 'it has begun', 60_000)
    a.child.kill('SIGSTOP')
    const b = second.spawn('run', ...smtp)
    await eventually(
      async () => yes((await leader(cluster, namespace)).includes(`/${b.child.pid}`)),
      'the second leads',
      40_000,
    )
    a.child.kill('SIGCONT')
    await eventually(() => yes(a.output().includes('Standing by: ')), 'the first follows', 40_000)
    await eventually(() => ready(first), 'the first serves', 30_000)
    await eventually(() => yes(received(peer).size === 40), 'everybody was invited', 200_000)
    const people = received(peer)
    for (const [address, { ids, links, copies }] of people) {
      expect([ids.size, links.size], address).toEqual([1, 1])
      expect(copies, address).toBeLessThanOrEqual(2)
    }
    b.child.kill('SIGTERM')
    await b.ended
    await eventually(
      async () => yes((await leader(cluster, namespace)).includes(`/${a.child.pid}`)),
      'the first leads',
      20_000,
    )
    a.child.kill('SIGTERM')
    expect((await a.ended).code).toBe(0)
  }, 400_000)

  it('goes on without a restart when the way to the cluster breaks, when nothing passes for longer than its lease, and when its rights come back', async () => {
    const namespace = await newRealm(cluster)
    await using proxy = await startProxy(cluster.port)
    await using place = await replicaOf(cluster, namespace, { port: proxy.port })
    await using direct = await replicaOf(cluster, namespace)
    await mkdir(join(place.folder, 'people'))
    const people = join(place.folder, 'people', 'people.yaml')
    const write = (roles: string) =>
      writeFile(
        people,
        `apiVersion: roster.dev/v1alpha1
kind: Organization
metadata: {name: acme}
spec: {displayName: Acme, domains: [acme.example]}
---
apiVersion: roster.dev/v1alpha1
kind: Role
metadata: {name: viewer}
spec: {organization: acme, allow: ["documents:read"]}
---
apiVersion: roster.dev/v1alpha1
kind: User
metadata: {name: alice}
spec: {email: alice@acme.example, locale: ${roles}, memberships: [{organization: acme, roles: [viewer]}]}
`,
      )
    await write('en')
    const running = await place.run('people', '--prune')
    const locale = async (wanted: string) =>
      yes((await direct.json<User>('get', 'user', 'alice')).spec.locale === wanted)
    proxy.reset()
    await write('de')
    await eventually(() => locale('de'), 'an edit after a reset', 20_000)
    proxy.hold()
    // Its lease has run out, and it knows.
    await eventually(
      async () => yes((await running.output()).includes('following') || !(await ready(place))),
      'it noticed',
      60_000,
    )
    await new Promise(resolve => setTimeout(resolve, 12_000))
    proxy.release()
    proxy.reset()
    await write('fr')
    await eventually(() => locale('fr'), 'an edit after a black hole', 90_000)
    expect(running.child.exitCode).toBeNull()
    expect((await direct.json<User>('get', 'user', 'alice')).status?.state).toBe('Invited')
    await running.stop()
  }, 300_000)
})
