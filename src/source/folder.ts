import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { stopsRevision } from '../manifests/finding.ts'
import { type ReadResult, readManifests } from '../manifests/read.ts'
import { stampOf } from './folder-stamp.ts'
import { type FolderWatch, type OpenWatcher, SETTLE, watchFolder } from './folder-watch.ts'
import type { PlacedManifest, Revision, SourceReader } from './revision.ts'

/** How often a folder is looked at while it changes, before that is said. */
const TRIES = 8

export interface FolderReaderOptions {
  /** Absolute path of a folder or of one file. */
  path: string
  /** The controller's own CSV tables. */
  tables?: NonNullable<Parameters<typeof readManifests>[1]>['tables']
  /** Waits so many milliseconds. */
  sleep?: (milliseconds: number, signal: AbortSignal) => Promise<void>
  /** The time of the file system's clock, which is this machine's. */
  now?: () => number
  openWatcher?: OpenWatcher
  /** Reads what is there at this moment. */
  readOnce?: typeof readFolder
}

/**
 * Reads a folder as one revision. Its id is a hash over what the manifests say and where, so touching a file changes nothing.
 * A folder in the middle of a change is waited for: what is read stood still before and while it was read.
 */
export const folderReader = (options: FolderReaderOptions): SourceReader => {
  const { path, tables, sleep = pause, now = Date.now, openWatcher, readOnce = readFolder } = options
  const watches = new Set<FolderWatch>()
  return {
    read: async ({ signal }) => {
      for (let tries = 0; tries < TRIES; tries++) {
        const before = await stampOf(path)
        const age = now() - before.newest
        if (age < 0 || age >= SETTLE) {
          const revision = await readOnce(path, tables)
          if ((await stampOf(path)).id === before.id) return noticed(revision, watches)
        }
        await sleep(SETTLE, signal)
      }
      return {
        outcome: 'Partial',
        reason: 'Retrying',
        message: `${path} is being changed while it is read; it is read again when it stands still`,
        findings: [],
      }
    },
    watch: changed => {
      const watch = watchFolder(path, changed, openWatcher)
      watches.add(watch)
      return () => {
        watches.delete(watch)
        void watch.stop()
      }
    },
    close: async () => {
      const all = [...watches]
      watches.clear()
      await Promise.all(all.map(watch => watch.stop()))
    },
  }
}

const pause = async (milliseconds: number, signal: AbortSignal): Promise<void> => {
  await setTimeout(milliseconds, undefined, { signal })
}

/** A revision of a folder that cannot be watched says so: its changes take effect only at the next interval. */
const noticed = (revision: Revision, watches: ReadonlySet<FolderWatch>): Revision => {
  const trouble = [...watches].find(watch => watch.trouble !== undefined)?.trouble
  if (trouble === undefined || revision.outcome !== 'Complete') return revision
  const remedy = trouble === 'ENOSPC' ? '; raise fs.inotify.max_user_watches' : ''
  return {
    ...revision,
    notice: `changes are only seen now and then, because the folder cannot be watched (${trouble}${remedy})`,
  }
}

/** Reads a folder once. @param id given where something better than a hash names the revision: a commit */
export const readFolder = async (
  path: string,
  tables?: FolderReaderOptions['tables'],
  id?: string,
): Promise<Revision> => {
  const there = await stat(path).catch((error: NodeJS.ErrnoException) => error)
  if (there instanceof Error)
    return {
      outcome: 'Failed',
      reason: there.code === 'ENOENT' || there.code === 'ENOTDIR' ? 'PathNotFound' : 'Unreachable',
      message:
        there.code === 'ENOENT' ? `${path} does not exist` : `${path} cannot be read: ${there.code ?? there.message}`,
      findings: [],
      ...(id === undefined ? {} : { id }),
    }
  const result = await readManifests([{ path }], {
    relativeTo: there.isDirectory() ? path : `${path}/..`,
    ...(tables ? { tables } : {}),
  })
  return revisionOf(result, id)
}

/** What was read, as a revision: whole, or refused because of errors of text, schema or rules. */
export const revisionOf = (result: ReadResult, id?: string): Revision => {
  const { findings } = result
  const broken = findings.filter(stopsRevision)
  const [first] = broken
  const manifests: PlacedManifest[] = result.resources.map(({ manifest, origin }) => ({
    manifest,
    place: `${origin.file}:${origin.line}`,
  }))
  const name = id ?? hashOf(manifests)
  if (first)
    return {
      outcome: 'Failed',
      id: name,
      reason: 'InvalidManifests',
      message: `${first.file}:${first.line}:${first.column}: ${first.message}${broken.length > 1 ? ` (and ${broken.length - 1} more ${broken.length === 2 ? 'error' : 'errors'})` : ''}. Nothing of this revision is applied; run roster validate`,
      findings,
    }
  return { outcome: 'Complete', id: name, manifests, findings }
}

const hashOf = (manifests: readonly PlacedManifest[]): string => {
  const hash = createHash('sha256')
  for (const { manifest, place } of manifests) hash.update(JSON.stringify([place, manifest]))
  return `sha256:${hash.digest('hex').slice(0, 40)}`
}
