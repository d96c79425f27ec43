import { randomBytes } from 'node:crypto'
import { createLinks } from '../accounts/links.ts'
import { KINDS, MANAGERS } from '../api/names.ts'
import type { Policy } from '../decide/authority.ts'
import { takesAccess } from '../decide/membership.ts'
import { missingRightsText } from '../decide/missing-rights.ts'
import { type Restored, restoredText } from '../decide/restoring.ts'
import { liveEffects } from '../effects/live.ts'
import { mailComposer } from '../mail/composer.ts'
import type { Clock } from '../ports/clock.ts'
import { stoppedIn } from '../reconcilers/frozen.ts'
import { indexes } from '../reconcilers/indexes.ts'
import type { Lines } from '../reconcilers/lines.ts'
import { type LeasedWorld, type Manager, startManager } from '../runtime/manager.ts'
import type { RuntimeObserver } from '../runtime/observer.ts'
import { SourceHub } from '../source/hub.ts'
import { syncRevision } from '../source/sync.ts'
import { StoreUnusableError } from '../store/errors.ts'
import type { LeaseState } from '../store/store.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { whenAtRest } from './at-rest.ts'
import { openDirectories } from './directories.ts'
import { mailTrouble, openMailer, senderOf } from './mail.ts'
import { observing } from './observe.ts'
import { troubleTeller } from './patience.ts'
import type { Realm } from './realm.ts'
import { expectingRecords, noteRecordLoss, noteRecords, RecordsLostError } from './recordloss.ts'
import { restoredOf, restoringLoop } from './restored.ts'
import { rememberingRuns } from './runs.ts'
import { portalUrl } from './settings.ts'
import { sourceReader } from './sources.ts'
import { DERIVING, reconcilersOf, worldOf } from './world.ts'

export interface ControllerOptions {
  realm: Realm
  log: Log
  metrics: Metrics
  signal: AbortSignal
  onWaiting?: (state: LeaseState) => void
  /** Told when the mail server cannot be used at the start. */
  onMailTrouble?: (sentence: string) => void
  /** Told when the store or the audit trail cannot be written, once a minute at most: a full disk. */
  onStoreTrouble?: (sentence: string) => void
  /** Whether sources are read: `run` does, `apply` is given its manifests. */
  sources: boolean
  /** This process writes a revision itself while the loop runs: resolves when all of it is written. Nothing is taken before. */
  writing?: () => Promise<void>
}

/** The loop under the lease, acting for real. */
export interface RunningController extends AsyncDisposable {
  manager: Manager
}

/**
 * Takes the lease, binds mail and public URL to the store, and runs every reconciler.
 * @throws BindingError when the store is used with another mail server or URL
 */
