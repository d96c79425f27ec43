import type { GitCopy } from './git-copy.ts'
import { askGit, type GitCall } from './git-process.ts'
import type { Change, Revision } from './revision.ts'

/** Who made one commit, and which commit changed which file last. */
export interface Authorship {
  commit: NonNullable<Extract<Revision, { outcome: 'Complete' }>['commit']>
  /** By file, below the path that is read. A file that is not in it changed in a commit that is not here. */
  changes: ReadonlyMap<string, Change>
}

/** In a pass over more changed files than this, only the commit is told: each costs a call of git. */
const MOST_FILES = 100
/** Names are the words of whoever committed, of any length. */
const MOST_NAME = 100

/**
 * Who changed what between two commits, out of the history that is here anyway: nothing is fetched for it. Before the first commit that was read there is none,
 * unless the repository begins with it.
 * @param after the commit that was applied last; undefined: none
 * @throws GitTrouble
 */
export const authorsOf = async (
  copy: GitCopy,
  at: { commit: string; after: string | undefined; path: string; files: Iterable<string> },
  call: GitCall,
): Promise<Authorship> => {
  const { commit, after, path } = at
  const tip = await personsOf(copy, [commit], [], call)
  const about = {
    ...(tip?.author !== undefined && { author: tip.author }),
    ...(tip?.committer !== undefined && { committer: tip.committer }),
  }
  const changes = new Map<string, Change>()
  const prefix = path === '' ? '' : `${path}/`
  if (after === undefined) {
    // What the commit itself says: a copy without history seems to begin with any commit.
    const [head = ''] = (await askGit([...copy.at, 'cat-file', 'commit', commit], call)).split('\n\n', 1)
    if (tip && !/^parent /m.test(head)) for (const file of at.files) changes.set(file, changeOf(tip))
    return { commit: about, changes }
  }
  if (after === commit) return { commit: about, changes }
  const compare = ['diff-tree', '-r', '-z', '--name-only', '--no-renames', '--no-ext-diff', '--diff-filter=d']
  const changed = (await askGit([...copy.at, ...compare, after, commit, ...(path === '' ? [] : ['--', path])], call))
    .split('\0')
    .filter(file => file !== '' && file.startsWith(prefix))
    .map(file => file.slice(prefix.length))
  const files = new Set(at.files)
  const ours = changed.filter(file => files.has(file))
  if (ours.length > MOST_FILES) return { commit: about, changes }
  for (const file of ours) {
    const last = await personsOf(copy, [commit, `^${after}`], ['--', `${prefix}${file}`], call)
    if (last) changes.set(file, changeOf(last))
  }
  return { commit: about, changes }
}

interface Persons {
  commit: string
  author?: string
  committer?: string
}

const changeOf = ({ commit, author }: Persons): Change => ({ commit, ...(author !== undefined && { author }) })

const personsOf = async (
  copy: GitCopy,
  range: readonly string[],
  paths: readonly string[],
  call: GitCall,
): Promise<Persons | undefined> => {
  const format = ['--max-count=1', '--no-show-signature', '--no-mailmap', '--no-notes', '--format=%H%x00%an%x00%cn']
  const answer = await askGit([...copy.at, 'log', ...format, ...range, ...paths], call)
  const [commit = '', author, committer] = answer.trimEnd().split('\0').map(nameOf)
  return commit === ''
    ? undefined
    : { commit, ...(author !== '' && author && { author }), ...(committer !== '' && committer && { committer }) }
}

const nameOf = (text: string): string => [...text.trim()].slice(0, MOST_NAME).join('')
