import { setTimeout } from 'node:timers/promises'
import { findCondition } from '../api/conditions.ts'
import { type Retry, RosterError } from '../api/errors.ts'
import { DECLARED_KINDS, MANAGERS, type Reason } from '../api/names.ts'
import type { ObjectRef } from '../api/resource.ts'
import type { SourceSpec } from '../api/source.ts'
import type { Restored } from '../decide/restoring.ts'
import { belongingOf, permitToPrune } from '../reconcilers/pruning.ts'
import type { Ending } from '../runtime/manager.ts'
import type { Revision } from '../source/revision.ts'
import { type SyncOptions, type SyncResult, syncRevision } from '../source/sync.ts'
import type { ResourceStore } from '../store/store.ts'
import { compareVersions } from '../store/version.ts'
import { type Log, noLog } from '../telemetry/log.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { authorityOf } from './authority.ts'
import { type RunningController, startController } from './controller.ts'
import { type HeldSet, heldAfter, heldNames, isUndecided } from './held.ts'
import { type LaterChange, laterChanges } from './plan-later.ts'
import type { Realm } from './realm.ts'
import { restoredOf } from './restored.ts'
import { rememberingRuns } from './runs.ts'
import { readElsewhere } from './source-arguments.ts'

/** `apply` would fight with a Source that reads from elsewhere. */
export class OtherSourceError extends RosterError {
  readonly retry: Retry = 'never'
  readonly reason: Reason = 'Conflict'
  readonly remedy = 'Name another source with --source, or change that Source'
}

export interface ApplyOptions {
  realm: Realm
  source: string
  /** Where the revision was read from: compared with what a Source of this name reads. Undefined for standard input, and for more than one path. */
  from: SourceSpec | undefined
  revision: Extract<Revision, { outcome: 'Complete' }>
  prune: boolean
  allowEmpty: boolean
  /** Only these writes, each only while its object is as it was planned: see `SyncOptions`. */
  planned?: SyncOptions['planned']
  /** Waits until the loop is idle; runs it here when nobody else does. */
  wait: boolean
  signal: AbortSignal
  /** The file inside the source, for a file as it was named. */
  pathOf?: (file: string) => string
  log?: Log
  onStep?: (done: number, all: number) => void
}

export interface ApplyResult {
  sync: SyncResult
  /** Whether the loop came to rest after the last write. */
  settled: boolean
  /** Whether another process ran the loop. */
  beside: boolean
  /** Applied resources that are not ready, with the reason. */
  unready: { ref: ObjectRef; reason: string; message: string; stalled: boolean }[]
  /** What time alone will bring about, earliest first. Known only when the loop ran here. */
  later: LaterChange[]
  /** The realm came out of a backup: nothing leaves and nothing is taken until that is approved. */
  restored?: Restored
  /** Removals that wait for an Approval: those of this source, and whatever was not held before. */
  held: HeldSet[]
}

/** How often the lease is read while somebody else's loop is waited for. */
const LOOK = 100
/** How often it is asked whether the guard has decided. */
const COLLECTED = 1000

/**
 * Writes one revision as a source, and waits until everything that follows has happened: beside a running controller it only writes and waits,
 * otherwise it takes the lease and runs the loop here.
 * @throws OtherSourceError; AbortSignal's reason
 */
export const applyRevision = async (options: ApplyOptions): Promise<ApplyResult> => {
  const { realm, signal } = options
  await refuseOtherSource(options)
  if (!options.wait) {
    const sync = await write(options, realm.store)
    const beside = (await realm.store.lease.read())?.held ?? false
    return { sync, settled: false, beside, unready: [], later: [], held: [] }
  }

  const before = await heldNames(realm.store)
  const written = Promise.withResolvers<void>()
  await using own = await controllerUnlessHeld({ ...options, written: written.promise })
  let sync: SyncResult
  try {
    sync = await write(options, own.controller?.manager.lease.store ?? realm.store)
    // Everything that was written is met before anything is taken.
    const loop = own.controller?.manager.loop
    await loop?.informer.caughtUp()
    loop?.controller('RemovalSet')?.wake('*')
  } finally {
    written.resolve()
  }
  const running = { ...options, written: written.promise }
  await untilIdle(running, own, (await realm.store.info()).resourceVersion)
  // Another process collects what comes one by one before it decides what may be taken.
  const restored = await restoredOf(realm.store)
  while (!restored && (await isUndecided(realm.store))) {
    await setTimeout(COLLECTED)
    await untilIdle(running, own, (await realm.store.info()).resourceVersion)
  }
  signal.throwIfAborted()
  const loop = own.controller?.manager.loop
  return {
    sync,
    settled: true,
    ...(restored && { restored }),
    beside: loop === undefined,
    unready: await unreadyOf(realm.store, options),
    later: loop ? laterChanges(loop.later(), loop.world.cache, realm.clock.now()) : [],
    held: await heldAfter(realm, { producer: MANAGERS.source(options.source), before }),
  }
}

