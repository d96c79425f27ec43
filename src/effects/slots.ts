import type { Attempt, MailRecord, MembershipSpec } from '../api/membership.ts'
import type { MailKeeper, MailSlot } from './effects.ts'

type Intent = Attempt | MailRecord
/** How one try ended. */
export type Outcome = Required<Pick<Intent, 'outcome' | 'outcomeTime' | 'response'>>

/** The intent in its slot, or undefined where the record has none there. */
export const intentIn = (spec: MailKeeper['spec'], slot: MailSlot): Intent | undefined =>
  slot.in === 'attempts'
    ? (spec as Partial<MembershipSpec>).attempts?.find(attempt => attempt.number === slot.number)
    : spec.mails?.find(mail => mail.key === slot.key)

/** Whether two states of an intent are the same try by the same claimer, with no outcome yet in the second. */
export const isSameTry = (claimed: Intent, found: Intent): boolean =>
  found.outcome === undefined &&
  found.claimedTime === claimed.claimedTime &&
  found.deadline === claimed.deadline &&
  found.epoch === claimed.epoch &&
  found.tries === claimed.tries

/** The record with the outcome in its slot; everything else as it is. */
export const withOutcome = <S extends MailKeeper['spec']>(spec: S, slot: MailSlot, outcome: Outcome): S =>
  slot.in === 'attempts'
    ? {
        ...spec,
        attempts: (spec as Partial<MembershipSpec>).attempts?.map(attempt =>
          attempt.number === slot.number ? { ...attempt, ...outcome } : attempt,
        ),
      }
    : { ...spec, mails: spec.mails?.map(mail => (mail.key === slot.key ? { ...mail, ...outcome } : mail)) }

/** `attempts/3`, `mails/welcome`. */
export const slotText = (slot: MailSlot): string =>
  slot.in === 'attempts' ? `attempts/${slot.number}` : `mails/${slot.key}`
