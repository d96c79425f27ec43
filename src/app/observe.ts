import { RosterError } from '../api/errors.ts'
import type { RuntimeObserver } from '../runtime/observer.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'

/** Hangs log and metrics onto the runtime. `workqueue_*` are labelled with the kind, as client-go labels them with the controller's name. */
export const observing = (log: Log, metrics: Metrics): RuntimeObserver => ({
  queued: ({ kind }) => metrics.workqueue.adds.inc({ name: kind }),
  taken: ({ kind, seconds }) => metrics.workqueue.queueDuration.observe({ name: kind }, seconds),
  retried: ({ kind }) => metrics.workqueue.retries.inc({ name: kind }),
  finished: ({ kind, name, run, outcome, seconds }) => {
    metrics.workqueue.workDuration.observe({ name: kind }, seconds)
    metrics.reconciles.inc({ kind, outcome })
    log.debug('reconciled', { kind, name, run, outcome, duration: seconds })
  },
  failed: ({ kind, name, run, error, outcome }) => {
    // An error that is none of ours has no reason: it is a mistake of the program, or of the machine.
    metrics.reconcileErrors.inc({ kind, reason: error instanceof RosterError ? error.reason : 'Unexpected' })
    log.warn('reconcile failed', { kind, name, run, outcome, error })
  },
  listed: ({ objects, initial }) =>
    log.info(initial ? 'listed the store' : 'listed the store anew', { count: objects }),
  watchBroken: ({ error }) => {
    metrics.watchErrors.inc()
    log.warn('watching the store broke; it is tried again', { error })
  },
  handlerFailed: ({ kind, name, error }) => log.error('a watch could not be mapped', { kind, name, error }),
  idleFailed: ({ error }) => log.warn('idleness could not be written down', { error }),
})
