import { createHmac } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { startCluster } from '../kube/apiserver.ts'
import { installCrds } from '../kube/crds.ts'
import { describeWith } from '../parts.ts'
import { openGitServer } from '../peers/git-server.ts'
import { organizationYaml, roleYaml, testRepository } from '../source/repository.ts'
import { newRealm, replicaOf } from './cluster.ts'
import { eventually, Workplace } from './process.ts'

const SECRET = 'a secret of more than sixteen characters'
const yes = (is: boolean): true | undefined => is || undefined

/** What GitHub sends after a push. */
const deliver = async (url: string, repository: string, secret = SECRET) => {
  const body = JSON.stringify({ ref: 'refs/heads/main', repository: { clone_url: repository } })
  const signature = createHmac('sha256', secret).update(body).digest('hex')
  const answer = await fetch(`${url}/hooks/git`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${signature}` },
    body,
  })
  return `${answer.status} ${await answer.text()}`
}

/** A source that asks once a day, so that what is read sooner was asked for. */
const sourceYaml = (url: string): string => `apiVersion: roster.dev/v1alpha1
kind: Source
metadata: {name: people}
spec:
  git: {url: '${url}', ref: main, interval: 24h, webhookSecretRef: {name: hook, key: secret}}
`

const served = async (folder: string) => {
  const root = join(folder, 'served')
  const repository = testRepository(root)
  repository.commit({ 'acme.yaml': organizationYaml, 'editor.yaml': roleYaml('editor') })
  const server = await openGitServer({ root })
  return { repository, server, url: `${server.url}/people.git` }
}
const has = async (place: Workplace, role: string) => (await place.roster('get', 'role', role)).code === 0

describe('a push', () => {
  it('is taken over within seconds where the Git server tells of it, and not before', async () => {
    await using place = await Workplace.make({ ROSTER_ALLOW_PRIVATE: '127.0.0.1', ROSTER_SECRETS: 'secrets' })
    const { repository, server, url } = await served(place.folder)
    await using _ = server
    await mkdir(join(place.folder, 'secrets', 'hook'), { recursive: true })
    await writeFile(join(place.folder, 'secrets', 'hook', 'secret'), `${SECRET}\n`)
    await writeFile(join(place.folder, 'secrets', 'hook', '.used-by'), 'source/people\n')
    await writeFile(join(place.folder, 'sources.yaml'), sourceYaml(url))
    const applied = await place.roster('apply', 'sources.yaml', '--source', 'setup')
    expect(applied.code, applied.err).toBe(0)
    const running = await place.run()
    await eventually(async () => yes(await has(place, 'editor')), 'the first commit is applied', 60_000)

    repository.commit({ 'viewer.yaml': roleYaml('viewer') })
    const asked = server.requests.length
    expect(await deliver(place.url, url, 'another secret of theirs')).toBe('401 not accepted\n')
    expect(server.requests.length).toBe(asked)
    expect(await deliver(place.url, url)).toBe('202 Source/people is read\n')
    await eventually(async () => yes(await has(place, 'viewer')), 'the second commit is applied', 60_000)
    expect((await running.stop()).code).toBe(0)
  }, 180_000)
})

describeWith('kube-apiserver', 'a push on Kubernetes', () => {
  it('is taken over by whoever leads, whichever replica the Git server reaches', async () => {
    await using cluster = await startCluster()
    await installCrds(cluster)
    const namespace = await newRealm(cluster)
    const { code } = await cluster.ask('POST', `/api/v1/namespaces/${namespace}/secrets`, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'hook', annotations: { 'roster.dev/used-by': 'source/people' } },
      stringData: { secret: SECRET },
    })
    expect(code).toBe(201)
    const publicUrl = 'https://people.acme.example'
    await using first = await replicaOf(cluster, namespace, { publicUrl })
    await using second = await replicaOf(cluster, namespace, { publicUrl })
    const { repository, server, url } = await served(first.folder)
    await using _ = server
    await writeFile(join(first.folder, 'sources.yaml'), sourceYaml(url))
    const applied = await first.roster('apply', 'sources.yaml', '--source', 'setup')
    expect(applied.code, applied.err).toBe(0)
    await first.run('--allow-private', '127.0.0.1')
    const follower = second.spawn('run', '--allow-private', '127.0.0.1')
    await eventually(() => yes(follower.output().includes('Standing by: ')), 'the second stands by', 60_000)
    await eventually(async () => yes(await has(first, 'editor')), 'the first commit is applied', 60_000)

    repository.commit({ 'viewer.yaml': roleYaml('viewer') })
    await eventually(
      async () => yes((await deliver(second.url, url)) === '202 Source/people is read\n'),
      'the second takes the webhook',
      60_000,
    )
    await eventually(async () => yes(await has(first, 'viewer')), 'the second commit is applied', 60_000)
  }, 240_000)
})
