import { timestamp } from '../api/timestamp.ts'
import { normalizeAddress } from '../decide/address.ts'
import { standingOf } from '../decide/person.ts'
import type { Change } from '../effects/change.ts'
import { declaredAt, settingsFor } from '../reconcilers/context.ts'
import type { Later } from '../runtime/loop.ts'
import type { Cache } from '../runtime/reconciler.ts'

/** A change that time alone brings about. */
export interface LaterChange extends Change {
  /** RFC 3339. */
  time: string
}

/**
 * What happens at the times that keys wait for: mails that a limit keeps back, memberships that begin or end, seats that become free.
 * Times at which something is only looked at again (a link that expires, a count) are no change.
 * @param later keys that ran and wait, as the loop knows them
 */
export const laterChanges = (later: readonly Later[], cache: Cache, now: number): LaterChange[] =>
  later
    .flatMap(({ kind, name, time }) => {
      if (kind === 'Invitation') return mailOf(cache, name, time)
      if (kind === 'User') return membershipsOf(cache, name, now)
      if (kind === 'LicensePool') return seatsOf(cache, name, now)
      return []
    })
    .sort((a, b) => compare(a.time, b.time) || compare(a.target, b.target) || compare(a.name, b.name))

const mailOf = (cache: Cache, name: string, time: number): LaterChange[] => {
  const invitation = cache.get('Invitation', name)
  if (invitation?.status?.state !== 'Queued') return []
  const { email, organization, roles } = invitation.spec
  const [user] = cache.by('User', 'address', normalizeAddress(email))
  return [
    {
      time: timestamp(time),
      action: 'send',
      target: 'mail',
      kind: user ? 'User' : 'Invitation',
      name: user ? user.metadata.name : name,
      organization,
      because: declaredAt(user ?? invitation),
      fields: { template: 'invitation', to: email, ...(roles && roles.length > 0 && { roles }) },
    },
  ]
}

const membershipsOf = (cache: Cache, name: string, now: number): LaterChange[] => {
  const user = cache.get('User', name)
  if (!user) return []
  return (user.spec.memberships ?? []).flatMap((entry): LaterChange[] => {
    const { organization, roles = [], join = 'Invitation' } = entry
    const found = settingsFor({ cache }, organization)
    if (!found) return []
    const standing = standingOf(entry, { now, timeZone: found.settings.timeZone })
    const change = { target: 'membership' as const, kind: 'User', name, organization, because: declaredAt(user) }
    const fields = { ...(roles.length > 0 && { roles }) }
    if (standing.is === 'waiting')
      return [{ ...change, time: timestamp(standing.from), action: 'join', fields: { ...fields, join } }]
    if (standing.is === 'open' && standing.until !== undefined)
      return [{ ...change, time: timestamp(standing.until), action: 'end', fields }]
    return []
  })
}

const seatsOf = (cache: Cache, pool: string, now: number): LaterChange[] => {
  const organization = cache.get('LicensePool', pool)?.spec.organization
  const found = new Map<string, LaterChange & { fields: { seats: number } }>()
  for (const { spec } of cache.by('SeatLedger', 'pool', pool))
    for (const { holder, releaseTime } of spec.slots) {
      if (releaseTime === undefined || Date.parse(releaseTime) <= now) continue
      const key = `${holder} ${releaseTime}`
      const known = found.get(key)
      if (known) known.fields.seats += 1
      else
        found.set(key, {
          time: releaseTime,
          action: 'free',
          target: 'seat',
          kind: 'User',
          name: nameOf(cache, holder),
          ...(organization !== undefined && { organization }),
          because: `LicensePool/${pool}`,
          fields: { pool, seats: 1 } as { seats: number },
        })
    }
  return [...found.values()]
}

/** Name of the User, else the address: how people know a holder. */
const nameOf = (cache: Cache, holder: string): string => {
  const key = holder.slice(holder.indexOf('/') + 1)
  const [membership] = holder.startsWith('user/') ? cache.by('Membership', 'userUid', key) : []
  return membership?.spec.user?.name ?? membership?.spec.address ?? key
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
