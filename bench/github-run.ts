import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { API_VERSION } from '../src/api/names.ts'
import { dialer } from '../src/app/dialer.ts'
import { systemClock } from '../src/app/system-clock.ts'
import { githubDriver } from '../src/directories/github/driver.ts'
import { GITHUB_TOKEN } from '../test/peers/github.ts'
import { realmIn, synced } from './synced.ts'

/** What one read came to. */
export interface GithubResult {
  seconds: number
  requests: number
  /** Records that were written. */
  writes: number
  /** MiB, after it. */
  rss: number
}

const CONCURRENCY = 8
const [url = '', folder = ''] = process.argv.slice(2)
const told = (result: Omit<GithubResult, 'rss'>): void =>
  console.log(JSON.stringify({ ...result, rss: process.memoryUsage().rss / 1024 / 1024 }))

if (folder === '') {
  // The driver alone, which keeps nothing of the people.
  const driver = githubDriver({
    spec: { organization: 'acme', url, tokenSecretRef: { name: 'github', key: 'token' } },
    limits: { concurrency: CONCURRENCY },
    dialer: dialer({ allowPrivate: ['localhost'] }),
    clock: systemClock(),
    token: async () => ({ value: GITHUB_TOKEN, hosts: ['localhost'] }),
  })
  const begin = performance.now()
  const read = await driver.read({ signal: new AbortController().signal, take: () => undefined })
  if (read.outcome !== 'Complete') throw new Error(JSON.stringify(read))
  told({ seconds: (performance.now() - begin) / 1000, requests: read.requests, writes: 0 })
  await driver.close()
} else {
  await mkdir(join(folder, 'secrets', 'github'), { recursive: true })
  for (const [file, text] of [
    ['token', GITHUB_TOKEN],
    ['.used-by', 'directory/github'],
    ['.hosts', 'localhost'],
  ] as const)
    await writeFile(join(folder, 'secrets', 'github', file), text)
  await using realm = await realmIn(folder, { secrets: join(folder, 'secrets'), allowPrivate: ['localhost'] })
  const by = { manager: 'local/bench' }
  const apiVersion = API_VERSION
  const domains = ['acme.example']
  await realm.store.apply({ apiVersion, kind: 'Organization', metadata: { name: 'acme' }, spec: { domains } }, by)
  const spec = {
    organization: 'acme',
    type: 'GitHub',
    github: { organization: 'acme', url, tokenSecretRef: { name: 'github', key: 'token' } },
    requests: { concurrency: CONCURRENCY },
    policy: 'Observe',
  } as const
  await realm.store.apply({ apiVersion, kind: 'Directory', metadata: { name: 'github' }, spec }, by)
  const { seconds, requests, created, updated, removed } = await synced(realm, 'github')
  told({ seconds, requests, writes: created + updated + removed })
}
