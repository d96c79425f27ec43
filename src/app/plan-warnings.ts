import { counted } from '../api/counted.ts'
import type { Kind } from '../api/names.ts'
import { type Restored, restoredText } from '../decide/restoring.ts'
import { frozenText } from '../decide/settings.ts'
import type { Change } from '../effects/change.ts'
import { declaredAt, settingsFor } from '../reconcilers/context.ts'
import { openInvitations } from '../reconcilers/role.ts'
import type { Cache } from '../runtime/reconciler.ts'
import type { SyncResult } from '../source/pass.ts'

/** Something that is no change, and that whoever makes the change should know. */
export interface PlanWarning {
  kind: Kind
  name: string
  organization?: string
  /** Why it is said. */
  because: string
  message: string
  /** Whom it concerns: addresses. */
  addresses: string[]
}

/** A link that is out carries the roles as they will be then: editing one, or taking it away, concerns people who were told something else. */
export const carriedRoles = (declared: readonly Change[], cache: Cache, now: number): CarriedRole[] =>
  declared.flatMap(change => {
    if (change.kind !== 'Role' || change.action === 'create') return []
    return [{ change, addresses: openInvitations({ cache, clock: { now: () => now } }, change.name).addresses }]
  })

export interface CarriedRole {
  change: Change
  addresses: readonly string[]
}

/** Whose invitation goes with the same plan is not concerned. */
export const warningOnRole = (
  { change, addresses: all }: CarriedRole,
  withdrawn: ReadonlySet<unknown>,
): PlanWarning[] => {
  const { kind, name, organization, because, action } = change
  const addresses = all.filter(address => !withdrawn.has(address))
  if (addresses.length === 0) return []
  const carry = counted(addresses.length, 'open invitation carries it', 'open invitations carry it')
  const message = `role ${name} ${action === 'delete' ? 'is deleted' : 'changes'}: ${carry}`
  return [
    { kind: kind as Kind, name, because, message, addresses, ...(organization !== undefined && { organization }) },
  ]
}

/** Pool → holders who wait for a seat of it, first in line first. */
export const waitingIn = (cache: Cache): ReadonlyMap<string, readonly string[]> =>
  new Map(
    [...cache.list('LicensePool')].map(({ metadata: { name } }) => [
      name,
      cache.by('SeatLedger', 'pool', name).flatMap(({ spec }) => (spec.waiting ?? []).map(({ holder }) => holder)),
    ]),
  )

/** Pools for which somebody waits who did not wait before. Who of those that come at once is the last one is decided by who is first. */
export const warningsOnSeats = (before: ReadonlyMap<string, readonly string[]>, cache: Cache): PlanWarning[] =>
  [...waitingIn(cache)].flatMap(([name, holders]) => {
    const waited = new Set(before.get(name))
    const pool = cache.get('LicensePool', name)
    const fresh = holders.filter(holder => !waited.has(holder))
    if (!pool || fresh.length === 0) return []
    const { organization, seats } = pool.spec
    const wait = counted(fresh.length, 'person waits', 'people wait')
    const message = `pool ${name} has ${counted(seats, 'seat')}: ${wait} for one`
    const addresses = fresh.map(holder => addressOf(cache, holder)).sort()
    return [{ kind: 'LicensePool', name, organization, because: declaredAt(pool), message, addresses }]
  })

/** Of a realm that was restored, what a plan shows happens when that is approved, and not before. */
export const warningsOnRestore = (restored: Restored | undefined): PlanWarning[] =>
  restored
    ? [{ kind: 'Approval', name: 'restore', because: 'roster restore', message: restoredText(restored), addresses: [] }]
    : []

/** Organizations that stay frozen against what the manifests say, and those in which mails of this plan wait for that to end. */
export const warningsOnFrozen = (
  cache: Cache,
  kept: SyncResult['frozen'],
  changes: readonly Change[],
): PlanWarning[] => {
  const stays = kept.map(({ ref: { name }, by, place }): PlanWarning => {
    const message = `${by} has frozen ${name}, and \`frozen: false\` does not end that: \`roster unfreeze ${name}\` does`
    return { kind: 'Organization', name, organization: name, because: place, message, addresses: [] }
  })
  const queued = changes.filter(({ action, target }) => action === 'queue' && target === 'mail')
  const waiting = [...Map.groupBy(queued, ({ organization }) => organization)].flatMap(
    ([name, mails]): PlanWarning[] => {
      const organization = name === undefined ? undefined : cache.get('Organization', name)
      const by = organization && settingsFor({ cache }, organization.metadata.name)?.settings.frozen
      if (!organization || by === undefined) return []
      const message = `${frozenText(by)}; ${counted(mails.length, 'mail waits', 'mails wait')}`
      const addresses = mails.map(({ fields }) => String(fields['to'])).sort()
      const { name: at } = organization.metadata
      return [
        { kind: 'Organization', name: at, organization: at, because: declaredAt(organization), message, addresses },
      ]
    },
  )
  return [...stays, ...waiting]
}

/** What may be moving between sources: `run` reads all of them and hands it over, `apply` reads one and does not. */
export const warningsOnMoving = (
  source: string,
  { conflicts, pruned }: Pick<SyncResult, 'conflicts' | 'pruned'>,
  cache: Cache,
): PlanWarning[] => {
  const others = [...cache.list('Source')].map(({ metadata }) => metadata.name).filter(name => name !== source)
  const kept = [...Map.groupBy(conflicts, ({ holder }) => holder)]
    .filter(([holder]) => holder.startsWith('source '))
    .map(([holder, all]): PlanWarning => {
      const message = `${counted(all.length, 'resource')} of ${holder}, which keeps what it has: where it declares them no more, \`roster run\` hands them over, \`roster apply\` does not`
      return { kind: 'Source', name: source, because: all[0]?.place ?? holder, message, addresses: [] }
    })
  if (pruned.length === 0 || others.length === 0) return kept
  const names = others.map(name => `Source/${name}`).join(', ')
  const message = `${counted(pruned.length, 'resource')} would be deleted: what moved to ${names} is handed over by \`roster run\`, and deleted by \`roster apply --prune\``
  return [...kept, { kind: 'Source', name: source, because: `source/${source}`, message, addresses: [] }]
}

const addressOf = (cache: Cache, holder: string): string => {
  const key = holder.slice(holder.indexOf('/') + 1)
  const [membership] = holder.startsWith('user/') ? cache.by('Membership', 'userUid', key) : []
  return membership?.spec.address ?? key
}
