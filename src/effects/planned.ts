import { isConflict } from '../api/errors.ts'
import type { MembershipSpec } from '../api/membership.ts'
import { timestamp } from '../api/timestamp.ts'
import type { Clock } from '../ports/clock.ts'
import type { ResourceStore } from '../store/store.ts'
import type { Change } from './change.ts'
import type { Effects, Explained } from './effects.ts'
import { recordEffects, replaceRead, type Teller } from './records.ts'
import { withOutcome } from './slots.ts'

export interface PlannedOptions {
  /** The overlay: nothing beneath it is written. */
  overlay: ResourceStore
  /** The plan's frozen clock. */
  clock: Clock
  /** Takes each change, in the order in which it would happen. */
  note: (change: Change) => void
  /** `takesAccess` of `decide/membership`. */
  takes: (before: MembershipSpec, after: MembershipSpec) => boolean
}

/**
 * Effects that would happen. They write to the overlay alone, so that what follows from them is seen too: a mail counts as sent.
 * There is no mail server in here, and no way to one.
 */
export const plannedEffects = ({ overlay, clock, note, takes }: PlannedOptions): Effects => {
  const all = async (what: Explained) => what.changes?.forEach(note)
  const tell: Teller = { intent: async () => {}, result: all, change: all }
  return {
    ...recordEffects({ store: overlay, tell, takes }),
    mailHeldUntil: () => 0,
    mail: async ({ record, claimed, slot, explained }) => {
      const spec = withOutcome(claimed, slot, {
        outcome: 'Sent',
        outcomeTime: timestamp(clock.now()),
        response: 'planned',
      })
      try {
        const written = await replaceRead(overlay, record, spec)
        await all(explained)
        return { is: 'done', record: written }
      } catch (error) {
        if (isConflict(error)) return { is: 'lost' }
        throw error
      }
    },
  }
}
