import type { DeclaredResource } from '../api/kinds.ts'
import { DECLARED_KINDS } from '../api/names.ts'
import { type ObjectRef, refText } from '../api/resource.ts'
import type { Change } from '../effects/change.ts'
import { settingsFor } from '../reconcilers/context.ts'
import { belongingIn, permitToPrune } from '../reconcilers/pruning.ts'
import type { Rest } from '../runtime/loop.ts'
import type { Cache } from '../runtime/reconciler.ts'
import { keyOf } from '../source/inventory.ts'
import type { Revision } from '../source/revision.ts'
import { type SyncOptions, type SyncResult, syncRevision } from '../source/sync.ts'
import type { ResourceStore } from '../store/store.ts'
import { authorityOf } from './authority.ts'
import { type HeldSet, heldSets, heldText, untilText } from './held.ts'
import { resourceChanges } from './plan-changes.ts'
import { planHash, splitDue } from './plan-hash.ts'
import { type LaterChange, laterChanges } from './plan-later.ts'
import { type PlanUnknown, unknownKeys } from './plan-unknown.ts'
import {
  carriedRoles,
  type PlanWarning,
  waitingIn,
  warningOnRole,
  warningsOnFrozen,
  warningsOnMoving,
  warningsOnRestore,
  warningsOnSeats,
} from './plan-warnings.ts'
import { type PlannedWrite, plannedWrites } from './plan-writes.ts'
import { type RehearsedRealm, rehearse, type Stage, stageOf } from './rehearsal.ts'
import { restoredOf } from './restored.ts'

export interface PlanOptions {
  realm: RehearsedRealm
  source: string
  revision: Extract<Revision, { outcome: 'Complete' }>
  prune: boolean
  allowEmpty: boolean
  /** Runs every key, not only those that the changes reach: shows what is due anyway, too. */
  all: boolean
  /** Only these writes, each only while its object is as it was: see `SyncOptions`. */
  planned?: SyncOptions['planned']
  /** What cannot be known where the realm is read from. */
  unknown?: readonly PlanUnknown[]
  /** The file inside the source, for a file as it was named. */
  pathOf?: (file: string) => string
  signal: AbortSignal
}

/** What stays though it is not declared any more. */
export interface HeldInPlan {
  refs: ObjectRef[]
  reason: string
  message: string
  /** A set of removals: who would lose what after an Approval. */
  set?: HeldSet
}

/** What would happen. Nothing was written, sent or contacted to find out. */
export interface Plan {
  /** Version of the store that the plan was made on. */
  base: string
  /** Of what the manifests cause, and of nothing else: see `planHash`. */
  hash: string
  /** What the manifests cause, in the order in which it would happen. */
  changes: Change[]
  /** What would happen without them, too, among what they reach. */
  alsoDue: Change[]
  /** What no longer stands in the source and is not deleted, with the reason. */
  held: HeldInPlan[]
  /** What another source keeps, and what the store would refuse. */
  refused: { ref: ObjectRef; message: string }[]
  /** What time alone will bring about afterwards, among what the changes reach; earliest first. */
  later: LaterChange[]
  /** What only applying will tell. */
  unknown: PlanUnknown[]
  /** What should be known before. */
  warnings: PlanWarning[]
  /** Keys whose last run failed. */
  failed: { ref: ObjectRef; message: string }[]
  /** Organization → its time zone, for whoever tells times. */
  timeZones: ReadonlyMap<string, string>
}

/** A plan with what it came from. */
export interface WorkedOut {
  plan: Plan
  /** What the source itself would write. */
  writes: PlannedWrite[]
  stage: Stage
  /** The world as it would be. */
  cache: Cache
}

/** What applying a revision would do, found out by the same reconcilers on an overlay of the store: see {@link rehearse}. @throws what that throws */
export const planRevision = async (options: PlanOptions): Promise<Plan> => (await workOut(options)).plan

