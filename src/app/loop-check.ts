import type { Ending, Manager } from '../runtime/manager.ts'
import type { HealthCheck } from '../telemetry/ops.ts'

/** Seconds after which a run of a reconciler hangs: a mail has two minutes, a source ten. */
const HANGS = 15 * 60

/** Well while the loop has not ended by itself and none of its runs hangs; before it is there, too. */
export const loopCheck = (manager: () => Pick<Manager, 'ended' | 'loop'> | undefined): HealthCheck => {
  let ended: Ending | undefined
  let watched: Pick<Manager, 'ended'> | undefined
  return {
    name: 'loop',
    check: () => {
      const current = manager()
      if (!current) return undefined
      if (current !== watched) {
        watched = current
        void current.ended.then(ending => {
          ended = ending
        })
      }
      if (ended !== undefined && ended.why !== 'stopped') return `the loop has ended: ${ended.why}`
      const hanging = current.loop.controllers.find(({ queue }) => queue.unfinished().longest > HANGS)
      return hanging && `a run of ${hanging.kind} has taken longer than ${HANGS / 60} minutes`
    },
  }
}
