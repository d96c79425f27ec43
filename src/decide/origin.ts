import type { SourceSpec } from '../api/source.ts'

/** Where a source's commits come from; undefined for a folder, which has no history. Another repository or ref has a history of its own. */
export const originOf = ({ git }: Pick<SourceSpec, 'git'>): string | undefined =>
  git && `${git.url}#${git.ref ?? 'HEAD'}`

/** Whether a revision is a commit of Git, and not a digest over a folder. */
export const isCommit = (revision: string): boolean => /^[0-9a-f]{40}([0-9a-f]{24})?$/.test(revision)
