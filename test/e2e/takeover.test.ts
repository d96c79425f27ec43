import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Membership } from '../../src/api/membership.ts'
import { startCluster, type TestCluster } from '../kube/apiserver.ts'
import { installCrds } from '../kube/crds.ts'
import { describeWith } from '../parts.ts'
import { smtpPeer } from '../peers/smtp.ts'
import { leader, newRealm, replicaOf } from './cluster.ts'
import { received, writeManifests } from './crowd.ts'
import { eventually, type Workplace } from './process.ts'

const PEOPLE = 4
const PUBLIC_URL = 'https://people.acme.example'
const yes = (is: boolean): true | undefined => is || undefined

/** When each mail was announced in the audit trail of a process, in milliseconds, and about which record. */
const announced = async (place: Workplace): Promise<{ target: string; time: number }[]> => {
  const folder = join(place.folder, '.roster', 'audit')
  const files = await Promise.all((await readdir(folder)).sort().map(file => readFile(join(folder, file), 'utf8')))
  return files
    .flatMap(text => text.split('\n').filter(line => line !== ''))
    .map(line => JSON.parse(line) as { phase: string; action: string; target: string; time: string })
    .filter(({ phase, action }) => phase === 'intent' && action === 'mail.send')
    .map(({ target, time }) => ({ target, time: Date.parse(time) }))
}

describeWith('kube-apiserver', 'a leader that takes over from one in the middle of a mail', () => {
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await startCluster()
    await installCrds(cluster)
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  it('tries it no sooner than the deadline of the claim, once more, as the same message; the old one adds nothing when it wakes', async () => {
    await using peer = await smtpPeer()
    const namespace = await newRealm(cluster)
    await using first = await replicaOf(cluster, namespace, { publicUrl: PUBLIC_URL })
    await using second = await replicaOf(cluster, namespace, { publicUrl: PUBLIC_URL })
    await writeManifests(first.folder, PEOPLE)
    const smtp = ['--smtp', `smtp://127.0.0.1:${peer.port}`, '--mail-rate', '200']
    const memberships = async () =>
      (await cluster.ask('GET', `/apis/roster.dev/v1alpha1/namespaces/${namespace}/memberships`)).body
        .items as Membership[]
    const outcomes = async () => (await memberships()).map(({ spec }) => spec.attempts?.at(-1)?.outcome)

    peer.treat('withhold-after-data')
    const old = first.spawn('run', 'acme', ...smtp)
    await eventually(
      async () => {
        if ((await outcomes()).filter(outcome => outcome === 'Sent').length === PEOPLE - 1) return true
        throw new Error(old.output())
      },
      'all mails but one are answered',
      100_000,
    )
    await peer.received(PEOPLE)
    old.child.kill('SIGSTOP')
    // The answer reaches a process that stands still: its successor cannot know.
    expect(peer.answer()).toBe(1)
    const open = (await memberships()).filter(({ spec }) => spec.attempts?.at(-1)?.outcome === undefined)
    expect(open).toHaveLength(1)
    const { metadata: { name = '' } = {}, spec: { address = '', attempts = [] } = {} } = open[0] ?? {}
    expect(attempts).toMatchObject([{ tries: 1 }])
    const deadline = Date.parse(attempts[0]?.deadline ?? '')

    const next = second.spawn('run', ...smtp)
    await eventually(
      async () => yes((await leader(cluster, namespace)).includes(`/${next.child.pid}`)),
      'the second leads',
      60_000,
    )
    // It leads while the claim runs: otherwise nothing is shown below.
    expect(Date.now()).toBeLessThan(deadline - 30_000)
    await eventually(
      async () => yes((await outcomes()).every(outcome => outcome !== undefined)),
      'all are done with',
      200_000,
    )
    for (const { metadata, spec } of await memberships())
      expect(spec.attempts).toMatchObject([{ tries: metadata.name === name ? 2 : 1, outcome: 'Sent' }])
    expect(peer.mails).toHaveLength(PEOPLE + 1)
    expect(peer.mails.at(-1)?.to).toEqual([address])
    expect(peer.mails.at(-1)?.arrived).toBeGreaterThanOrEqual(deadline)
    const { ids, links, copies } = received(peer).get(address) ?? {}
    expect([ids?.size, links?.size, copies]).toEqual([1, 1, 2])
    const [again, ...others] = await announced(second)
    expect(others).toEqual([])
    expect(again?.target).toBe(`Membership/${name}`)
    expect(again?.time).toBeGreaterThanOrEqual(deadline)

    const before = (await memberships()).map(({ metadata }) => metadata.resourceVersion)
    const announcedBefore = await announced(first)
    old.child.kill('SIGCONT')
    await eventually(() => yes(old.output().includes('Standing by: ')), 'the first follows', 40_000)
    old.child.kill('SIGTERM')
    expect((await old.ended).code).toBe(0)
    expect((await memberships()).map(({ metadata }) => metadata.resourceVersion)).toEqual(before)
    expect(await announced(first)).toEqual(announcedBefore)
    expect(peer.mails).toHaveLength(PEOPLE + 1)
    next.child.kill('SIGTERM')
    expect((await next.ended).code).toBe(0)
  }, 400_000)
})
