import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { AnyManifest, DeclaredResource } from '../api/kinds.ts'
import { API_VERSION, type DeclaredKind } from '../api/names.ts'
import type { ObjectRef } from '../api/resource.ts'
import { timestamp } from '../api/timestamp.ts'
import type { Clock } from '../ports/clock.ts'
import type { SyncResult, syncRevision } from '../source/sync.ts'
import type { ResourceStore, RunRecord } from '../store/store.ts'
import type { Log } from '../telemetry/log.ts'

/** So many runs are remembered. */
const MOST_RUNS = 50
/** A run over more objects than this is remembered without what was before: it is undone by reverting its commit. */
export const MOST_OBJECTS = 5000

/** What was before a run, so that it can be put back. It lies in the data folder of the process that did it. */
export interface RunJournal {
  number: number
  /** As they were, whether the run changed them or took them away. */
  was: { manifest: AnyManifest & { kind: DeclaredKind }; place: string; uid: string; generation: number }[]
  created: { kind: DeclaredKind; name: string; uid: string }[]
}

/** The runs that are remembered, the newest first. */
export const listRuns = async (store: Pick<ResourceStore, 'marks'>): Promise<readonly RunRecord[]> =>
  [...((await store.marks()).runs ?? [])].reverse()

/** What was before a run; undefined: it is not kept here. */
export const readJournal = async (folder: string, { number, time }: RunRecord): Promise<RunJournal | undefined> => {
  try {
    const journal = JSON.parse(await readFile(join(folder, `${number}.json`), 'utf8')) as RunJournal & { time: string }
    // Of a store that lay in this folder before.
    return journal.time === time ? journal : undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return undefined
    throw error
  }
}

/**
 * Syncs, and remembers what it did: how many of which kinds in the store, what was before in a file. What cannot be remembered is told in the log and stops nothing.
 * @param by who runs it: `controller`, or who typed `roster apply`
 */
export const rememberingRuns =
  (of: { folder: string; clock: Clock; by: string; log: Log }, sync: typeof syncRevision): typeof syncRevision =>
  async options => {
    const result = await sync(options)
    try {
      await remember(of, options, result)
    } catch (error) {
      of.log.warn(`what this run of source ${options.source} did could not be remembered`, { error })
    }
    return { ...result, was: [] }
  }

const remember = async (
  { folder, clock, by }: { folder: string; clock: Clock; by: string },
  { store, source, revision }: Parameters<typeof syncRevision>[0],
  result: SyncResult,
): Promise<void> => {
  const { created, updated, pruned, failed, conflicts, kept } = result
  const about = {
    source,
    by,
    revision: revision.id,
    ...revision.commit,
    created: created.length,
    updated: updated.length,
    deleted: pruned.length,
    held: kept?.refs.length ?? 0,
    failed: failed.length + conflicts.length,
    kinds: countsOf([...created, ...updated, ...pruned]),
  }
  const changes = about.created + about.updated + about.deleted
  if (changes + about.held + about.failed === 0) return
  const time = timestamp(clock.now())
  let number = 0
  await store.mark(marks => {
    const runs = marks.runs ?? []
    const last = runs.findLast(run => run.source === source)
    number = 0
    // The same trouble again is no news.
    if (changes === 0 && last && sameTrouble(last, about)) return marks
    number = (runs.at(-1)?.number ?? 0) + 1
    return { ...marks, runs: [...runs, { number, time, ...about }].slice(-MOST_RUNS) }
  })
  if (number === 0 || changes === 0 || changes > MOST_OBJECTS) return
  await writeJournal(folder, time, { number, ...(await journalOf(store, result)) })
}

const sameTrouble = (a: Pick<RunRecord, 'revision' | 'held' | 'failed'>, b: typeof a): boolean =>
  a.revision === b.revision && a.held === b.held && a.failed === b.failed

const countsOf = (refs: readonly ObjectRef[]): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const { kind } of refs) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

/** Generations are read after the writes: what changes after that was changed by somebody else. */
const journalOf = async (
  store: Pick<ResourceStore, 'get'>,
  { was, created }: SyncResult,
): Promise<Omit<RunJournal, 'number'>> => ({
  was: await Promise.all(
    was.map(async ({ place, object }) => {
      const now = await store.get(object.kind, object.metadata.name)
      const { uid, generation } = (now ?? object).metadata
      return { manifest: manifestOf(object), place, uid, generation }
    }),
  ),
  created: await Promise.all(
    created.map(async ({ kind, name }) => ({
      kind: kind as DeclaredKind,
      name,
      uid: (await store.get(kind, name))?.metadata.uid ?? '',
    })),
  ),
})

const manifestOf = ({ kind, metadata, spec }: DeclaredResource): AnyManifest & { kind: DeclaredKind } => {
  const own = (all: Record<string, string> = {}) =>
    Object.fromEntries(
      Object.entries(all).filter(([key]) => !/(^|\.)roster\.dev\//.test(key) && !key.startsWith('app.kubernetes.io/')),
    )
  const [labels, annotations] = [own(metadata.labels), own(metadata.annotations)]
  return {
    apiVersion: API_VERSION,
    kind,
    metadata: {
      name: metadata.name,
      ...(Object.keys(labels).length > 0 && { labels }),
      ...(Object.keys(annotations).length > 0 && { annotations }),
    },
    spec,
  } as unknown as AnyManifest & { kind: DeclaredKind }
}

const writeJournal = async (folder: string, time: string, journal: RunJournal): Promise<void> => {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const file = join(folder, `${journal.number}.json`)
  await writeFile(`${file}.part`, JSON.stringify({ time, ...journal }), { mode: 0o600 })
  await rename(`${file}.part`, file)
  for (const name of await readdir(folder)) {
    const number = Number(/^(\d+)\.json$/.exec(name)?.[1])
    if (number <= journal.number - MOST_RUNS || number > journal.number) await rm(join(folder, name), { force: true })
  }
}
