import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { openRealm } from '../src/app/openrealm.ts'
import type { Realm } from '../src/app/realm.ts'
import { resolveSettings } from '../src/app/settings.ts'
import { makeOrganization, type Standing } from './organization.ts'
import { controllerOf, untilIdle } from './synced.ts'

/** What one run in a process of its own found. */
export interface PassResult {
  /** From the start of the loop until nothing was left to do. */
  first: number
  /** The same for a second process's first pass, which finds everything done. */
  again: number
  /** Writes of that second pass. */
  writes: number
  /** Reading and parsing the same people with node:sqlite alone. */
  scan: number
  /** MiB, after the second pass. */
  rss: number
}

const pass = async (realm: Realm): Promise<number> => {
  const begin = performance.now()
  await using controller = await controllerOf(realm, { sources: false })
  const { loop } = controller.manager
  await untilIdle(realm, controller)
  const seconds = (performance.now() - begin) / 1000
  // Counts are made anew every ten seconds: those of the last moments belong to this pass, not to the next one.
  while (loop.idleVersion() === undefined || loop.later().some(({ time }) => time <= realm.clock.now() + 11_000))
    await setTimeout(200)
  return seconds
}

const open = (folder: string) =>
  openRealm({
    settings: resolveSettings({ flags: { data: folder }, environment: {}, cwd: folder }).settings,
    environment: {},
    create: true,
  })

const first = async (people: number, standingOf: (index: number) => Standing): Promise<PassResult> => {
  const folder = await mkdtemp(join(tmpdir(), 'roster-bench-'))
  try {
    let seconds = 0
    {
      await using realm = await open(folder)
      await makeOrganization(realm.store, people, standingOf)
      seconds = await pass(realm)
    }
    // A process of its own, as after a restart: only then memory is what a controller needs.
    const { stdout } = await promisify(execFile)(process.execPath, [import.meta.filename, 'again', folder])
    return { first: seconds, scan: scanPeople(join(folder, 'roster.sqlite')), ...(JSON.parse(stdout) as Again) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

type Again = Pick<PassResult, 'again' | 'writes' | 'rss'>
const again = async (folder: string): Promise<Again> => {
  await using realm = await open(folder)
  const before = (await realm.store.info()).resourceVersion
  const seconds = await pass(realm)
  const writes = Number((await realm.store.info()).resourceVersion) - Number(before)
  return { again: seconds, writes, rss: process.memoryUsage().rss / 1024 / 1024 }
}

/** The floor: every row read and parsed once, by nothing but node:sqlite. */
const scanPeople = (file: string): number => {
  const db = new DatabaseSync(file, { readOnly: true })
  const begin = performance.now()
  for (const row of db
    .prepare("SELECT spec, status, meta FROM objects WHERE kind IN ('User', 'Membership', 'Invitation')")
    .iterate())
    for (const text of Object.values(row)) if (typeof text === 'string') JSON.parse(text)
  const seconds = (performance.now() - begin) / 1000
  db.close()
  return seconds
}

const [scenario = 'known', argument = '1000'] = process.argv.slice(2)
const standings: Record<string, (index: number) => Standing> = {
  known: () => 'known',
  invited: () => 'invited',
  joined: index => (index % 100 === 0 ? 'known' : 'joined'),
}
const standing = standings[scenario]
if (!standing && scenario !== 'again') throw new Error(`there is no scenario ${scenario}`)
console.log(JSON.stringify(standing ? await first(Number(argument), standing) : await again(argument)))
