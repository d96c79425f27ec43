import type { ConditionType, Reason } from './names.ts'
import type { Condition } from './resource.ts'

/** A condition before it has a time and a generation. */
export interface Verdict {
  type: ConditionType
  status: 'True' | 'False' | 'Unknown'
  reason: Reason
  message: string
}

/** What `Ready` says, after kstatus: `Reconciling` and `Stalled` are present only while they hold. */
export type Readiness =
  | { is: 'ready'; reason: Reason; message: string }
  | { is: 'reconciling'; reason: Reason; message: string }
  | { is: 'stalled'; reason: Reason; message: string }

/** `Ready`, `Reconciling` and `Stalled` of one readiness. */
export const readiness = (of: Readiness): Verdict[] => {
  const ready: Verdict = {
    type: 'Ready',
    status: of.is === 'ready' ? 'True' : 'False',
    reason: of.reason,
    message: of.message,
  }
  if (of.is === 'ready') return [ready]
  return [
    ready,
    { type: of.is === 'stalled' ? 'Stalled' : 'Reconciling', status: 'True', reason: of.reason, message: of.message },
  ]
}

/**
 * The conditions to write: each verdict with the time of its last transition taken from `previous` where the status did not change.
 * A type that no verdict names is dropped (absent means unknown, Kubernetes API conventions).
 * The result is sorted by type, so an unchanged status compares equal.
 */
export const conditionsOf = (
  previous: readonly Condition[] | undefined,
  verdicts: readonly Verdict[],
  options: { now: string; generation: number },
): Condition[] =>
  verdicts
    .map(verdict => {
      const before = previous?.find(condition => condition.type === verdict.type)
      return {
        ...verdict,
        lastTransitionTime: before?.status === verdict.status ? before.lastTransitionTime : options.now,
        observedGeneration: options.generation,
      }
    })
    .sort((a, b) => (a.type < b.type ? -1 : a.type > b.type ? 1 : 0))

export const findCondition = (
  conditions: readonly { type: string }[] | undefined,
  type: ConditionType,
): Condition | undefined => conditions?.find(condition => condition.type === type) as Condition | undefined
