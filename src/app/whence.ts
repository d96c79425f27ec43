import type { AnyResource } from '../api/kinds.ts'
import { ANNOTATIONS, type Kind, LABELS } from '../api/names.ts'

/** Where a resource comes from. */
export interface Whence {
  /** `users/alice.yaml:2`, or `User/alice` where no source declares it. */
  place: string
  /** Name of the source that declares it. */
  source?: string
  /** Revision of the last change to this document. */
  revision?: string
  /** Commit that changed its file last, where that is known. */
  commit?: string
  /** Who wrote that commit, in their own words. */
  author?: string
  /** Kind of what Roster made it for. */
  generatedFor?: string
}

export const whenceOf = ({ kind, metadata: { name, labels = {}, annotations = {} } }: AnyResource): Whence => {
  const source = labels[LABELS.source]
  const revision = annotations[ANNOTATIONS.revision]
  const commit = annotations[ANNOTATIONS.commit]
  const author = annotations[ANNOTATIONS.author]
  const generatedFor = labels[LABELS.generated]
  return {
    place: placeOf({ kind, name, annotations }),
    ...(source !== undefined && { source }),
    ...(revision !== undefined && { revision }),
    ...(commit !== undefined && { commit }),
    ...(author !== undefined && { author }),
    ...(generatedFor !== undefined && { generatedFor }),
  }
}

/** `users/alice.yaml:2@a1b2c3d4e5f6 by Ada`: where it stands, as which commit left it. Who wrote an earlier one than Roster read first, only the repository knows. */
export const placeText = ({ place, commit, author, revision = '' }: Whence): string => {
  // Of a folder it is a digest, which nobody can look up.
  const at = commit ?? (isCommit(revision) ? revision : undefined)
  return `${place}${at === undefined ? '' : `@${at.slice(0, 12)}`}${author === undefined ? '' : ` by ${author}`}`
}
/** Whether a revision is a commit of Git, and not a digest over a folder. */
export const isCommit = (revision: string): boolean => /^[0-9a-f]{40}([0-9a-f]{24})?$/.test(revision)

const placeOf = (of: { kind: Kind; name: string; annotations: Record<string, string> }): string =>
  of.annotations[ANNOTATIONS.sourcePath] ?? `${of.kind}/${of.name}`
