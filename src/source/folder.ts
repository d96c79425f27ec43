import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { watch as watchFiles } from 'chokidar'
import { stopsRevision } from '../manifests/finding.ts'
import { type ReadResult, readManifests } from '../manifests/read.ts'
import type { PlacedManifest, Revision, SourceReader } from './revision.ts'

/** Milliseconds in which further changes are waited for: an editor writes a file in several steps, a copy writes many files. */
const SETTLE = 150

export interface FolderReaderOptions {
  /** Absolute path of a folder or of one file. */
  path: string
  /** The controller's own CSV tables. */
  tables?: NonNullable<Parameters<typeof readManifests>[1]>['tables']
}

/** Reads a folder as one revision. Its id is a hash over what the manifests say and where, so touching a file changes nothing. */
export const folderReader = ({ path, tables }: FolderReaderOptions): SourceReader => {
  const stops = new Set<() => Promise<void>>()
  return {
    read: async () => readFolder(path, tables),
    watch: changed => {
      let timer: NodeJS.Timeout | undefined
      const soon = (): void => {
        clearTimeout(timer)
        timer = setTimeout(changed, SETTLE)
      }
      const watcher = watchFiles(path, {
        ignoreInitial: true,
        followSymlinks: false,
        ignored: name => /(^|[/\\])(\.[^/\\]+|node_modules)([/\\]|$)/.test(name.slice(path.length)),
      })
      // A watcher that cannot go on (too many files for the system) must not end the process: the interval still reads.
      watcher.on('all', soon).on('error', () => undefined)
      const stop = async (): Promise<void> => {
        clearTimeout(timer)
        stops.delete(stop)
        await watcher.close()
      }
      stops.add(stop)
      return () => void stop()
    },
    close: async () => {
      await Promise.all([...stops].map(stop => stop()))
    },
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
      message: `${path} cannot be read: ${there.code ?? there.message}`,
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
      message: `${first.file}:${first.line}:${first.column}: ${first.message}${broken.length > 1 ? ` (and ${broken.length - 1} more errors)` : ''}. Nothing of this revision is applied; run roster validate`,
      findings,
    }
  return { outcome: 'Complete', id: name, manifests, findings }
}

const hashOf = (manifests: readonly PlacedManifest[]): string => {
  const hash = createHash('sha256')
  for (const { manifest, place } of manifests) hash.update(JSON.stringify([place, manifest]))
  return `sha256:${hash.digest('hex').slice(0, 40)}`
}
