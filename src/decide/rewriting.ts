import { createHash } from 'node:crypto'
import type { Approval } from '../api/approval.ts'
import { LABELS } from '../api/names.ts'
import type { Rewriting, Source } from '../api/source.ts'
import { type ApprovalVerdict, timeVerdictOn } from './approval.ts'
import { originOf } from './origin.ts'

/** What an Approval names: that this Source, which stands at one commit of this repository and ref, may go to exactly that other one. */
export const rewritingHash = (of: { source: string; from: string; after: string; revision: string }): string =>
  `sha256:${createHash('sha256')
    .update(JSON.stringify(['Source', of.source, of.from, of.after, of.revision]))
    .digest('hex')}`

/** The rewritten history that a source is held at, or was let go on with and has not applied yet. Undefined where none is, and where the source reads from somewhere else by now. */
export const rewritingOf = ({ spec, status }: Pick<Source, 'spec' | 'status'>): Rewriting | undefined => {
  const { rewritten, lastAppliedRevision, lastAppliedFrom } = status ?? {}
  return rewritten &&
    !rewritten.applied &&
    rewritten.after === lastAppliedRevision &&
    lastAppliedFrom === originOf(spec)
    ? rewritten
    : undefined
}

/** The commit that the next one must come after: the one applied last, or the one that somebody approved instead. */
export const mustFollow = (source: Pick<Source, 'spec' | 'status'>): string | undefined => {
  const rewriting = rewritingOf(source)
  return rewriting?.approval ? rewriting.revision : lastApplied(source)
}

/** The commit that was applied last of where the source reads from now. */
export const lastApplied = ({ spec, status }: Pick<Source, 'spec' | 'status'>): string | undefined =>
  status?.lastAppliedFrom === originOf(spec) ? status?.lastAppliedRevision : undefined

/**
 * What an Approval is good for at sources with its hash; undefined where none has it. Who can write into a source could approve by it what they pushed with force:
 * so an Approval that the source itself declares counts for nothing, and neither does one that was there before the history was held.
 */
export const rewritingVerdictOn = (
  approval: Pick<Approval, 'metadata' | 'spec'>,
  sources: readonly Pick<Source, 'metadata' | 'spec' | 'status'>[],
  now: number,
): ApprovalVerdict | undefined => {
  const { metadata, spec } = approval
  const named = sources.filter(({ status }) => status?.rewritten?.releases === spec.releases)
  const used = named.find(({ status }) => status?.rewritten?.approval?.uid === metadata.uid)
  if (used) return { is: 'used', what: `Source/${used.metadata.name}` }
  const held = named.find(source => rewritingOf(source) && !source.status?.rewritten?.approval)
  if (!held) return undefined
  if (spec.organization !== undefined)
    return { is: 'refused', because: 'what it names is held of no organization: leave organization out' }
  if (metadata.labels?.[LABELS.source] === held.metadata.name)
    return { is: 'refused', because: `Source/${held.metadata.name} cannot approve its own history` }
  if (held.status?.rewritten?.prior?.includes(metadata.uid))
    return {
      is: 'refused',
      because: 'it was there before the history was held: somebody has to approve what they have seen; make a new one',
    }
  return timeVerdictOn(approval, now) ?? { is: 'releases' }
}
