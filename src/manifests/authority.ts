import type { AnyManifest, AnyResource } from '../api/kinds.ts'
import { DECLARED_KINDS } from '../api/names.ts'
import { type Authority, refusalOf } from '../decide/authority.ts'
import { type Declaration, Declared, merged } from '../decide/declared.ts'
import type { Judgement } from './judgement.ts'
import type { ResourceSet } from './set.ts'

/** Whose the manifests are, and what is the source's own name of a file. */
export interface SourceAuthority {
  authority: Authority
  pathOf: (file: string) => string
}

/** What is beyond the authority of the source. With a base, roles that somebody has there already are not given anew. */
export function judgeAuthority(
  set: ResourceSet,
  base: readonly AnyResource[],
  { authority, pathOf }: SourceAuthority,
): void {
  const live = new Map((base as readonly Declaration[]).map(object => [keyOf(object), object]))
  const declared = new Declared(live.values())
  for (const kind of DECLARED_KINDS)
    for (const { manifest, judgement } of set.of(kind) as readonly { manifest: AnyManifest; judgement?: Judgement }[]) {
      if (!judgement) continue
      const before = live.get(keyOf(manifest))
      const edit = { before, desired: manifest, path: pathOf(judgement.origin.file) }
      const refusal = refusalOf(authority, edit, declared)
      if (refusal) judgement.report('beyond-authority', refusal.message, refusal.pointer)
      else declared.set(merged(before, manifest))
    }
}

const keyOf = ({ kind, metadata }: Declaration): string => `${kind}/${metadata.name}`
