import type { Kind } from '../api/names.ts'
import { type AuditLine, readAudit } from '../telemetry/audit.ts'
import { findPerson, type Person, UnknownPersonError } from './person.ts'
import type { Realm } from './realm.ts'
import { type Snapshot, takeSnapshot } from './snapshot.ts'

export type { AuditLine } from '../telemetry/audit.ts'

/** Which happenings are asked for; all given ones must hold. */
export interface HappeningsFilter {
  /** Name of a User, or an address. */
  user?: string | undefined
  by?: string | undefined
  action?: string | undefined
  organization?: string | undefined
  /** RFC 3339. */
  since?: string | undefined
  until?: string | undefined
}

/**
 * The audit trail, oldest first. A person is found under every name that lines have: their User, their records, their invitations, their addresses.
 * A line that cannot be read is counted, never hidden.
 */
export const auditTrail = async (
  realm: Pick<Realm, 'store' | 'clock' | 'paths'>,
  { user, by, action, organization, since, until }: HappeningsFilter,
): Promise<{ lines: AuditLine[]; unreadable: number; called: (target: string) => string }> => {
  const snapshot = await takeSnapshot(realm)
  const called = (target: string): string => calledIn(snapshot, target)
  const { lines, unreadable } = await readAudit(realm.paths.audit, {
    ...(by !== undefined && { by }),
    ...(action !== undefined && { action }),
    ...(organization !== undefined && { organization }),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
  })
  if (user === undefined) return { lines, unreadable, called }
  const about = aboutPerson(snapshot, user)
  return { called, lines: lines.filter(line => about.targets.has(line.target) || about.mentioned(line)), unreadable }
}

/** Events of the store, oldest first. */
export const eventsOf = async (
  realm: Pick<Realm, 'store' | 'clock'>,
  filter: {
    ref?: { kind: Kind; name: string } | undefined
    user?: string | undefined
    since?: string | undefined
    limit?: number
  },
): Promise<StoreEvent[]> => {
  const { ref, user, since, limit = 1000 } = filter
  const events = await realm.store.events.list({ ...(ref && { ref }), ...(since !== undefined && { since }), limit })
  const about = user === undefined ? undefined : aboutPerson(await takeSnapshot(realm), user)
  return events.filter(event => !about || about.targets.has(`${event.ref.kind}/${event.ref.name}`)).reverse()
}
type StoreEvent = Awaited<ReturnType<Realm['store']['events']['list']>>[number]

interface About {
  targets: ReadonlySet<string>
  /** Whether one of the addresses stands in a line. */
  mentioned(line: AuditLine): boolean
}

/** Somebody who is gone from the store still has a past: then the name itself is looked for. */
const aboutPerson = (snapshot: Snapshot, called: string): About => {
  const person = personOf(snapshot, called)
  const addresses = person?.addresses ?? [called.toLowerCase()]
  const targets = new Set([`User/${person?.name ?? called}`, ...addresses.map(address => `User/${address}`)])
  for (const { metadata } of person?.memberships ?? []) targets.add(`Membership/${metadata.name}`)
  for (const { metadata, spec } of snapshot.cache.list('Invitation'))
    if (addresses.includes(spec.email.toLowerCase())) targets.add(`Invitation/${metadata.name}`)
  for (const { metadata, spec } of snapshot.cache.list('Account'))
    if (addresses.includes(spec.address)) targets.add(`Account/${metadata.name}`)
  const quoted = addresses.filter(address => address.includes('@')).map(address => JSON.stringify(address))
  return {
    targets,
    mentioned: line => {
      const text = JSON.stringify([line.before, line.after]).toLowerCase()
      return quoted.some(address => text.includes(address))
    },
  }
}

const personOf = (snapshot: Snapshot, called: string): Person | undefined => {
  try {
    return findPerson(snapshot, called)
  } catch (error) {
    if (error instanceof UnknownPersonError) return undefined
    throw error
  }
}

/** Records have names that say nothing to people: they are called by their address. */
const calledIn = ({ cache }: Snapshot, target: string): string => {
  const [kind, name = ''] = target.split('/', 2)
  if (kind === 'Membership') return `Membership/${cache.get('Membership', name)?.spec.address ?? name}`
  if (kind === 'Account') return `Account/${cache.get('Account', name)?.spec.address ?? name}`
  return target
}
