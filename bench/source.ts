import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KINDS } from '../src/api/names.ts'
import { systemClock } from '../src/app/system-clock.ts'
import { indexes } from '../src/reconcilers/indexes.ts'
import { cachedStore } from '../src/runtime/cachedstore.ts'
import { Informer } from '../src/runtime/informer.ts'
import type { Cache } from '../src/runtime/reconciler.ts'
import { gitReader } from '../src/source/git.ts'
import { SyncMemory } from '../src/source/memory.ts'
import type { SourceReader } from '../src/source/revision.ts'
import { type SyncResult, syncRevision } from '../src/source/sync.ts'
import { openEmbeddedStore } from '../src/store/embedded/store.ts'
import type { ResourceStore } from '../src/store/store.ts'
import type { Bench } from './bench.ts'

const FILES = 50_000

const user = (number: number, name = 'Alice'): string => `apiVersion: roster.dev/v1alpha1
kind: User
metadata: {name: user-${number}}
spec: {email: user-${number}@acme.example, givenName: ${name}, memberships: [{organization: acme, roles: []}]}
`
const ORGANIZATION = `apiVersion: roster.dev/v1alpha1
kind: Organization
metadata: {name: acme}
spec: {}
`

/** A revision of a repository with 50,000 files in which one changed, against the first one: read, judged, compared and written. */
export const source: Bench = {
  name: 'source',
  run: async () => {
    const folder = await mkdtemp(join(tmpdir(), 'roster-bench-source-'))
    const clock = systemClock()
    const store = await openEmbeddedStore({ folder: join(folder, 'data'), clock })
    const git = { url: `file://${join(folder, 'people.git')}`, ref: 'main' }
    const reader = gitReader({
      name: 'people',
      git,
      folder: join(folder, 'copies'),
      secrets: { read: () => Promise.reject(new Error('no secrets here')) },
      dialer: { resolve: () => Promise.reject(new Error('no network here')) } as never,
      clock,
    })
    try {
      execFileSync('git', ['init', '--quiet', '--bare', '-b', 'main', join(folder, 'people.git')])
      commit(folder, [
        ['acme.yaml', ORGANIZATION],
        ...Array.from({ length: FILES }, (_, n) => [fileOf(n), user(n)] as const),
      ])
      const memory = new SyncMemory()
      // As in the controller: own writes are in the cache when they return, and a pass reads it instead of the store.
      const informer = new Informer({ store, kinds: KINDS, indexes, clock, random: Math.random })
      const { ended } = await informer.start()
      const live = { store: cachedStore(store, informer), cache: informer.cache }
      const first = await timed(() => pass(reader, live, memory))
      commit(folder, [[fileOf(4711), user(4711, 'Eve')]], true)
      const second = await timed(() => pass(reader, live, memory, first.revision))
      await informer.stop()
      await ended
      if (first.result.created.length !== FILES + 1 || second.result.updated.length !== 1)
        throw new Error(`${first.result.created.length} made, then ${second.result.updated.length} changed`)
      return [
        {
          name: 'one edit among 50,000 files',
          figure: second.seconds,
          unit: 's',
          floor: first.seconds,
          against: 'the first revision',
          aim: 0.05,
        },
      ]
    } finally {
      await reader.close()
      await store[Symbol.asyncDispose]()
      clock.stop()
      await rm(folder, { recursive: true, force: true })
    }
  },
}

const fileOf = (number: number): string => `users/${Math.floor(number / 500)}/user-${number}.yaml`

/** @param follows whether it stands on the commit before */
const commit = (folder: string, files: readonly (readonly [string, string])[], follows = false): void => {
  const message = 'commit refs/heads/main\ncommitter Ada <ada@acme.example> 1790000000 +0000\ndata 6\nchange\n'
  const texts = files.map(([file, text]) => `M 100644 inline ${file}\ndata ${Buffer.byteLength(text)}\n${text}\n`)
  execFileSync('git', ['--git-dir', join(folder, 'people.git'), 'fast-import', '--quiet'], {
    input: `${message}${follows ? 'from refs/heads/main^0\n' : ''}${texts.join('')}`,
    maxBuffer: 1024 * 1024,
  })
}

const pass = async (
  reader: SourceReader,
  { store, cache }: { store: ResourceStore; cache: Cache },
  memory: SyncMemory,
  after?: string,
): Promise<{ result: SyncResult; revision: string }> => {
  const { signal } = new AbortController()
  const marks = [performance.now()]
  const revision = await reader.read({ signal, after, applied: after })
  marks.push(performance.now())
  if (revision.outcome !== 'Complete') throw new Error(revision.message)
  const permit = async (objects: Parameters<Parameters<typeof syncRevision>[0]['permit']>[0]) => ({
    permitted: objects,
    because: '',
  })
  const result = await syncRevision({ store, source: 'people', revision, prune: true, permit, memory, live: cache })
  marks.push(performance.now())
  if (process.env['BENCH_MARKS']) console.error(marks.map((mark, at) => mark - (marks[at - 1] ?? mark)))
  return { result, revision: revision.id }
}

const timed = async <T>(work: () => Promise<T>): Promise<T & { seconds: number }> => {
  const start = performance.now()
  const result = await work()
  return { ...result, seconds: (performance.now() - start) / 1000 }
}
