import type { Kind } from '../api/names.ts'

/** One run of one key, as logs name it. */
export interface Run {
  kind: Kind
  name: string
  /** Its id. */
  run: string
}

/**
 * How a run ended: nothing more to do · to be run again at a time · failed and backed off · failed until something changes ·
 * failed until the object itself changes · the lease went while it ran, and its result counts for nothing.
 */
export type Outcome = 'done' | 'again' | 'backoff' | 'wait' | 'never' | 'dropped'

/**
 * What the runtime tells logs and metrics. client-go's `workqueue_*` metrics: `adds_total` counts `queued`, `queue_duration_seconds` observes `taken`,
 * `work_duration_seconds` observes `finished`, `retries_total` counts `retried`; `depth` and `unfinished_work_seconds` are read from the controllers' queues.
 * An observer cannot stop the loop: what it throws becomes a process warning.
 */
export interface RuntimeObserver {
  queued?(of: { kind: Kind; name: string }): void
  taken?(of: { kind: Kind; name: string; seconds: number }): void
  started?(of: Run): void
  finished?(of: Run & { outcome: Outcome; seconds: number }): void
  /** `again`: when it is tried again, in the Clock's milliseconds. */
  failed?(of: Run & { error: unknown; outcome: 'backoff' | 'wait' | 'never'; again: number | undefined }): void
  retried?(of: { kind: Kind; name: string; failures: number }): void
  /** All kinds were listed: at the start, or anew because the watch had lost its place. */
  listed?(of: { objects: number; initial: boolean }): void
  /** A list or watch failed; it is tried again. */
  watchBroken?(of: { error: unknown }): void
  /** An index, a predicate or a mapping threw for this object: it wakes nobody this time. */
  handlerFailed?(of: { kind: Kind; name: string; error: unknown }): void
  /** Everything up to this version is processed. */
  idle?(of: { version: string }): void
  /** Idleness could not be written down; it is tried again. */
  idleFailed?(of: { error: unknown }): void
}

/** Calls one method of an observer, if it has it. */
export function tell<M extends keyof RuntimeObserver>(
  observer: RuntimeObserver | undefined,
  method: M,
  of: Parameters<NonNullable<RuntimeObserver[M]>>[0],
): void {
  if (!observer?.[method]) return
  try {
    ;(observer[method] as (of: unknown) => void)(of)
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : new Error(String(error)))
  }
}
