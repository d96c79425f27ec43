import { createLinks } from '../accounts/links.ts'
import { findCondition } from '../api/conditions.ts'
import { type Retry, RosterError } from '../api/errors.ts'
import { KINDS, type Reason } from '../api/names.ts'
import { listMails, readMail } from '../mail/folder.ts'
import type { Lookups } from '../portal/lookups.ts'
import { createPortal } from '../portal/portal.ts'
import type { Clock } from '../ports/clock.ts'
import { rootsAmong } from '../reconcilers/context.ts'
import type { Ending } from '../runtime/manager.ts'
import type { Cache } from '../runtime/reconciler.ts'
import type { LeaseState } from '../store/store.ts'
import { compareVersions } from '../store/version.ts'
import type { Log } from '../telemetry/log.ts'
import { createMetrics, type LiveFigures, type Metrics } from '../telemetry/metrics.ts'
import { type HealthCheck, startOps } from '../telemetry/ops.ts'
import type { RunningController } from './controller.ts'
import { countConditions } from './count-conditions.ts'
import { guardFigures } from './guard-figures.ts'
import { loopCheck } from './loop-check.ts'
import { tellMissingRights } from './missing-rights.ts'
import { patience, troubleTeller } from './patience.ts'
import type { Realm } from './realm.ts'
import { type Replica, type ReplicaOptions, startAlone, startReplica } from './replica.ts'
import { portalUrl } from './settings.ts'
import { declareSources } from './source-arguments.ts'

/** Another process runs the loop on this store. */
export class StoreInUseError extends RosterError {
  readonly retry: Retry = 'never'
  readonly reason: Reason = 'Conflict'
  readonly remedy = 'Stop that one first, or name another store with --data'
  constructor(place: string, { holder }: LeaseState) {
    super(`${place} is in use by another roster (host/process ${holder})`)
  }
}

/** The address for health and metrics cannot be listened on. */
export class OpsListenError extends RosterError {
  readonly retry: Retry = 'never'
  readonly reason: Reason = 'NotAllowed'
  readonly remedy = 'Choose another one with --ops-listen HOST:PORT'
}

const opsTrouble = (error: unknown, { host, port }: { host: string; port: number }): unknown => {
  const { code } = error as NodeJS.ErrnoException
  const place = `${host.includes(':') ? `[${host}]` : host}:${port}, for health and metrics,`
  if (code === 'EADDRINUSE') return new OpsListenError(`${place} is in use by another program`)
  if (code === 'EACCES') return new OpsListenError(`${place} may not be listened on by this user`)
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return new OpsListenError(`${host} is no address of this computer`)
  return error
}

/** A connection that died without a word is found within 90 seconds. */
const STALE = 120_000
/** How long a start waits for the process before it to end: a restart must not fail because of a slow stop. */
const TAKEOVER = 4_000

export interface RunOptions {
  realm: Realm
  log: Log
  /** Paths and Git URLs of the command line; none: the Sources in the store. */
  sources: readonly string[]
  cwd: string
  signal: AbortSignal
  /** Until it aborts, a start waits for a cluster that cannot be used yet; without it that is an error. */
  starting?: AbortSignal
  onMailTrouble?: (sentence: string) => void
  onStoreTrouble?: (sentence: string) => void
  /** Told what the realm remembers as the last time that its loop ran, before it runs. */
  onOpened?: (stopped: string | undefined) => void
  /** Told when another process has the lease, and this one stands by. */
  onStandingBy?: (holder: string) => void
  /** Told each time that this process has begun to lead. */
  onLeading?: (controller: RunningController) => void
  /** Milliseconds without a word of the store after which a replica is not ready; two minutes when absent. */
  staleAfter?: number
  /** Without a health listener: for a second program on one machine. */
  ops?: boolean
}

