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
  /** Kind of what Roster made it for. */
  generatedFor?: string
}

export const whenceOf = ({ kind, metadata: { name, labels = {}, annotations = {} } }: AnyResource): Whence => {
  const source = labels[LABELS.source]
  const revision = annotations[ANNOTATIONS.revision]
  const generatedFor = labels[LABELS.generated]
  return {
    place: placeOf({ kind, name, annotations }),
    ...(source !== undefined && { source }),
    ...(revision !== undefined && { revision }),
    ...(generatedFor !== undefined && { generatedFor }),
  }
}

const placeOf = (of: { kind: Kind; name: string; annotations: Record<string, string> }): string =>
  of.annotations[ANNOTATIONS.sourcePath] ?? `${of.kind}/${of.name}`
