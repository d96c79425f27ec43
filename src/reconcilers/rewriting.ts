import type { Rewriting, Source } from '../api/source.ts'
import { originOf } from '../decide/origin.ts'
import { mustFollow, rewritingHash, rewritingVerdictOn } from '../decide/rewriting.ts'
import { now, recordEvent, refOf, type World } from './context.ts'

/** Approvals of one hash that are remembered as older than what they name. */
const PRIOR = 50

/**
 * What stands in a source's status of a ref that leads to a commit which does not come after the last one: that it is held, with what an Approval has to name; and once there is one, that it was released.
 * The release is written down before anything is read by it, so that it is used once, whatever happens in between.
 */
export const rewritingAt = async (
  world: Pick<World, 'cache' | 'clock' | 'store'>,
  source: Source,
  revision: string,
): Promise<Rewriting | undefined> => {
  const [from, after] = [originOf(source.spec), mustFollow(source)]
  if (from === undefined || after === undefined) return undefined
  const releases = rewritingHash({ source: source.metadata.name, from, after, revision })
  const approvals = world.cache.by('Approval', 'releases', releases)
  const before = source.status?.rewritten
  // One that was applied is over: the same again is held anew, and its Approval is an old one.
  if (before?.releases !== releases || before.applied)
    return {
      revision,
      after,
      releases,
      heldTime: now(world),
      ...(approvals.length > 0 && { prior: approvals.slice(-PRIOR).map(({ metadata }) => metadata.uid) }),
    }
  const approval = approvals.find(one => rewritingVerdictOn(one, [source], world.clock.now())?.is === 'releases')
  if (!approval) return before
  const { name, uid } = approval.metadata
  await recordEvent(
    world,
    refOf(source),
    'Normal',
    'HistoryReleased',
    `revision ${revision} is taken instead of ${after}: Approval/${name}: ${approval.spec.reason}`,
  )
  return { ...before, approval: { name, uid } }
}

/** The same, once a revision was read that may be applied: a hold without a release is over, and a release is used up when all of it was applied. */
export const rewritingAfter = (source: Source, whole: boolean): Rewriting | undefined => {
  const before = source.status?.rewritten
  if (!before?.approval) return undefined
  return whole ? { ...before, applied: true } : before
}