const write = async (
  { realm, source, revision, prune, allowEmpty, onStep, signal, pathOf, planned, log = noLog() }: ApplyOptions,
  store: ResourceStore,
): Promise<SyncResult> =>
  rememberingRuns(
    { folder: realm.paths.runs, clock: realm.clock, by: realm.actor, log },
    syncRevision,
  )({
    store,
    byPerson: true,
    authority: await authorityOf(realm, store, source, pathOf),
    source,
    revision,
    prune,
    allowEmpty,
    signal,
    permit: permitToPrune(`source/${source} at ${revision.id} no longer declares it`, belongingOf(store)),
    ...(onStep && { onStep }),
    ...(planned && { planned }),
  })

/** Nobody writes over what a Source of the same name reads from another place. */
const refuseOtherSource = async ({ realm, source, from }: ApplyOptions): Promise<void> => {
  const elsewhere = await readElsewhere(realm.store, source, from)
  if (elsewhere !== undefined)
    throw new OtherSourceError(`Source/${source} reads from ${elsewhere}, and would take back what is applied here`)
}

/** What is applied, and when all of it is written. */
type Running = ApplyOptions & { written: Promise<void> }

/** The loop that this process runs itself, while nobody else does. */
interface Own extends AsyncDisposable {
  controller: RunningController | undefined
  ending: Ending | undefined
}

const controllerUnlessHeld = async (options: Running): Promise<Own> => {
  const own: Own = {
    controller: undefined,
    ending: undefined,
    [Symbol.asyncDispose]: async () => own.controller?.[Symbol.asyncDispose](),
  }
  await runHere(options, own)
  return own
}

/** Takes the lease and runs the loop here, unless somebody else has it. @throws BindingError, and what a start throws */
const runHere = async ({ realm, signal, log = noLog(), written }: Running, own: Own): Promise<void> => {
  if ((await realm.store.lease.read())?.held) return
  const held = new AbortController()
  try {
    const controller = await startController({
      realm,
      log,
      metrics: createMetrics(),
      sources: false,
      writing: () => written,
      signal: AbortSignal.any([signal, held.signal]),
      onWaiting: () => held.abort(),
    })
    own.controller = controller
    own.ending = undefined
    void controller.manager.ended.then(ending => {
      own.ending = ending
    })
  } catch (error) {
    // Somebody else took the lease at this moment: then it is their loop that is waited for.
    if (!held.signal.aborted || signal.aborted) throw error
  }
}

/** Until whoever has the lease has done all that follows from the writes up to a version; when they die meanwhile, goes on in their place. */
const untilIdle = async (options: Running, own: Own, version: string): Promise<void> => {
  const { realm, signal } = options
  for (;;) {
    signal.throwIfAborted()
    if (own.ending?.why === 'failed') throw own.ending.error
    if (own.ending?.why === 'lost') {
      await own[Symbol.asyncDispose]()
      own.controller = undefined
      own.ending = undefined
    }
    const state = await realm.store.lease.read()
    if (state?.idleAt !== undefined && state.held && compareVersions(state.idleAt, version) >= 0) return
    if (!state?.held && !own.controller) await runHere(options, own)
    await setTimeout(LOOK)
  }
}

const unreadyOf = async (store: ResourceStore, { revision }: ApplyOptions): Promise<ApplyResult['unready']> => {
  const applied = new Set(revision.manifests.map(({ manifest }) => `${manifest.kind}/${manifest.metadata.name}`))
  const unready: ApplyResult['unready'] = []
  for (const kind of DECLARED_KINDS)
    for (const object of (await store.list(kind)).items) {
      if (!applied.has(`${kind}/${object.metadata.name}`)) continue
      const ready = findCondition(object.status?.conditions, 'Ready')
      if (ready?.status === 'False')
        unready.push({
          ref: { kind, name: object.metadata.name },
          reason: ready.reason,
          message: ready.message,
          stalled: findCondition(object.status?.conditions, 'Stalled')?.status === 'True',
        })
    }
  return unready
}
