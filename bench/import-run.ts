import { execFile } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { promisify } from 'node:util'
import { API_VERSION } from '../src/api/names.ts'
import type { Realm } from '../src/app/realm.ts'
import { controllerOf, realmIn, untilIdle } from './synced.ts'

/** What importing the same people from some directories came to. */
export interface ImportResult {
  /** Seconds until everybody is a member and nothing is left to do. */
  first: number
  /** Seconds from the start of another process until it has read everything anew and nothing is left to do. */
  again: number
  /** Writes of that other process, but for the times of its reads. */
  writes: number
  /** MiB, after that. */
  rss: number
}

const writeExport = async (file: string, people: number): Promise<void> => {
  const out = createWriteStream(file)
  out.write('number,mail,first,last\n')
  for (let at = 0; at < people; at++)
    if (!out.write(`${at},p${at}@acme.example,Given${at},Family${at}\n`))
      await new Promise(resolve => out.once('drain', resolve))
  out.end()
  await finished(out)
  // It has stood still for long.
  await utimes(file, new Date(0), new Date(0))
}

const declare = async ({ store }: Realm, directories: number): Promise<void> => {
  const by = { manager: 'local/bench' }
  const apiVersion = API_VERSION
  await store.apply(
    { apiVersion, kind: 'Organization', metadata: { name: 'acme' }, spec: { domains: ['acme.example'] } },
    by,
  )
  await store.apply(
    {
      apiVersion,
      kind: 'Role',
      metadata: { name: 'viewer' },
      spec: { organization: 'acme', allow: ['reports:read'] },
    },
    by,
  )
  for (let at = 0; at < directories; at++)
    await store.apply(
      {
        apiVersion,
        kind: 'Directory',
        metadata: { name: `hr-${at}` },
        spec: {
          organization: 'acme',
          type: 'File',
          file: {
            path: 'people.csv',
            columns: { id: 'number', email: 'mail', givenName: 'first', familyName: 'last' },
          },
          policy: 'Import',
          import: { join: 'None', roles: ['viewer'] },
        },
      },
      by,
    )
}

/** Runs the controller until everybody has read and nothing is left to do. @returns seconds */
const settled = async (realm: Realm): Promise<number> => {
  const begin = performance.now()
  await using controller = await controllerOf(realm, { sources: true })
  await untilIdle(realm, controller)
  return (performance.now() - begin) / 1000
}

/** Everything that is remembered of people: what a run that finds nothing new must leave as it is. */
const versions = async ({ store }: Realm): Promise<Map<string, string>> => {
  const all = new Map<string, string>()
  for (const kind of ['Membership', 'User', 'DirectoryRecord'] as const)
    for (const { metadata } of (await store.list(kind)).items)
      all.set(`${kind}/${metadata.name}`, metadata.resourceVersion)
  return all
}

const [people = '1000', directories = '1', again] = process.argv.slice(2)
if (again === undefined) {
  const folder = await mkdtemp(join(tmpdir(), 'roster-bench-'))
  try {
    await writeExport(join(folder, 'people.csv'), Number(people))
    let first = 0
    let before: Map<string, string>
    {
      await using realm = await realmIn(folder, { directoryFiles: folder })
      await declare(realm, Number(directories))
      first = await settled(realm)
      before = await versions(realm)
      const members = (await realm.store.list('Membership')).items.filter(({ spec }) => spec.settled?.roles.length)
      if (members.length !== Number(people)) throw new Error(`${members.length} of ${people} are members`)
    }
    // A process of its own, as after a restart: only then memory is what a controller needs.
    const { stdout } = await promisify(execFile)(process.execPath, [import.meta.filename, people, directories, folder])
    await using realm = await realmIn(folder, { directoryFiles: folder })
    const after = await versions(realm)
    const writes = [...after].filter(([name, version]) => before.get(name) !== version).length
    const result: ImportResult = { first, writes, ...JSON.parse(stdout) }
    console.log(JSON.stringify(result))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
} else {
  await using realm = await realmIn(again, { directoryFiles: again })
  for (let at = 0; at < Number(directories); at++)
    await realm.store.annotate(
      { kind: 'Directory', name: `hr-${at}` },
      { 'roster.dev/requestedAt': 'again' },
      { manager: 'local/bench' },
    )
  const seconds = await settled(realm)
  console.log(JSON.stringify({ again: seconds, rss: process.memoryUsage().rss / 1024 / 1024 }))
}
