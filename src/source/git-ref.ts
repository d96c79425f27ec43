import { askGit, type GitCall } from './git-process.ts'
import { GitTrouble } from './git-trouble.ts'
import type { GitRef } from './git-url.ts'

/** The commit that a ref leads to now, and the full names under which it can be had. Of a branch and a tag of one name it is the branch, as for `git clone --branch`. */
export const resolveRef = async (
  url: string,
  ref: GitRef,
  call: GitCall,
): Promise<{ commit: string; names: readonly string[] }> => {
  if ('commit' in ref) return { commit: ref.commit, names: [] }
  const { name } = ref
  const candidates = name === 'HEAD' || name.startsWith('refs/') ? [name] : [`refs/heads/${name}`, `refs/tags/${name}`]
  const patterns = candidates.flatMap(full => [full, `${full}^{}`])
  const answer = await askGit(['ls-remote', '--quiet', '--end-of-options', url, ...patterns], call)
  const found = new Map<string, string>()
  for (const line of answer.split('\n')) {
    const match = /^([0-9a-f]{40}|[0-9a-f]{64})\t(\S+)$/.exec(line)
    if (match?.[1] && match[2]) found.set(match[2], match[1])
  }
  for (const full of candidates) {
    // An annotated tag is an object of its own; with `^{}` it is the commit that it marks (git-ls-remote(1)).
    const commit = found.get(`${full}^{}`) ?? found.get(full)
    if (commit !== undefined) return { commit, names: [full] }
  }
  throw new GitTrouble(
    'RevisionNotFound',
    name === 'HEAD'
      ? 'the repository has no commits, or no default branch'
      : `the repository has no branch or tag ${name}; was it renamed or deleted?`,
  )
}