/** The controller, its portal and its health, up. */
export interface Running extends AsyncDisposable {
  readonly replica: Replica
  readonly metrics: Metrics
  readonly portalUrl: string
  readonly opsPort: number | undefined
  /** Resolves when this process has led until the sources of the command line were read, for better or worse, and nothing was ready or running. */
  readonly firstPass: Promise<void>
  /** Resolves when the loop has ended, whatever the cause. */
  readonly ended: Promise<Ending>
}

/**
 * Runs everything in one process. The portal listens before the first mail goes out, so that no link leads nowhere.
 * Where several share the realm, it is up when the portal is; else when it leads.
 * @throws StoreInUseError, ListenError, BindingError, NoStoreError
 */
export const startRun = async (options: RunOptions): Promise<Running> => {
  const { realm, log } = options
  const { settings, store, clock, audit, paths } = realm
  const metrics = createMetrics()
  const publicUrl = portalUrl(settings)
  await using stack = new AsyncDisposableStack()
  let replica: Replica | undefined
  let opsPort: number | undefined
  if (options.ops !== false) {
    const ops = await startOps({
      ...settings.opsListen,
      health: [loopCheck(() => replica?.controller?.manager)],
      ready: [
        storeCheck(realm),
        { name: 'view', check: () => (realm.replicated ? outdated(replica, options.staleAfter) : undefined) },
        { name: 'records', check: () => replica?.held?.message },
        { name: 'loop', check: () => (replica?.cache ? undefined : 'not started yet') },
      ],
      registry: metrics.registry,
    }).catch((error: unknown) => {
      throw opsTrouble(error, settings.opsListen)
    })
    opsPort = ops.port
    stack.defer(() => ops.stop())
  }
  if (realm.rights) {
    const roots = () => replica?.cache && rootsAmong(replica.cache.list('Organization'))
    stack.defer(tellMissingRights({ rights: realm.rights, store, roots, clock, log }))
  }
  const { stopped, realm: realmId, epoch, keys, credentials } = await foundations(options)
  stack.use(credentials)
  options.onOpened?.(stopped)
  const mailFolder = settings.mailDir ?? paths.mail
  const portal = createPortal({
    store,
    lookups: lateLookups(() => replica?.cache),
    credentials,
    keys,
    links: createLinks({ keys, publicUrl, realm: realmId }),
    clock,
    audit,
    secrets: realm.secrets,
    publicUrl,
    epoch,
    outbox:
      settings.smtp === undefined
        ? { list: () => listMails(mailFolder), read: file => readMail(mailFolder, file) }
        : undefined,
    report: ({ method, route, error }) => log.error('a page could not be served', { method, path: route, error }),
  })
  const listening = await portal.listen(settings.listen)
  stack.defer(() => listening.close())

  const { promise: firstPass, resolve: passed } = Promise.withResolvers<void>()
  const serving = await startServing(realm, {
    ...options,
    metrics,
    onWaiting: ({ holder }) => options.onStandingBy?.(holder),
    onLeading: async controller => {
      // Only now: a second process that is turned away must not have changed where the first one reads from.
      await declareSources({ ...realm, store: controller.manager.lease.store }, options.sources, options.cwd)
      const { resourceVersion } = await store.info()
      void untilPassed(controller, resourceVersion).then(passed)
      options.onLeading?.(controller)
    },
  })
  replica = serving
  // Both at once: each may take some seconds to finish what is in hand.
  stack.defer(async () => void (await Promise.all([serving[Symbol.asyncDispose](), listening.close()])))
  metrics.watch(figuresOf(serving, realm.clock))
  const up = stack.move()
  return {
    replica: serving,
    metrics,
    portalUrl: publicUrl,
    opsPort,
    firstPass,
    ended: serving.ended,
    [Symbol.asyncDispose]: () => up.disposeAsync(),
  }
}

/** What everything stands on. Where several share a realm, it is waited for: a pod that ends and starts again would only wait in a more expensive way. */
const foundations = async ({ realm, log, starting, onStoreTrouble }: RunOptions) => {
  const open = async () => {
    const stopped = await realm.catchUp()
    const { realm: id, epoch } = await realm.store.info()
    return { stopped, realm: id, epoch, keys: await realm.keys(), credentials: await realm.credentials() }
  }
  if (!realm.replicated || !starting) return await open()
  const { clock } = realm
  return await patience({ clock, log, tell: troubleTeller(clock, onStoreTrouble), signal: starting })(open)
}

