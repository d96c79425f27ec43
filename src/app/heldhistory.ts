import type { Source } from '../api/source.ts'
import { rewritingOf } from '../decide/rewriting.ts'

/** A history that was pushed with force, and is not taken. */
export interface HeldHistory {
  /** Name of the Source. */
  source: string
  /** What an Approval names. */
  hash: string
  /** How `roster plan` is told to read it: `url#commit:path`. */
  plan: string
  /** The commit that its ref leads to. */
  revision: string
  /** The one in force, which it does not come after. */
  after: string
  /** RFC 3339: since when. */
  time: string
}

/** Every history that is held and not released, by source. */
export const heldHistories = (sources: Iterable<Source>): HeldHistory[] =>
  [...sources]
    .flatMap(source => {
      const rewriting = rewritingOf(source)
      const { git } = source.spec
      if (!rewriting || rewriting.approval || !git) return []
      const { releases: hash, revision, after, heldTime: time } = rewriting
      const plan = `${git.url}#${revision}${git.path === undefined ? '' : `:${git.path}`}`
      return [{ source: source.metadata.name, hash, plan, revision, after, time }]
    })
    .sort((a, b) => (a.source < b.source ? -1 : 1))

/** What is held, on one line. */
export const historyText = ({ source, revision, after }: HeldHistory): string =>
  `Source/${source}: its history was rewritten. Commit ${revision} does not come after ${after}, which stays in force`