/** As {@link planRevision}, with the writes and the world as it would be. */
export const workOut = async (options: PlanOptions): Promise<WorkedOut> => {
  const { realm, all, signal } = options
  const stage = await stageOf(realm)
  const rehearsal = await rehearse(realm, (store, world) => declare(options, store, world), { signal, all, stage })
  const { base, result, changes, rest, cache, now } = rehearsal
  const { sync, declared, writes, roles, waited } = result
  const withdrawn = new Set(
    changes.flatMap(({ action, kind, fields }) =>
      action === 'delete' && kind === 'Invitation' ? [fields['email']] : [],
    ),
  )
  const { caused, alsoDue } = splitDue(changes, changes.length > 0 ? await dueAnyway(options, stage, rest) : [])
  const own = [...declared.filter(change => !isKept(change, sync.going, cache)), ...caused]
  const plan: Plan = {
    base,
    hash: planHash(own),
    changes: own,
    alsoDue,
    held: [...(sync.kept ? [sync.kept] : []), ...heldIn(cache)],
    refused: refusedOf(sync),
    later: laterChanges(rest.later, cache, now),
    unknown: [...(options.unknown ?? []), ...unknownKeys(rehearsal, stage, (await realm.fingerprint()) !== undefined)],
    warnings: [
      ...warningsOnRestore(await restoredOf(realm.store)),
      ...roles.flatMap(role => warningOnRole(role, withdrawn)),
      ...warningsOnSeats(waited, cache),
      ...warningsOnMoving(options.source, sync, cache),
      ...warningsOnFrozen(cache, sync.frozen, changes),
    ],
    failed: failedOf(rest),
    timeZones: timeZonesIn(cache),
  }
  return { plan, writes, stage, cache }
}

/** The documents themselves, before anything follows from them. */
const declare = async (options: PlanOptions, store: ResourceStore, world: Cache) => {
  const { realm, source, revision, prune, allowEmpty, signal } = options
  const before = declaredObjects(world)
  const sync = await syncRevision({
    store,
    byPerson: true,
    authority: await authorityOf(realm, store, source, options.pathOf),
    source,
    revision,
    prune,
    allowEmpty,
    signal,
    permit: permitToPrune(`source/${source} no longer declares it`, belongingIn(world)),
    ...(options.planned && { planned: options.planned }),
  })
  const declared = resourceChanges(revision.manifests, before, ref => declaredIn(world, ref), sync)
  // Before anything follows: afterwards the invitations carry what the roles are then.
  const roles = carriedRoles(declared, world, realm.clock.now())
  return { sync, declared, writes: plannedWrites(sync, before), roles, waited: waitingIn(world) }
}

/** What the same keys would do without the manifests: while no controller runs, much may be due. */
const dueAnyway = async ({ realm, all, signal }: PlanOptions, stage: Stage, { ran }: Rest): Promise<Change[]> =>
  (await rehearse(realm, async () => undefined, { signal, all, stage, wake: ran })).changes

/** Somebody whom the source no longer declares and who stays, because what they have is held. */
const isKept = ({ action, kind, name }: Change, going: readonly ObjectRef[], cache: Cache): boolean =>
  action === 'delete' &&
  going.some(ref => ref.kind === kind && ref.name === name) &&
  cache.get('User', name) !== undefined

/** Every set of removals that is held, or would be: by the same decision as the loop's. */
export const heldIn = (cache: Cache): HeldInPlan[] =>
  heldSets(cache).map(set => ({
    refs: set.people.map(({ name }) => ({ kind: 'User' as const, name })),
    reason: 'RemovalsHeld',
    message: `${heldText(set)}; ${untilText(set)}`,
    set,
  }))

/** Whether there is anything to tell; what comes later, what is not known and warnings alone are no change. */
export const isEmptyPlan = ({ changes, alsoDue, held, refused, failed }: Plan): boolean =>
  changes.length + alsoDue.length + held.length + refused.length + failed.length === 0

const refusedOf = ({ conflicts, failed }: SyncResult): Plan['refused'] => [
  ...conflicts.map(({ ref, holder, place }) => ({ ref, message: `${place}: ${refText(ref)} is kept by ${holder}` })),
  ...failed.map(({ ref, message }) => ({ ref, message })),
]

export const failedOf = (rest: Pick<Rest, 'failed'>): Plan['failed'] =>
  rest.failed.map(({ kind, name, error }) => ({
    ref: { kind, name },
    message: error instanceof Error ? error.message : String(error),
  }))

export const timeZonesIn = (cache: Cache): ReadonlyMap<string, string> =>
  new Map(
    [...cache.list('Organization')].flatMap(({ metadata: { name } }) => {
      const found = settingsFor({ cache }, name)
      return found ? [[name, found.settings.timeZone] as const] : []
    }),
  )

const declaredIn = (cache: Cache, { kind, name }: ObjectRef): DeclaredResource | undefined =>
  cache.get(kind, name) as unknown as DeclaredResource | undefined

const declaredObjects = (cache: Cache): Map<string, DeclaredResource> => {
  const objects = new Map<string, DeclaredResource>()
  for (const kind of DECLARED_KINDS)
    for (const object of cache.list(kind)) objects.set(keyOf(object), object as unknown as DeclaredResource)
  return objects
}
