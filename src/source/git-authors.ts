import { changesOf, nameOf, type WalkLimits } from './git-changes.ts'
import type { GitCopy } from './git-copy.ts'
import { askGit, type GitCall } from './git-process.ts'
import type { Change, Revision } from './revision.ts'

/** Who made one commit, and which commit changed which file last. */
export interface Authorship {
  commit: NonNullable<Extract<Revision, { outcome: 'Complete' }>['commit']>
  /** By file, below the path that is read. A file that is not in it changed in a commit that is not here. */
  changes: ReadonlyMap<string, Change>
}

/**
 * Who changed what between two commits, out of the history that is here anyway: nothing is fetched for it. Before the first commit that was read there is none,
 * unless the repository begins with it.
 * @param of `after`: the commit that was applied last; undefined: none. `files`: ids of their blobs, by name
 * @throws GitTrouble
 */
export const authorsOf = async (
  copy: GitCopy,
  of: { commit: string; after: string | undefined; path: string; files: ReadonlyMap<string, string> },
  limits: WalkLimits,
  call: GitCall,
): Promise<Authorship> => {
  const { commit, after } = of
  const persons = ['--max-count=1', '--no-show-signature', '--no-mailmap', '--no-notes', '--format=%an%x00%cn']
  const answer = await askGit([...copy.at, 'log', ...persons, commit], call)
  const [author, committer] = answer.split('\0').map(nameOf)
  const about = { ...(author && { author }), ...(committer && { committer }) }
  if (after === commit) return { commit: about, changes: new Map() }
  if (after !== undefined) {
    const { changes } = await changesOf(copy.at, { ...of, without: after, cut: await copy.cut() }, limits, call)
    return { commit: about, changes }
  }
  // What the commit itself says: a copy without history seems to begin with any commit.
  const [header = ''] = (await askGit([...copy.at, 'cat-file', 'commit', commit], call)).split('\n\n', 1)
  const change: Change = { commit, ...(author && { author }) }
  const begins = !/^parent /m.test(header)
  return { commit: about, changes: new Map(begins ? Array.from(of.files.keys(), file => [file, change]) : []) }
}
