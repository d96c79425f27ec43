import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import https from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { load } from 'js-yaml'
import { openKubernetesStore } from '../src/store/kubernetes/store.ts'
import { startCluster, type TestCluster } from '../test/kube/apiserver.ts'
import { installCrds, newNamespace } from '../test/kube/crds.ts'
import type { Bench, Row } from './bench.ts'
import type { Started } from './kubernetes-run.ts'
import { makeOrganization } from './organization.ts'

const SIZES = [10_000, 50_000]
const CHANGES = 200
/** client-go's cache, for each unstructured object of one kilobyte. */
const CLIENT_GO_HEAP = 6.7

/** A real API server with so many people in it: the first list, a first pass, a pass that finds nothing to do, the way from a change to its status, and memory. */
export const kubernetes: Bench = {
  name: 'kubernetes',
  async run() {
    await using cluster = await startCluster()
    await installCrds(cluster)
    const empty = await fill(cluster, 0)
    const nothing = await starting(cluster, empty)
    await stop(nothing.child)
    const rows: Row[] = []
    for (const people of SIZES) rows.push(...(await measure(cluster, people, nothing.started)))
    return rows
  },
}

const measure = async (cluster: TestCluster, people: number, nothing: Started): Promise<Row[]> => {
  const label = people.toLocaleString('en')
  const namespace = await fill(cluster, people)
  const scan = await rawList(cluster, namespace)
  await cluster.writes()
  const first = await starting(cluster, namespace)
  await stop(first.child)
  const initial = ofRoster(await cluster.writes())
  // A log that misses writes cannot show that there were none.
  if (initial.length < people)
    throw new Error(`only ${initial.length} writes of a first pass over ${people} are logged`)
  const { child, started } = await starting(cluster, namespace)
  const again = ofRoster(await cluster.writes())
  if (again.length > 0)
    throw new Error(`a pass that finds nothing to do wrote ${again.length} times: ${again.slice(0, 5).join(', ')}`)
  const bare = await changes(cluster, await fill(cluster, 10), true)
  await cluster.writes()
  const ours = await changes(cluster, namespace, false)
  await stop(child)
  const written = ofRoster(await cluster.writes()).filter(write => write.startsWith('patch users/'))
  const statuses = written.filter(write => write.endsWith('/status')).length
  if (statuses > CHANGES) throw new Error(`${CHANGES} changes made ${statuses} writes of a status`)
  const after = await rawList(cluster, namespace)
  const kibibytes = (bytes: number): number => bytes / people / 1024
  process.stderr.write(
    `${label}: RSS ${(started.rss / 1024 ** 2).toFixed(0)} MiB, heap ${(started.heap / 1024 ** 2).toFixed(0)} MiB (nothing: ${(nothing.heap / 1024 ** 2).toFixed(0)} MiB), ` +
      `first pass ${initial.length} writes, an object ${after.size.toFixed(0)} B of which managedFields ${after.managed.toFixed(0)} B\n`,
  )
  return [
    {
      name: `${label} people, first list`,
      figure: started.listed,
      floor: after.seconds,
      unit: 's',
      against: 'paged list, JSON.parse',
      aim: 3,
    },
    {
      name: `${label} people, first pass`,
      figure: first.started.idle,
      floor: scan.seconds + initial.length * bare.patch,
      unit: 's',
      against: 'list, and its writes one by one',
      aim: 1,
    },
    {
      name: `${label} people, nothing to do`,
      figure: started.idle,
      floor: after.seconds,
      unit: 's',
      against: 'paged list, JSON.parse',
      aim: 10,
    },
    {
      name: `${label} people, change to status, P50`,
      figure: ours.p50 * 1000,
      floor: bare.p50 * 1000,
      unit: 'ms',
      against: 'two bare PATCHes, watched',
      aim: 2,
    },
    {
      name: `${label} people, change to status, P99`,
      figure: ours.p99 * 1000,
      floor: bare.p99 * 1000,
      unit: 'ms',
      against: 'two bare PATCHes, watched',
      aim: 3,
    },
    {
      name: `${label} people, writes for a change`,
      figure: statuses / CHANGES,
      floor: 1,
      unit: 'writes',
      against: 'its status',
      aim: 1,
    },
    {
      name: `${label} people, heap of each`,
      figure: kibibytes(started.heap - nothing.heap),
      floor: CLIENT_GO_HEAP,
      unit: 'KiB',
      against: 'client-go',
      aim: 0.3,
    },
    {
      name: `${label} people, RSS of each`,
      figure: kibibytes(started.rss - nothing.rss),
      floor: CLIENT_GO_HEAP,
      unit: 'KiB',
      against: "client-go's heap",
      aim: 1,
    },
  ] satisfies Row[]
}

