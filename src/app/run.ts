import { openCredentials } from '../accounts/credentials.ts'
import { openKeys } from '../accounts/keys.ts'
import { createLinks } from '../accounts/links.ts'
import { findCondition } from '../api/conditions.ts'
import { type Retry, RosterError } from '../api/errors.ts'
import { KINDS, type Reason } from '../api/names.ts'
import { listMails, readMail } from '../mail/folder.ts'
import type { Lookups } from '../portal/lookups.ts'
import { createPortal } from '../portal/portal.ts'
import type { Ending } from '../runtime/manager.ts'
import type { Cache } from '../runtime/reconciler.ts'
import type { LeaseState } from '../store/store.ts'
import { compareVersions } from '../store/version.ts'
import type { Log } from '../telemetry/log.ts'
import { createMetrics, type LiveFigures, type Metrics } from '../telemetry/metrics.ts'
import { type HealthCheck, startOps } from '../telemetry/ops.ts'
import { type RunningController, startController } from './controller.ts'
import { countConditions } from './count-conditions.ts'
import { loopCheck } from './loop-check.ts'
import type { Realm } from './realm.ts'
import { portalUrl } from './settings.ts'
import { declareSources } from './source-arguments.ts'

/** Another process runs the loop on this store. */
export class StoreInUseError extends RosterError {
  readonly retry: Retry = 'never'
  readonly reason: Reason = 'Conflict'
  readonly remedy = 'Stop that one first, or name another store with --data'
  constructor(folder: string, { holder }: LeaseState) {
    super(`the store ${folder} is in use by another roster (host/process ${holder})`)
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

/** How long a start waits for the process before it to end: a restart must not fail because of a slow stop. */
const TAKEOVER = 4_000

export interface RunOptions {
  realm: Realm
  log: Log
  /** Paths and Git URLs of the command line; none: the Sources in the store. */
  sources: readonly string[]
  cwd: string
  signal: AbortSignal
  onMailTrouble?: (sentence: string) => void
  onStoreTrouble?: (sentence: string) => void
  /** Without a health listener: for a second program on one machine. */
  ops?: boolean
}

/** The controller, its portal and its health, up. */
export interface Running extends AsyncDisposable {
  readonly controller: RunningController
  readonly metrics: Metrics
  readonly portalUrl: string
  readonly opsPort: number | undefined
  /** Version of the store at which the sources of the command line were in it. */
  readonly declared: string
  /** Resolves when the loop has ended, whatever the cause. */
  readonly ended: Promise<Ending>
}

/**
 * Runs everything in one process. The portal listens before the first mail goes out, so that no link leads nowhere.
 * @throws StoreInUseError, ListenError, BindingError, NoStoreError
 */
export const startRun = async (options: RunOptions): Promise<Running> => {
  const { realm, log } = options
  const { settings, store, clock, audit, paths } = realm
  const metrics = createMetrics()
  const publicUrl = portalUrl(settings)
  const { realm: realmId, epoch } = await store.info()
  const keys = openKeys(paths.keys)
  const credentials = openCredentials(paths.credentials)
  await using stack = new AsyncDisposableStack()
  stack.use(credentials)
  let cache: Cache | undefined
  const mailFolder = settings.mailDir ?? paths.mail
  const portal = createPortal({
    store,
    lookups: lateLookups(() => cache),
    credentials,
    keys,
    links: createLinks({ keys, publicUrl, realm: realmId }),
    clock,
    audit,
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

  let controller: RunningController | undefined
  let opsPort: number | undefined
  const lag = loopCheck(() => controller?.manager)
  if (options.ops !== false) {
    const ops = await startOps({
      ...settings.opsListen,
      health: [lag],
      ready: [storeCheck(realm), { name: 'loop', check: () => (cache ? undefined : 'not started yet') }],
      registry: metrics.registry,
    }).catch((error: unknown) => {
      throw opsTrouble(error, settings.opsListen)
    })
    opsPort = ops.port
    stack.defer(() => ops.stop())
  }

  controller = await takeLease(options, metrics)
  const loop = controller
  // Both at once: each may take some seconds to finish what is in hand.
  stack.defer(async () => void (await Promise.all([loop[Symbol.asyncDispose](), listening.close()])))
  // Only now: a second process that is turned away must not have changed where the first one reads from.
  await declareSources({ ...realm, store: controller.manager.lease.store }, options.sources, options.cwd)
  const { resourceVersion: declared } = await store.info()
  cache = controller.manager.loop.world.cache
  const up = stack.move()
  metrics.watch(figuresOf(controller))
  return {
    controller,
    metrics,
    portalUrl: publicUrl,
    opsPort,
    ended: controller.manager.ended,
    declared,
    [Symbol.asyncDispose]: () => up.disposeAsync(),
  }
}

/** What metrics show of the loop at the moment of a scrape. */
const figuresOf = ({ manager: { loop } }: RunningController): LiveFigures => ({
  queues: () =>
    loop.controllers.map(({ kind, queue }) => {
      const { seconds, longest } = queue.unfinished()
      return { name: kind, depth: queue.ready, unfinished: seconds, longest }
    }),
  objects: () => KINDS.map(kind => ({ kind, count: loop.world.cache.count(kind) })),
  conditions: () => countConditions(loop.world.cache),
  sources: () =>
    [...loop.world.cache.list('Source')].flatMap(({ metadata, status }) =>
      status?.lastCompleteTime === undefined
        ? []
        : [{ source: metadata.name, lastComplete: Date.parse(status.lastCompleteTime) / 1000 }],
    ),
})

/** Waits for a holder that is about to stop, then says who it is. */
const takeLease = async (
  { realm, log, signal, onMailTrouble, onStoreTrouble }: RunOptions,
  metrics: Metrics,
): Promise<RunningController> => {
  const patience = new AbortController()
  let inUse: StoreInUseError | undefined
  let timer: NodeJS.Timeout | undefined
  try {
    return await startController({
      realm,
      log,
      metrics,
      sources: true,
      ...(onMailTrouble && { onMailTrouble }),
      ...(onStoreTrouble && { onStoreTrouble }),
      signal: AbortSignal.any([signal, patience.signal]),
      onWaiting: state => {
        inUse = new StoreInUseError(realm.paths.folder, state)
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

const storeCheck = ({ store }: Realm): HealthCheck => ({
  name: 'store',
  check: async () => {
    await store.info()
    return undefined
  },
})

/** Whether the sources of the command line were read, for better or worse, and nothing is ready or running. */
export const isFirstPassOver = ({ controller, declared }: Running): boolean => {
  const { loop } = controller.manager
  const idle = loop.idleVersion()
  if (idle === undefined || compareVersions(idle, declared) < 0) return false
  return [...loop.world.cache.list('Source')].every(
    ({ metadata, status }) => findCondition(status?.conditions, 'Ready')?.observedGeneration === metadata.generation,
  )
}
