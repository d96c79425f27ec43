import type { DeclaredResource } from '../api/kinds.ts'
import { refText } from '../api/resource.ts'
import { type ApplyOptions, type ApplyResult, applyRevision } from './apply.ts'
import { type PlanOptions, type WorkedOut, workOut } from './plan.ts'
import { type Differing, differingConsequences } from './plan-consequences.ts'
import { planDocument } from './plan-document.ts'
import { movesSince, StalePlanError } from './plan-stale.ts'
import { treeOf } from './plan-tree.ts'
import { fieldDigests, movedFields, type PlannedWrite } from './plan-writes.ts'
import { PLAN_FORMAT, type PlanFile, PlanFileError } from './planfile.ts'
import type { Realm } from './realm.ts'

/** What goes into a file, of a plan that was worked out. @throws PlanFileError for one that has gaps */
export const planFileOf = async (
  options: Omit<PlanOptions, 'realm'> & {
    realm: Pick<Realm, 'store' | 'clock' | 'absent'>
    program: string
    from: NonNullable<PlanFile['from']>
  },
  { plan, writes }: Pick<WorkedOut, 'plan' | 'writes'>,
): Promise<PlanFile> => {
  const { realm, source, revision, prune, allowEmpty, all, pathOf, program, from } = options
  if (plan.failed.length > 0)
    throw new PlanFileError('a plan in which something could not be worked out is not written')
  const { realm: id, epoch } = await realm.store.info()
  return {
    format: PLAN_FORMAT,
    program,
    time: new Date(realm.clock.now()).toISOString(),
    realm: realm.absent ? null : { id, epoch },
    source,
    from,
    options: { prune, allowEmpty, all },
    tree: treeOf(revision.manifests, pathOf),
    writes,
    plan: planDocument(plan),
  }
}

export interface AppliedPlan extends ApplyResult {
  hash: string
  /** What came out otherwise than planned; undefined when nobody waited for it. */
  differing: Differing[] | undefined
}

/**
 * Does exactly what a plan says, or nothing: works the plan out anew and compares, file by file, object by object, change by change.
 * Each object is written only while it is as it was planned, even if somebody writes it at this moment.
 * @throws StalePlanError with what moved; what {@link applyRevision} throws
 */
export const applyPlan = async (
  file: PlanFile,
  options: Omit<ApplyOptions, 'source' | 'prune' | 'allowEmpty' | 'planned'>,
): Promise<AppliedPlan> => {
  const { realm, revision, pathOf, signal } = options
  const { source, options: chosen } = file
  await refuseOtherRealm(file, realm)
  const worked = await workOut({
    realm,
    source,
    revision,
    ...chosen,
    signal,
    ...(pathOf && { pathOf }),
  })
  const { plan, writes } = worked
  const moved = await movesSince(
    {
      planned: { tree: file.tree, writes: file.writes, changes: file.plan.changes },
      now: { tree: treeOf(revision.manifests, pathOf), writes, changes: plan.changes },
    },
    realm.store,
  )
  if (moved.length > 0 || plan.hash !== file.plan.hash) throw new StalePlanError(STALE, moved)
  const result = await applyRevision({
    ...options,
    source,
    prune: chosen.prune,
    allowEmpty: chosen.allowEmpty,
    planned: new Map(writes.map(write => [refText(write), asPlanned(write)])),
  })
  return {
    ...result,
    hash: plan.hash,
    differing: result.settled ? await differingConsequences(worked, realm.store) : undefined,
  }
}

const STALE = 'the plan is not what would be done now; nothing was written'

const refuseOtherRealm = async ({ realm: planned }: PlanFile, { store, place }: Realm): Promise<void> => {
  // Where there was no store, everything was to be made: what is there now shows as made since.
  if (planned === null) return
  const { realm, epoch } = await store.info()
  if (realm !== planned.id)
    throw new StalePlanError(`the plan was made for another realm than ${place}; nothing was written`)
  if (epoch !== planned.epoch)
    throw new StalePlanError(`${place} was restored after the plan was made; nothing was written`)
}

/** What is not as it was planned; statuses do not count. */
const asPlanned =
  (write: PlannedWrite) =>
  (live: DeclaredResource | undefined): string | undefined => {
    if (live?.metadata.uid !== write.uid) return 'came or went after it was planned'
    const [field, ...more] = movedFields(write.fields, live ? fieldDigests(live) : {})
    if (field === undefined) return undefined
    return `${[field, ...more].join(', ')} changed after it was planned`
  }