/** The lease is renewed whatever there is to do, and the time is marked in it. */
const ofRoster = (writes: string[]): string[] => writes.filter(write => !/^\w+ (leases|configmaps)\//.test(write))

/** A namespace with one organization of so many people, who are known and not invited yet. */
const fill = async (cluster: TestCluster, people: number): Promise<string> => {
  const namespace = await newNamespace(cluster)
  await using store = await openKubernetesStore({
    kubeconfig: cluster.kubeconfig,
    namespace,
    clock: { now: () => Date.now() },
  })
  await makeOrganization(store, people, () => 'known')
  return namespace
}

const folder = mkdtempSync(join(tmpdir(), 'roster-bench-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

const starting = async (cluster: TestCluster, namespace: string) => {
  const child = fork(join(import.meta.dirname, 'kubernetes-run.ts'), [
    cluster.kubeconfig,
    namespace,
    join(folder, namespace),
  ])
  const early = once(child, 'exit').then(([code]) => {
    throw new Error(`the controller ended with ${code}`)
  })
  const [started] = (await Promise.race([once(child, 'message'), early])) as [Started]
  early.catch(() => undefined)
  return { child, started }
}

const stop = async (child: ChildProcess): Promise<void> => {
  const gone = once(child, 'exit')
  child.send('stop')
  await gone
}

const agent = new https.Agent({ keepAlive: true })

/** One request of nothing but node:https; the body as it comes. */
const request = async (cluster: TestCluster, method: string, path: string, body?: unknown) => {
  const { clusters, users } = load(readFileSync(cluster.kubeconfig, 'utf8')) as {
    clusters: { cluster: { 'certificate-authority': string } }[]
    users: { user: { token: string } }[]
  }
  const sent = https.request(`${cluster.server}${path}`, {
    agent,
    method,
    ca: readFileSync(clusters[0]?.cluster['certificate-authority'] ?? ''),
    headers: { Authorization: `Bearer ${users[0]?.user.token}`, 'Content-Type': 'application/merge-patch+json' },
  })
  sent.end(body === undefined ? undefined : JSON.stringify(body))
  const [response] = (await once(sent, 'response')) as [import('node:http').IncomingMessage]
  return response
}
const json = async <T>(cluster: TestCluster, method: string, path: string, body?: unknown): Promise<T> => {
  const chunks: Buffer[] = []
  const response = await request(cluster, method, path, body)
  for await (const chunk of response) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString()
  if (response.statusCode !== 200) throw new Error(`${method} ${path}: ${response.statusCode} ${text.slice(0, 200)}`)
  return JSON.parse(text) as T
}
const usersPath = (namespace: string): string => `/apis/roster.dev/v1alpha1/namespaces/${namespace}/users`

interface RawUser {
  metadata: { name: string; generation: number; resourceVersion: string; managedFields?: unknown }
  status?: { conditions?: { observedGeneration?: number }[] }
}

/** The floor of a list: the same pages, read and parsed by nothing else. Sizes are those of an object on average. */
const rawList = async (cluster: TestCluster, namespace: string) => {
  let [size, managed, count, next] = [0, 0, 0, ''] as [number, number, number, string]
  let seconds = 0
  do {
    const begin = performance.now()
    const page = await json<{ metadata: { continue?: string }; items: RawUser[] }>(
      cluster,
      'GET',
      `${usersPath(namespace)}?limit=500${next && `&continue=${encodeURIComponent(next)}`}`,
    )
    seconds += (performance.now() - begin) / 1000
    for (const item of page.items) {
      size += JSON.stringify(item).length
      managed += JSON.stringify(item.metadata.managedFields ?? []).length
    }
    count += page.items.length
    next = page.metadata.continue ?? ''
  } while (next !== '')
  return { seconds, size: size / count, managed: managed / count }
}

/** One change of a spec after the other, until a watch tells of a status that has seen it. `bare`: that status is written here, by one PATCH, and nobody else. */
const changes = async (cluster: TestCluster, namespace: string, bare: boolean) => {
  const people = bare ? 10 : CHANGES
  const path = usersPath(namespace)
  const { metadata } = await json<{ metadata: { resourceVersion: string } }>(cluster, 'GET', `${path}?limit=1`)
  const watch = await request(cluster, 'GET', `${path}?watch=1&resourceVersion=${metadata.resourceVersion}`)
  const waiting = new Map<string, { generation: number; seen: () => void }>()
  const seen = new Map<string, number>()
  createInterface({ input: watch }).on('line', line => {
    const { object } = JSON.parse(line) as { object: RawUser }
    const { name } = object.metadata
    const observed = Math.min(...(object.status?.conditions ?? []).map(one => one.observedGeneration ?? 0), Infinity)
    if (observed === Infinity) return
    seen.set(name, observed)
    const waits = waiting.get(name)
    if (waits && observed >= waits.generation) waits.seen()
  })
  const seconds: number[] = []
  const patches: number[] = []
  for (let at = 0; at < CHANGES; at++) {
    const name = `person-${at % people}`
    const begin = performance.now()
    const user = await json<RawUser>(cluster, 'PATCH', `${path}/${name}`, { spec: { givenName: `Person ${at}` } })
    const { generation } = user.metadata
    const done = new Promise<void>(resolve => {
      if ((seen.get(name) ?? 0) >= generation) resolve()
      else waiting.set(name, { generation, seen: resolve })
    })
    if (bare) {
      const second = performance.now()
      await json(cluster, 'PATCH', `${path}/${name}/status`, { status: { conditions: [statusOf(generation)] } })
      patches.push((performance.now() - second) / 1000)
    }
    await done
    waiting.delete(name)
    seconds.push((performance.now() - begin) / 1000)
  }
  watch.destroy()
  const sorted = seconds.toSorted((a, b) => a - b)
  const quantile = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN
  return { p50: quantile(0.5), p99: quantile(0.99), patch: patches.reduce((sum, one) => sum + one, 0) / patches.length }
}

const statusOf = (observedGeneration: number) => ({
  type: 'Ready',
  status: 'True',
  reason: 'Succeeded',
  message: `seen at ${observedGeneration}`,
  lastTransitionTime: '2026-01-05T09:00:00Z',
  observedGeneration,
})
