import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Membership } from '../../src/api/membership.ts'
import { API_VERSION } from '../../src/api/names.ts'
import { startCluster, type TestCluster } from '../kube/apiserver.ts'
import { installCrds } from '../kube/crds.ts'
import { type Fault, startHttpProxy } from '../kube/httpproxy.ts'
import { startProxy } from '../kube/tcpproxy.ts'
import { describeWith } from '../parts.ts'
import { type SmtpPeer, smtpPeer } from '../peers/smtp.ts'
import { leader, newRealm, replicaOf } from './cluster.ts'
import { received, writeManifests } from './crowd.ts'
import { eventually, type Workplace } from './process.ts'

const PUBLIC_URL = 'https://people.acme.example'
const PEOPLE = 8
const yes = (is: boolean): true | undefined => is || undefined
const through = (peer: SmtpPeer, rate = 200) => ['--smtp', `smtp://127.0.0.1:${peer.port}`, '--mail-rate', String(rate)]

describeWith('kube-apiserver', 'roster run behind a way to the API server that fails', () => {
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await startCluster()
    await installCrds(cluster)
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  /** A realm in which everybody was invited by a process that reaches the cluster through a port. */
  const begin = async (peer: SmtpPeer, port: number) => {
    const namespace = await newRealm(cluster)
    const place = await replicaOf(cluster, namespace, { publicUrl: PUBLIC_URL, port })
    await writeManifests(place.folder, PEOPLE)
    const running = place.spawn('run', 'acme', '--prune', ...through(peer))
    await eventually(() => yes(received(peer).size === PEOPLE), 'all are invited', 90_000)
    const path = `/apis/roster.dev/v1alpha1/namespaces/${namespace}`
    const records = async (): Promise<Membership[]> => (await cluster.ask('GET', `${path}/memberships`)).body.items
    const lives = async () => (await records()).map(({ metadata }) => `${metadata.name} ${metadata.uid}`)
    let known = await lives()
    return {
      place,
      running,
      namespace,
      /** Somebody else declares one more person, past the fault. */
      declare: async (name: string) => {
        const spec = { email: `${name}@acme.example`, memberships: [{ organization: 'acme', roles: ['viewer'] }] }
        const body = { apiVersion: API_VERSION, kind: 'User', metadata: { name }, spec }
        expect((await cluster.ask('POST', `${path}/users`, body)).code).toBe(201)
      },
      invited: (name: string, timeout: number) =>
        eventually(() => yes(received(peer).has(`${name}@acme.example`)), `${name} is invited`, timeout),
      /** Nobody lost anything, nobody heard twice, and it is the same process. */
      expectWhole: async (people: number) => {
        const now = await lives()
        expect(now).toEqual(expect.arrayContaining(known))
        expect(now).toHaveLength(people)
        known = now
        for (const { spec } of await records()) expect(spec, spec.address).not.toHaveProperty('ended')
        for (const [address, { ids, links, copies }] of received(peer))
          expect([ids.size, links.size, copies], address).toEqual([1, 1, 1])
        expect(running.child.exitCode).toBeNull()
      },
      [Symbol.asyncDispose]: async () => {
        running.child.kill('SIGTERM')
        await running.ended
        await place[Symbol.asyncDispose]()
      },
    }
  }

  it('goes on after resets, goodbyes, a trickle, silence and a time of nothing at all', async () => {
    await using peer = await smtpPeer()
    await using proxy = await startProxy(cluster.port)
    await using realm = await begin(peer, proxy.port)
    let people = PEOPLE
    const next = async (name: string, timeout: number) => {
      await realm.invited(name, timeout)
      people += 1
      await realm.expectWhole(people)
    }
    proxy.reset()
    await realm.declare('reset')
    await next('reset', 60_000)
    proxy.halfClose()
    await realm.declare('half')
    await next('half', 60_000)
    proxy.slow(300)
    await realm.declare('trickle')
    await next('trickle', 180_000)
    proxy.slow(Number.POSITIVE_INFINITY)
    proxy.silence()
    await realm.declare('silent')
    await next('silent', 180_000)
    // Longer than a lease: it is lost, and taken again.
    const lease = `/apis/coordination.k8s.io/v1/namespaces/${realm.namespace}/leases/roster`
    const epoch = async () => Number((await cluster.ask('GET', lease)).body.metadata.annotations['roster.dev/epoch'])
    const before = await epoch()
    proxy.hold()
    await realm.declare('held')
    await eventually(
      () => yes(/could not be renewed|following|cannot be reached|did not answer/.test(realm.running.output())),
      'it is told',
      90_000,
    )
    proxy.silence()
    proxy.release()
    await next('held', 180_000)
    expect(await epoch()).toBeGreaterThanOrEqual(before)
  }, 600_000)

  it('goes on after 429, 500, lost answers and 410', async () => {
    await using peer = await smtpPeer()
    await using proxy = await startHttpProxy(cluster)
    await using realm = await begin(peer, proxy.port)
    let people = PEOPLE
    let writes = 0
    const isWrite = (method: string) => method !== 'GET'
    /** Leases are left alone: what is tested is the work, not the loss of the lease. */
    const isWork = (path: string) => !path.includes('/leases') && !path.includes('/events')
    const cases: [string, number, (asked: { method: string; path: string; watch: boolean }) => Fault | undefined][] = [
      ['busy', 6, ({ path, watch }) => (isWork(path) && !watch ? { code: 429, retryAfter: 2 } : undefined)],
      ['broken', 6, ({ path }) => (isWork(path) ? { code: 500 } : undefined)],
      ['gone', 6, ({ watch }) => (watch ? { code: 410 } : undefined)],
      ['expired', 6, ({ watch }) => (watch ? { stream: 410 } : undefined)],
    ]
    for (const [name, times, fault] of cases) {
      proxy.fail(asked => (proxy.done < times ? fault(asked) : undefined))
      proxy.endWatches()
      await realm.declare(name)
      await eventually(() => yes(proxy.done >= times), `${name}: the fault was met`, 90_000)
      await realm.invited(name, 180_000)
      people += 1
      await realm.expectWhole(people)
    }
    // Eight writes, every third one, are carried out, and who asked for it does not hear so. A claim that was not heard of is waited out for its two minutes.
    proxy.fail(({ method, path }) => {
      if (!isWrite(method) || !isWork(path) || proxy.done === 8) return undefined
      writes += 1
      return writes % 3 === 0 ? { carriedOut: true, code: writes % 2 === 0 ? 500 : 'cut' } : undefined
    })
    for (const name of ['lost1', 'lost2', 'lost3']) await realm.declare(name)
    for (const name of ['lost1', 'lost2', 'lost3']) await realm.invited(name, 300_000)
    expect(proxy.done).toBeGreaterThan(0)
    proxy.fail(undefined)
    await realm.expectWhole(people + 3)
  }, 900_000)

  it('is led by exactly one of two that were both paused past their lease, and what was written meanwhile stands', async () => {
    await using peer = await smtpPeer()
    const namespace = await newRealm(cluster)
    await using first = await replicaOf(cluster, namespace, { publicUrl: PUBLIC_URL })
    await using second = await replicaOf(cluster, namespace, { publicUrl: PUBLIC_URL })
    const many = 60
    await writeManifests(first.folder, many)
    // Whoever leads reads from the same folder.
    const source = join(first.folder, 'acme')
    const a = first.spawn('run', source, '--prune', ...through(peer, 4))
    const b = second.spawn('run', source, '--prune', ...through(peer, 4))
    await eventually(() => yes(peer.mails.length > 4), 'mails are going', 90_000)
    await eventually(() => yes((a.output() + b.output()).includes('Standing by: ')), 'one stands by', 60_000)
    const both = [a, b]
    for (const { child } of both) child.kill('SIGSTOP')
    const users = `/apis/roster.dev/v1alpha1/namespaces/${namespace}/users`
    const edit = { metadata: { annotations: { 'acme.example/note': 'while nobody looked' } } }
    expect((await cluster.ask('PATCH', `${users}/p1`, edit, 'application/merge-patch+json')).code).toBe(200)
    const lease = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/roster`
    const epoch = async () => Number((await cluster.ask('GET', lease)).body.metadata.annotations['roster.dev/epoch'])
    const before = await epoch()
    // The lease is judged by the time that went by.
    await new Promise(resolve => setTimeout(resolve, 20_000))
    for (const { child } of both) child.kill('SIGCONT')
    const leads = async (place: Workplace) => {
      const text = await (await fetch(`http://127.0.0.1:${place.opsPort}/metrics`)).text()
      return /^roster_lease_held 1$/m.test(text)
    }
    await eventually(async () => yes((await epoch()) > before), 'the lease was taken anew', 60_000)
    // The one that was open then is waited for until its deadline, two minutes.
    await eventually(() => yes(received(peer).size === many), 'all are invited', 360_000)
    await eventually(async () => yes((await leads(first)) !== (await leads(second))), 'one leads', 60_000)
    const holder = await leader(cluster, namespace)
    expect(both.filter(({ child }) => holder.endsWith(`/${child.pid}`))).toHaveLength(1)
    for (const [address, { ids, links, copies }] of received(peer)) {
      expect([ids.size, links.size], address).toEqual([1, 1])
      // One that was open when they were paused may come twice, as the same message.
      expect(copies, address).toBeLessThanOrEqual(2)
    }
    expect((await cluster.ask('GET', `${users}/p1`)).body.metadata.annotations).toMatchObject(edit.metadata.annotations)
    const { items } = (await cluster.ask('GET', `/apis/roster.dev/v1alpha1/namespaces/${namespace}/memberships`))
      .body as { items: Membership[] }
    expect(items).toHaveLength(many)
    for (const { spec } of items)
      expect(
        spec.attempts.map(({ outcome }) => outcome),
        spec.address,
      ).toEqual(['Sent'])
    for (const { child, ended } of both) {
      expect(child.exitCode).toBeNull()
      child.kill('SIGTERM')
      expect((await ended).code).toBe(0)
    }
  }, 600_000)
})