const startServing = async (realm: Realm, options: ReplicaOptions): Promise<Replica> =>
  realm.replicated ? startReplica(options) : await takeLease(options)

/** What metrics show of the loop at the moment of a scrape. */
const figuresOf = (replica: Replica, clock: Clock): LiveFigures => ({
  queues: () =>
    (replica.controller?.manager.loop.controllers ?? []).map(({ kind, queue }) => {
      const { seconds, longest } = queue.unfinished()
      return { name: kind, depth: queue.ready, unfinished: seconds, longest }
    }),
  objects: () => KINDS.map(kind => ({ kind, count: replica.cache?.count(kind) ?? 0 })),
  conditions: () => (replica.cache ? countConditions(replica.cache) : []),
  guard: () =>
    replica.cache ? guardFigures({ cache: replica.cache, clock }) : { held: [], budgets: [], approvals: [] },
  missing: () => (replica.held?.losses ?? []).map(({ kind, noted, found }) => ({ kind, count: noted - found })),
  sources: () =>
    [...(replica.cache?.list('Source') ?? [])].flatMap(({ metadata, status }) =>
      status?.lastCompleteTime === undefined
        ? []
        : [{ source: metadata.name, lastComplete: Date.parse(status.lastCompleteTime) / 1000 }],
    ),
})

/** Waits for a holder that is about to stop, then says who it is. */
const takeLease = async (options: ReplicaOptions): Promise<Replica> => {
  const patience = new AbortController()
  let inUse: StoreInUseError | undefined
  let timer: NodeJS.Timeout | undefined
  try {
    return await startAlone({
      ...options,
      signal: AbortSignal.any([options.signal, patience.signal]),
      onWaiting: state => {
        inUse = new StoreInUseError(options.realm.place, state)
        timer ??= setTimeout(() => patience.abort(inUse), TAKEOVER)
      },
    })
  } catch (error) {
    throw patience.signal.aborted && inUse ? inUse : error
  } finally {
    clearTimeout(timer)
  }
}

/** Until the loop has listed the store there is nothing to look up: the portal answers that it is not ready. */
const lateLookups = (cache: () => Cache | undefined): Lookups => {
  const ready = (): Cache => {
    const found = cache()
    if (!found) throw new NotReadyError('starting; try again in a moment')
    return found
  }
  return { get: (kind, name) => ready().get(kind, name), by: (kind, index, value) => ready().by(kind, index, value) }
}

export class NotReadyError extends RosterError {
  readonly retry: Retry = 'backoff'
  readonly reason: Reason = 'Progressing'
}

/** The API server may answer, and yet say nothing of changes: a right to watch that was taken away, say. */
const outdated = (replica: Replica | undefined, most = STALE): string | undefined => {
  if (!replica?.cache || replica.age <= most) return undefined
  return `the store has told nothing for ${Math.round(replica.age / 1_000)} seconds: what is shown may be outdated`
}

const storeCheck = ({ store }: Realm): HealthCheck => ({
  name: 'store',
  check: async () => {
    await store.info()
    return undefined
  },
})

/** Until everything up to a version was carried out, and the sources there are were read, for better or worse. */
const untilPassed = ({ manager: { loop } }: RunningController, version: string): Promise<void> =>
  new Promise(resolve => {
    const look = (): boolean => {
      const idle = loop.idleVersion()
      if (idle === undefined || compareVersions(idle, version) < 0) return false
      return [...loop.world.cache.list('Source')].every(
        ({ metadata, status }) =>
          findCondition(status?.conditions, 'Ready')?.observedGeneration === metadata.generation,
      )
    }
    if (look()) return resolve()
    const stop = loop.onIdleChange(() => {
      if (!look()) return
      stop()
      resolve()
    })
  })