export const startController = async (options: ControllerOptions): Promise<RunningController> => {
  const { realm, log, metrics, signal } = options
  const { settings, store, clock, audit, secrets } = realm
  const publicUrl = portalUrl(settings)
  await using stack = new AsyncDisposableStack()
  const mailer = stack.use(openMailer(realm))
  const { realm: realmId, epoch: storeEpoch } = await store.info()
  const keys = await realm.keys()
  const links = createLinks({ keys, publicUrl, realm: realmId })
  const composer = mailComposer({
    from: senderOf(settings.mailFrom, publicUrl),
    onProblem: ({ template, organization, problem }) =>
      log.warn(`the organization's own text for ${template} could not be used: ${problem}`, { organization }),
  })

  let manager: Manager | undefined
  let restored: Restored | undefined
  let lines: Lines | undefined
  const hub = new SourceHub({
    open: source => sourceReader(realm, source),
    changed: name => manager?.loop.controller('Source')?.wake(name),
  })
  stack.defer(() => hub.close())
  const directories = stack.use(openDirectories(realm))
  manager = await startManager({
    store,
    kinds: KINDS,
    indexes,
    clock,
    random: Math.random,
    observer: withStoreTrouble(observing(log, metrics), clock, options.onStoreTrouble),
    holder: realm.holder,
    // Only the holder binds: whoever is turned away must not have changed where the holder's mails go.
    prepare: async ({ store: held }) => {
      restored = await restoredOf(held)
      if (restored) log.warn(restoredText(restored))
      await held.bind({ mail: mailer.binding, publicUrl }, { rebind: settings.rebind })
    },
    expecting: expectingRecords(store),
    signal,
    grace: GRACE,
    ...(options.onWaiting && { onWaiting: options.onWaiting }),
    reconcilers: ({ store: own, cache, lease, whenIdle, retriesBefore }: LeasedWorld) => {
      metrics.leaseHeld.set(1)
      const restoring = restoringLoop({ store: own, audit }, restored, () => wakeAll(manager))
      const effects = liveEffects({
        store: own,
        audit,
        mailer: counted(mailer, metrics),
        clock,
        lost: lease.lost,
        takes: takesAccess,
        stopped: stoppedIn(own, restoring),
      })
      const world = worldOf({
        cache,
        store: own,
        effects,
        clock,
        random: size => randomBytes(size),
        composer,
        links,
        secrets,
        fingerprint: keys.fingerprint,
        epoch: lease.epoch,
        removals: {
          collectFor: options.writing ? 0 : COLLECTING,
          retriesBefore: time => retriesBefore(DERIVING, time),
          whenComplete: async signal => {
            await options.writing?.()
            await whenAtRest({ whenIdle, clock }, signal)
          },
        },
        storeEpoch,
        restoring,
        missingRights: () => missingRightsText(realm.rights?.missing ?? []),
      })
      lines = world.lines
      return reconcilersOf(
        world,
        options.sources
          ? {
              sources: {
                hub,
                sync: rememberingRuns(
                  { folder: realm.paths.runs, clock, by: MANAGERS.controller, log },
                  bounded(settings.policy),
                ),
              },
              directories,
            }
          : undefined,
      )
    },
    onFilled: () => lines?.readAll(),
  })
  const running = manager
  const unheard = realm.rights?.onChange(() => running.loop.controller('Organization')?.wakeAll())
  stack.defer(() => unheard?.())
  const { lease } = running
  const noted = noteRecords({ informer: running.loop.informer, store: lease.store, log })
  let ended = false
  const lossNoted = running.ended.then(async ending => {
    ended = true
    if (ending.why !== 'failed' || !(ending.error instanceof RecordsLostError)) return
    await noteRecordLoss(store, ending.error).catch((error: unknown) =>
      log.error('that records went could not be written down', { error }),
    )
  })
  stack.defer(async () => {
    // When it stopped, for the next start.
    await lease.markClock(new Date(clock.now()).toISOString()).catch(() => undefined)
    await noted({ well: !ended && !lease.lost.aborted })
    await running.stop()
    await lossNoted
    metrics.leaseHeld.set(0)
  })
  const stopping = new AbortController()
  stack.defer(() => stopping.abort())
  void mailTrouble(realm, mailer, stopping.signal).then(sentence => {
    if (sentence === undefined) return
    log.warn(sentence)
    options.onMailTrouble?.(sentence)
  })
  stack.defer(markClock(realm, mark => lease.markClock(mark), log))
  const up = stack.move()
  return { manager: running, [Symbol.asyncDispose]: () => up.disposeAsync() }
}

/** Syncs within the controller's own policy, which no source can name or change. */
const bounded =
  (policy: Policy | undefined): typeof syncRevision =>
  options =>
    syncRevision({ ...options, authority: { ...options.authority, policy } })

/** Everything is looked at once more: what waited was written down nowhere. */
const wakeAll = (manager: Manager | undefined): void => {
  for (const controller of manager?.loop.controllers ?? []) controller.wakeAll()
  manager?.loop.controller('RemovalSet')?.wake('*')
}

const MINUTE = 60_000
/** For so long edits by hand are collected into one set of removals. */
const COLLECTING = 10_000
/** How long runs in hand may go on once it is to stop: the whole process is gone within ten seconds. */
const GRACE = 8_000

/** What keeps every key from being carried out is told once, not once a key. */
const withStoreTrouble = (
  observer: RuntimeObserver,
  clock: Clock,
  tell: ControllerOptions['onStoreTrouble'],
): RuntimeObserver => {
  const trouble = troubleTeller(clock, tell)
  const look = (error: unknown): void => {
    if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOSPC')
      trouble(new Error('the disk is full: nothing can be written down, so nothing is done', { cause: error }))
    else if (error instanceof StoreUnusableError)
      trouble(new Error(`${error.message}; ${error.remedy}`, { cause: error }))
  }
  return {
    ...observer,
    failed: of => {
      observer.failed?.(of)
      look(of.error)
    },
    idleFailed: of => {
      observer.idleFailed?.(of)
      look(of.error)
    },
  }
}

type Mailer = ReturnType<typeof openMailer>
const counted = (mailer: Mailer, metrics: Metrics): Mailer => ({
  binding: mailer.binding,
  send: async (mail, options) => {
    const delivery = await mailer.send(mail, options)
    metrics.mails.inc({ outcome: delivery.outcome })
    return delivery
  },
  [Symbol.asyncDispose]: () => mailer[Symbol.asyncDispose](),
})

/** Every minute the store remembers the time, so that the next process notices a clock that was put back. */
const markClock = ({ clock }: Realm, mark: (time: string) => Promise<void>, log: Log): (() => void) => {
  let stop = (): void => undefined
  const next = (): void => {
    mark(new Date(clock.now()).toISOString()).catch((error: unknown) =>
      log.warn('the time could not be written down', { error }),
    )
    stop = clock.at(clock.now() + MINUTE, next)
  }
  next()
  return () => stop()
}
