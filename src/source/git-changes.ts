import { eachRecord, type GitCall } from './git-process.ts'
import { GitTrouble } from './git-trouble.ts'
import type { Change } from './revision.ts'

/** What one walk through a history costs at most. */
export interface WalkLimits {
  commits: number
  /** Bytes that git may say of them. */
  bytes: number
}

/** Which commits changed files last, as far as the walk went. */
export interface Walk {
  /** By file, below the path that is walked. */
  changes: ReadonlyMap<string, Change>
  /** The last commit that was looked at, where there are more: whatever is not in `changes` is since then as it is. */
  since?: string
}

/** Names are the words of whoever committed, of any length. */
const MOST_NAME = 100
/** Thrown where nothing more is to be told, which ends git. */
const ENOUGH = Symbol('enough')

/**
 * Who changed files last, in one call of git: from the newest commit on, the first that left a file as it is now. Of a merge it is told only what no side of it had.
 * @param at arguments that name the repository
 * @param of `without`: a commit whose history is not walked; `files`: ids of their blobs, by name below `path`; `cut`: commits whose parents are not here
 * @throws GitTrouble
 */
export const changesOf = async (
  at: readonly string[],
  of: {
    commit: string
    without?: string | undefined
    path: string
    files: ReadonlyMap<string, string>
    cut: ReadonlySet<string>
  },
  limits: WalkLimits,
  call: GitCall,
): Promise<Walk> => {
  const { commit, without, path, cut } = of
  const prefix = path === '' ? '' : `${path}/`
  const open = new Map(of.files)
  const changes = new Map<string, Change>()
  let last: Change = { commit }
  let since: string | undefined
  let blob: string | undefined
  let commits = 0
  let bytes = 0
  const take = (record: string): void => {
    bytes += record.length
    if (blob !== undefined) {
      const file = record.startsWith(prefix) ? record.slice(prefix.length) : undefined
      // What has no parents here seems to have made everything.
      if (file !== undefined && open.get(file) === blob && !cut.has(last.commit)) {
        open.delete(file)
        changes.set(file, last)
      }
      blob = undefined
      return
    }
    const line = record.replace(/^\n+/, '')
    if (line.startsWith(':')) {
      blob = blobIn(line)
      return
    }
    if (open.size === 0) throw ENOUGH
    if (++commits > limits.commits || bytes > limits.bytes) {
      since ??= last.commit
      throw ENOUGH
    }
    const [id = '', author] = [line.split(' ', 1)[0], nameOf(line.slice(line.indexOf(' ') + 1))]
    last = { commit: id, ...(author !== '' && { author }) }
    if (cut.has(id)) since ??= id
  }
  const how = ['--raw', '-z', '--no-abbrev', '--no-renames', '--diff-merges=combined', '--topo-order', '--full-history']
  const plain = ['--no-show-signature', '--no-mailmap', '--no-notes', '--no-ext-diff', '--no-color', '--no-decorate']
  const range = [commit, ...(without === undefined ? [] : [`^${without}`]), ...(path === '' ? [] : ['--', path])]
  await eachRecord([...at, 'log', ...how, ...plain, '--format=%H %an', ...range], call, take).catch(error => {
    if (error !== ENOUGH) throw error
  })
  return { changes, ...(open.size > 0 && since !== undefined && { since }) }
}

/** `:<mode> <mode> <blob> <blob> <status>`, with a colon, mode and blob more for each further parent (git-diff(1), raw output format). */
const blobIn = (line: string): string => {
  const parents = line.search(/[^:]/)
  const blob = line.slice(parents).split(' ')[2 * parents + 1]
  if (blob === undefined) throw new GitTrouble('Unreachable', 'git log says what changed in a way that cannot be read')
  return blob
}

/** A name as it is kept: trimmed, and no longer than is read. */
export const nameOf = (text: string): string => [...text.trim()].slice(0, MOST_NAME).join('')
