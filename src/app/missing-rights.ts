import type { Organization } from '../api/organization.ts'
import { missingRightsText } from '../decide/missing-rights.ts'
import { type Clock, timestamp } from '../ports/clock.ts'
import type { MissingRights } from '../ports/rights.ts'
import { rootsAmong } from '../reconcilers/context.ts'
import type { ResourceStore } from '../store/store.ts'
import type { Log } from '../telemetry/log.ts'

/** Milliseconds between looks whether what is missing is back, and is told. */
const EVERY = 5_000

export interface MissingRightsOptions {
  rights: MissingRights
  store: Pick<ResourceStore, 'list' | 'events'>
  /** The organizations at the top, where they are known without asking. */
  roots: () => readonly Organization[] | undefined
  clock: Clock
  log: Log
}

/**
 * Tells each right that is missing once as an Event on the organizations at the top, for as long as it takes, and looks until it is back.
 * @returns stops it
 */
export const tellMissingRights = ({ rights, store, roots, clock, log }: MissingRightsOptions): (() => void) => {
  let told: string | undefined
  let busy = false
  let cancel = (): void => undefined
  let stopped = false

  const look = async (): Promise<void> => {
    await rights.ask()
    const message = missingRightsText(rights.missing)
    if (message === told) return
    if (message === undefined) {
      told = undefined
      return
    }
    const tops = roots() ?? rootsAmong((await store.list('Organization')).items)
    const time = timestamp(clock.now())
    for (const { metadata } of tops)
      await store.events.record({
        ref: { kind: 'Organization', name: metadata.name },
        type: 'Warning',
        reason: 'NotAllowed',
        message,
        time,
      })
    told = message
  }
  const run = (): void => {
    cancel()
    if (busy || stopped) return
    busy = true
    look()
      .catch((error: unknown) => log.warn('that a right is missing could not be told as an Event', { error }))
      .finally(() => {
        busy = false
        if (!stopped && rights.missing.length > 0) cancel = clock.at(clock.now() + EVERY, run)
      })
  }
  const leave = rights.onChange(run)
  if (rights.missing.length > 0) run()
  return () => {
    stopped = true
    leave()
    cancel()
  }
}
