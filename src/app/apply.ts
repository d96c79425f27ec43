import { resolve } from 'node:path'
import { findCondition } from '../api/conditions.ts'
import { type Retry, RosterError } from '../api/errors.ts'
import { DECLARED_KINDS, type Kind, type Reason } from '../api/names.ts'
import type { ObjectRef } from '../api/resource.ts'
import { permitFor } from '../reconcilers/permits.ts'
import type { Revision } from '../source/revision.ts'
import { type SyncResult, syncRevision } from '../source/sync.ts'
import type { ResourceStore } from '../store/store.ts'
import { compareVersions } from '../store/version.ts'
import { type Log, noLog } from '../telemetry/log.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { type RunningController, startController } from './controller.ts'
import type { Realm } from './realm.ts'

/** `apply` would fight with a Source that reads from elsewhere. */
export class OtherSourceError extends RosterError {
  readonly retry: Retry = 'never'
  readonly reason: Reason = 'Conflict'
  readonly remedy = 'Name another source with --source, or change that Source'
}

export interface ApplyOptions {
  realm: Realm
  source: string
  /** Folders and files of the command line, absolute: compared with what a Source of this name reads. */
  paths: readonly string[]
  revision: Extract<Revision, { outcome: 'Complete' }>
  prune: boolean
  allowEmpty: boolean
  /** Waits until the loop is idle; runs it here when nobody else does. */
  wait: boolean
  signal: AbortSignal
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
  /** Keys that will run later. Known only when the loop ran here. */
  later: { kind: Kind; name: string; time: number }[]
}

/** How often the lease is read while somebody else's loop is waited for. */
const LOOK = 100

/**
 * Writes one revision as a source, and waits until everything that follows has happened: beside a running controller it only writes and waits,
 * otherwise it takes the lease and runs the loop here.
 * @throws OtherSourceError; AbortSignal's reason
 */
export const applyRevision = async (options: ApplyOptions): Promise<ApplyResult> => {
  const { realm, signal } = options
  await refuseOtherSource(options)
  if (!options.wait)
    return { sync: await write(options, realm.store), settled: false, beside: true, unready: [], later: [] }

  await using own = await controllerUnlessHeld(options)
  const sync = await write(options, own.controller?.manager.lease.store ?? realm.store)
  const { resourceVersion } = await realm.store.info()
  await untilIdle(options, own, resourceVersion)
  signal.throwIfAborted()
  const loop = own.controller?.manager.loop
  return {
    sync,
    settled: true,
    beside: loop === undefined,
    unready: await unreadyOf(realm.store, options),
    later: loop?.later() ?? [],
  }
}

const write = (
  { realm, source, revision, prune, allowEmpty, onStep, signal }: ApplyOptions,
  store: ResourceStore,
): Promise<SyncResult> =>
  syncRevision({
    store,
    source,
    revision,
    prune,
    allowEmpty,
    signal,
    permit: async objects => {
      const decision = permitFor(realm, {
        because: `source/${source} at ${revision.id} no longer declares it`,
        producer: `source/${source}@${revision.id}`,
        byClock: false,
      })
      return 'permit' in decision
        ? { permitted: objects, because: decision.permit.because }
        : { permitted: [], because: decision.held }
    },
    ...(onStep && { onStep }),
  })

/** Nobody writes over what a Source of the same name reads from another place. */
const refuseOtherSource = async ({ realm, source, paths }: ApplyOptions): Promise<void> => {
  const existing = await realm.store.get('Source', source)
  if (!existing) return
  const { folder, git } = existing.spec
  if (folder && paths.length === 1 && paths[0] !== undefined && resolve(paths[0]) === resolve(folder.path)) return
  throw new OtherSourceError(
    `Source/${source} reads from ${folder?.path ?? git?.url ?? 'elsewhere'}, and would take back what is applied here`,
  )
}

interface Own extends AsyncDisposable {
  controller: RunningController | undefined
}

const controllerUnlessHeld = async ({ realm, signal, log = noLog() }: ApplyOptions): Promise<Own> => {
  const held = new AbortController()
  const own: Own = { controller: undefined, [Symbol.asyncDispose]: async () => own.controller?.[Symbol.asyncDispose]() }
  if ((await realm.store.lease.read())?.held) return own
  try {
    own.controller = await startController({
      realm,
      log,
      metrics: createMetrics(),
      sources: false,
      signal: AbortSignal.any([signal, held.signal]),
      onWaiting: () => held.abort(),
    })
  } catch (error) {
    // Somebody else took the lease at this moment: then it is their loop that is waited for.
    if (!held.signal.aborted) throw error
  }
  return own
}

const untilIdle = async (options: ApplyOptions, own: Own, version: string): Promise<void> => {
  const { realm, signal } = options
  for (;;) {
    signal.throwIfAborted()
    const state = await realm.store.lease.read()
    if (state?.idleAt !== undefined && state.held && compareVersions(state.idleAt, version) >= 0) return
    // The process that ran the loop is gone: go on in its place.
    if (!state?.held && !own.controller) own.controller = (await controllerUnlessHeld(options)).controller
    await new Promise(done => setTimeout(done, LOOK))
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
