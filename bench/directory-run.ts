import { execFile } from 'node:child_process'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, rm, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { promisify } from 'node:util'
import { parse } from 'csv-parse'
import { API_VERSION } from '../src/api/names.ts'
import type { Realm } from '../src/app/realm.ts'
import { realmIn, synced } from './synced.ts'

/** What reading one directory twice came to. */
export interface DirectoryResult {
  /** Seconds of the first read, which writes a record a person. */
  first: number
  /** Seconds of a read that finds nothing new, in a process that has just started. */
  again: number
  /** Writes of that second read beside the answer to who asked. */
  writes: number
  requests: number
  /** Reading the same file with csv-parse alone. */
  scan: number
  /** MiB, after the second read. */
  rss: number
}

const GROUPS = 700

const writeExport = async (file: string, people: number): Promise<void> => {
  const out = createWriteStream(file)
  out.write('number,mail,first,last,teams\n')
  for (let at = 0; at < people; at++)
    if (!out.write(`${at},p${at}@acme.example,Given${at},Family${at},team-${at % GROUPS};all\n`))
      await new Promise(resolve => out.once('drain', resolve))
  out.end()
  await finished(out)
  // It has stood still for long.
  await utimes(file, new Date(0), new Date(0))
}

const open = (folder: string) => realmIn(folder, { directoryFiles: folder })

const declare = async ({ store }: Realm): Promise<void> => {
  const by = { manager: 'local/bench' }
  const apiVersion = API_VERSION
  await store.apply(
    { apiVersion, kind: 'Organization', metadata: { name: 'acme' }, spec: { domains: ['acme.example'] } },
    by,
  )
  const columns = { id: 'number', email: 'mail', givenName: 'first', familyName: 'last', groups: 'teams' }
  const spec = { organization: 'acme', type: 'File', file: { path: 'people.csv', columns }, policy: 'Observe' } as const
  await store.apply({ apiVersion, kind: 'Directory', metadata: { name: 'hr' }, spec }, by)
}

const scan = async (file: string): Promise<number> => {
  const begin = performance.now()
  for await (const _ of createReadStream(file).pipe(parse({ columns: true })));
  return (performance.now() - begin) / 1000
}

const [people = '1000', again] = process.argv.slice(2)
if (again === undefined) {
  const folder = await mkdtemp(join(tmpdir(), 'roster-bench-'))
  try {
    const file = join(folder, 'people.csv')
    await writeExport(file, Number(people))
    let first = 0
    {
      await using realm = await open(folder)
      await declare(realm)
      first = (await synced(realm, 'hr')).seconds
    }
    // A process of its own, as after a restart: only then memory is what a controller needs.
    const { stdout } = await promisify(execFile)(process.execPath, [import.meta.filename, people, folder])
    const result: DirectoryResult = { first, scan: await scan(file), ...JSON.parse(stdout) }
    console.log(JSON.stringify(result))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
} else {
  await using realm = await open(again)
  const { seconds, created, updated, removed, requests } = await synced(realm, 'hr')
  const rss = process.memoryUsage().rss / 1024 / 1024
  console.log(JSON.stringify({ again: seconds, writes: created + updated + removed, requests, rss }))
}
