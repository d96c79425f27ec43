import type { AnyResource } from '../api/kinds.ts'
import { ANNOTATIONS, type Kind, LABELS } from '../api/names.ts'
import { isCommit } from '../decide/origin.ts'

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
  /** A commit since which its file did not change, where the one that changed it is further back than the history was read. */
  unchangedSince?: string
  /** Kind of what Roster made it for. */
  generatedFor?: string
}

export const whenceOf = ({ kind, metadata: { name, labels = {}, annotations = {} } }: AnyResource): Whence => {
  const source = labels[LABELS.source]
  const revision = annotations[ANNOTATIONS.revision]
  const commit = annotations[ANNOTATIONS.commit]
  const author = annotations[ANNOTATIONS.author]
  const unchangedSince = annotations[ANNOTATIONS.unchangedSince]
  const generatedFor = labels[LABELS.generated]
  return {
    place: placeOf({ kind, name, annotations }),
    ...(source !== undefined && { source }),
    ...(revision !== undefined && { revision }),
    ...(commit !== undefined && { commit }),
    ...(author !== undefined && { author }),
    ...(unchangedSince !== undefined && { unchangedSince }),
    ...(generatedFor !== undefined && { generatedFor }),
  }
}

/** `users/alice.yaml:2@a1b2c3d4e5f6 by Ada`: where it stands, as which commit left it; `@a1b2c3d4e5f6 or before` where only the repository knows which. */
export const placeText = (whence: Whence): string => {
  const at = commitText(whence)
  return `${whence.place}${at === undefined ? '' : `@${at}`}`
}

/** `a1b2c3d4e5f6 by Ada`. Of a folder it is a digest, which nobody can look up: undefined. */
export const commitText = ({ commit, author, unchangedSince, revision = '' }: Whence): string | undefined => {
  if (commit !== undefined) return `${commit.slice(0, 12)}${author === undefined ? '' : ` by ${author}`}`
  if (unchangedSince !== undefined) return `${unchangedSince.slice(0, 12)} or before`
  return isCommit(revision) ? revision.slice(0, 12) : undefined
}

const placeOf = (of: { kind: Kind; name: string; annotations: Record<string, string> }): string =>
  of.annotations[ANNOTATIONS.sourcePath] ?? `${of.kind}/${of.name}`
