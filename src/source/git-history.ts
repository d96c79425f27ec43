import { changesOf, type WalkLimits } from './git-changes.ts'
import type { GitCopy, Wanted } from './git-copy.ts'
import { entryOf } from './git-listing.ts'
import { eachRecord, type GitCall } from './git-process.ts'
import { CommitUnusable, GitTooSlow } from './git-trouble.ts'
import type { Earlier } from './revision.ts'

/** How far back a history is read. Bytes and time are bounded by the copy and its calls. */
export interface HistoryLimits extends WalkLimits {
  /** Generations of commits that are fetched. */
  depth: number
}

/**
 * Who changed files last, as of one commit, out of a bounded history that is fetched for it. What is too large or too slow is not read at all:
 * then this commit is the only one that is known.
 * @param copy one that holds nothing yet
 * @param of `files`: by name, below `path`
 * @throws GitTrouble
 */
export const historyOf = async (
  copy: GitCopy,
  of: { wanted: Wanted; path: string; files: ReadonlySet<string> },
  limits: HistoryLimits,
  calls: { remote<T>(use: (call: GitCall) => Promise<T>): Promise<T>; local: GitCall },
): Promise<ReadonlyMap<string, Earlier>> => {
  const { wanted, path, files } = of
  const { commit } = wanted
  try {
    await calls.remote(call => copy.fetchHistory(wanted, limits.depth, call))
    const blobs = await blobsOf(copy, of, calls.local)
    const walked = { commit, path, files: blobs, cut: await copy.cut() }
    const { changes, since } = await changesOf(copy.at, walked, limits, calls.local)
    return new Map(
      [...blobs.keys()].flatMap((file): [string, Earlier][] => {
        const found = changes.get(file) ?? (since === undefined ? undefined : { since })
        return found ? [[file, found]] : []
      }),
    )
  } catch (error) {
    if (!(error instanceof GitTooSlow || error instanceof CommitUnusable)) throw error
    return new Map(Array.from(files, file => [file, { since: commit }]))
  }
}

const blobsOf = async (
  copy: GitCopy,
  { wanted, path, files }: { wanted: Wanted; path: string; files: ReadonlySet<string> },
  call: GitCall,
): Promise<Map<string, string>> => {
  const blobs = new Map<string, string>()
  const tree = `${wanted.commit}:${path}`
  await eachRecord([...copy.at, 'ls-tree', '-r', '-z', '--full-tree', tree], call, record => {
    const entry = entryOf(record)
    if (entry && files.has(entry.file)) blobs.set(entry.file, entry.id)
  })
  return blobs
}
