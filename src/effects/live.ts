import { isConflict, RosterError } from '../api/errors.ts'
import type { MembershipSpec } from '../api/membership.ts'
import { timestamp } from '../api/timestamp.ts'
import type { AuditEntry, AuditLog } from '../ports/audit.ts'
import type { Clock } from '../ports/clock.ts'
import type { Delivery, Mailer, OutgoingMail } from '../ports/mailer.ts'
import type { ResourceStore } from '../store/store.ts'
import type { Effects, Explained, MailAct, MailKeeper, MailResult, MailSlot } from './effects.ts'
import { actionOf, recordEffects, replaceRead, type Teller } from './records.ts'
import { intentIn, isSameTry, type Outcome, slotText, withOutcome } from './slots.ts'

/** The lease went while something was to be done: it was not done. */
export class NotHolderError extends RosterError {
  readonly retry = 'never'
  readonly reason = 'Conflict'
}

/** A claim does not say what it must, so nothing was sent: a mistake of the program. */
export class BadClaimError extends RosterError {
  readonly retry = 'never'
  readonly reason = 'InvalidSpec'
}

const DOWN_LEAST = 15_000
const DOWN_MOST = 300_000

export interface LiveOptions {
  /** The store of the lease: it refuses writes once the lease is lost. */
  store: ResourceStore
  audit: AuditLog
  mailer: Mailer
  clock: Clock
  /** Aborts when the lease is lost or the process stops at once: nothing leaves from then on. */
  lost: AbortSignal
  /** `takesAccess` of `decide/membership`. */
  takes: (before: MembershipSpec, after: MembershipSpec) => boolean
  /** Why nothing may leave for this organization now, read from where it was written and not from a cache. Asked right before each mail is handed over. */
  stopped: (organization: string | undefined) => Promise<string | undefined>
}

/** Effects that happen. Each goes into the audit trail: intent before and result after what cannot be taken back, one line for any other change. */
export const liveEffects = (options: LiveOptions): Effects => {
  const { store, audit, mailer, clock, lost } = options

  const line = (phase: AuditEntry['phase']) => async (what: Explained) => {
    for (const change of what.changes ?? [])
      await audit.append({
        phase,
        actor: what.actor,
        action: actionOf(change),
        target: `${change.kind}/${change.name}`,
        ...organizationOf(what),
        ...(Object.keys(change.fields).length > 0 && { after: change.fields }),
        because: what.because,
      })
  }
  const tell: Teller = { intent: line('intent'), result: line('result'), change: line('change') }

  /** Puts the outcome of one try into its slot, whatever else was written into the record meanwhile. */
  const settle = async <R extends MailKeeper>(claimed: R, slot: MailSlot, delivery: Delivery): Promise<R> => {
    const outcome: Outcome = {
      outcome: delivery.outcome,
      outcomeTime: timestamp(clock.now()),
      response: [...delivery.response].slice(0, 200).join(''),
    }
    const own = intentIn(claimed.spec, slot)
    let record: R | undefined = claimed
    for (;;) {
      const found = record && intentIn(record.spec, slot)
      // Somebody waited our deadline out and took the try over: theirs counts now.
      if (!record || !own || !found || !isSameTry(own, found)) return record ?? claimed
      try {
        return await replaceRead(store, record, withOutcome(record.spec, slot, outcome))
      } catch (error) {
        if (!isConflict(error)) throw error
        record = (await store.get(claimed.kind, claimed.metadata.name)) as R | undefined
      }
    }
  }

  /** Set while the whole mail server is out of reach: one try at a time finds out whether it is back, and nobody's link begins to run meanwhile. */
  let down: { tries: number; until: number } | undefined
  const learn = (delivery: Delivery) => {
    if (!delivery.serverDown) {
      down = undefined
      return
    }
    const tries = (down?.tries ?? 0) + 1
    down = { tries, until: clock.now() + Math.min(DOWN_LEAST * 2 ** (tries - 1), DOWN_MOST) }
  }

  /** Where it cannot be read whether something stops it, it stays. */
  const stopOf = async (organization: string | undefined): Promise<string | undefined> => {
    try {
      return await options.stopped(organization)
    } catch (error) {
      return `it could not be read whether mail may leave: ${error instanceof Error ? error.message : String(error)}`
    }
  }

  const mail = async <R extends MailKeeper>(act: MailAct<R>): Promise<MailResult<R>> => {
    const { record, slot, explained } = act
    const { name } = record.metadata
    const target = `${record.kind}/${name}`
    const intent = intentIn(act.claimed, slot)
    if (!intent || intent.outcome !== undefined)
      throw new BadClaimError(`${target}: ${slotText(slot)} is no open intent; nothing was sent`)
    if (lost.aborted) throw new NotHolderError(`${target}: the lease is lost; nothing was sent`)

    let claimed: R
    try {
      claimed = await replaceRead(store, record, act.claimed)
    } catch (error) {
      if (isConflict(error)) return { is: 'lost' }
      throw error
    }

    const entry = {
      actor: explained.actor,
      action: 'mail.send',
      target,
      ...organizationOf(explained),
      key: `${name}/${slotText(slot)}`,
      because: explained.because,
    }
    const fields = explained.changes?.find(change => change.target === 'mail')?.fields
    let prepared: OutgoingMail
    try {
      prepared = await act.compose(claimed)
      await audit.append({ ...entry, phase: 'intent', after: { ...fields, messageId: prepared.messageId } })
    } catch (error) {
      // Not one byte went out: say so, or a successor would take it for a mail that may have arrived.
      await settle(claimed, slot, {
        outcome: 'NotSent',
        response: 'it could not be prepared or noted in the audit trail',
      })
      throw error
    }
    if (lost.aborted) throw new NotHolderError(`${target}: the lease is lost; nothing was sent`)

    let stop: string | undefined
    const admit = async () => {
      stop = await stopOf(explained.organization)
      return stop
    }
    const delivery = await mailer.send(prepared, { deadline: Date.parse(intent.deadline), signal: lost, admit })
    // What was not tried says nothing about the server.
    if (stop === undefined) learn(delivery)
    const settled = await settle(claimed, slot, delivery)
    await audit.append({
      ...entry,
      phase: 'result',
      after: { outcome: delivery.outcome, response: delivery.response },
    })
    return { is: 'done', record: settled }
  }

  return { ...recordEffects({ store, tell, takes: options.takes }), mail, mailHeldUntil: () => down?.until ?? 0 }
}

const organizationOf = (what: Explained) => (what.organization === undefined ? {} : { organization: what.organization })
