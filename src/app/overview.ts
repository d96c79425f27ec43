import type { Membership } from '../api/membership.ts'
import type { Source } from '../api/source.ts'
import { placement, settingsOf } from '../decide/settings.ts'
import { requestsOf } from '../reconcilers/people.ts'
import type { Log } from '../telemetry/log.ts'
import { patience, troubleTeller } from './patience.ts'
import { candidateOf, findPerson } from './person.ts'
import type { Realm } from './realm.ts'
import { type Snapshot, takeSnapshot } from './snapshot.ts'

/** Where one organization stands, in a few numbers: what a start says first. */
export interface Overview {
  organization: string
  displayName: string
  customerId?: string
  timeZone: string
  joined: number
  invited: number
  /** RFC 3339: when the first of the open links ends. */
  firstExpiry?: string
  /** Of the invited, those whose mail no server has taken yet, and what was heard from the server last. */
  unsent: { count: number; response?: string }
  waitingInvitations: number
  failedInvitations: number
  /** Joined or invited people without any role, by name. */
  withoutRole: string[]
  pools: { name: string; seats: number; taken: number; reserved: number; waiting: string[] }[]
}

/** Reads the whole store once. */
export const overviewOf = async (realm: Pick<Realm, 'store' | 'clock'>): Promise<Overview[]> => {
  const snapshot = await takeSnapshot(realm)
  return [...snapshot.cache.list('Organization')]
    .map(({ metadata: { name } }) => overviewIn(snapshot, name))
    .sort((a, b) => (a.organization < b.organization ? -1 : 1))
}

/**
 * The same with the sources, as soon as the store can be read: the loop outlives a store that is away, and so does telling of it.
 * @returns undefined once the signal aborts
 */
export const overviewWhenReadable = async (
  realm: Pick<Realm, 'store' | 'clock'>,
  { signal, log, trouble }: { signal: AbortSignal; log: Log; trouble: (sentence: string) => void },
): Promise<{ overview: Overview[]; sources: readonly Source[] } | undefined> => {
  const { clock, store } = realm
  try {
    return await patience({ clock, log, tell: troubleTeller(clock, trouble), signal })(async () => ({
      overview: await overviewOf(realm),
      sources: (await store.list('Source')).items,
    }))
  } catch (error) {
    if (signal.aborted) return undefined
    throw error
  }
}

const overviewIn = (snapshot: Snapshot, name: string): Overview => {
  const { cache } = snapshot
  const settings = settingsOf(placement(name, one => cache.get('Organization', one)).chain)
  const own = cache.by('Membership', 'organization', name)
  const states = cache.by('Invitation', 'organization', name).map(({ status }) => status?.state)
  const [firstExpiry] = own
    .flatMap(({ spec }) => (isIn(spec) ? [] : spec.attempts.slice(-1).map(({ expirationTime }) => expirationTime)))
    .sort()
  const waiting = own.flatMap(({ spec }) => {
    const last = isIn(spec) ? undefined : spec.attempts.at(-1)
    return last?.outcome === 'NotSent' && last.withdrawnTime === undefined ? [last] : []
  })
  const response = waiting.at(-1)?.response
  return {
    organization: name,
    displayName: settings.displayName,
    ...(settings.customerId !== undefined && { customerId: settings.customerId }),
    timeZone: settings.timeZone,
    joined: own.filter(({ spec }) => isIn(spec)).length,
    invited: states.filter(state => state === 'Pending').length,
    ...(firstExpiry !== undefined && { firstExpiry }),
    unsent: { count: waiting.length, ...(response !== undefined && { response }) },
    waitingInvitations: states.filter(state => state === 'Queued').length,
    failedInvitations: states.filter(state => state === 'Failed' || state === 'GaveUp').length,
    withoutRole: own.flatMap(({ spec }) => (spec.user && isWithoutRole(snapshot, spec) ? [spec.user.name] : [])).sort(),
    pools: [...cache.list('LicensePool')]
      .filter(({ spec }) => spec.organization === name)
      .map(pool => seatsIn(snapshot, pool)),
  }
}

/** Restricted already, or about to be: invited with no role of their own and in no group that gives one. */
const isWithoutRole = (snapshot: Snapshot, spec: Membership['spec']): boolean => {
  const { cache, groups } = snapshot
  const { organization, address, user } = spec
  const state = cache
    .get('User', user?.name ?? '')
    ?.status?.memberships?.find(one => one.organization === organization)?.state
  if (state === 'Restricted') return true
  if (state !== 'Invited') return false
  const asked = requestsOf(cache, organization, address)
  if (asked.length === 0 || asked.some(request => (request.spec.roles ?? []).length > 0)) return false
  const candidate = candidateOf(snapshot, findPerson(snapshot, address), organization)
  return groups.groupsOf(candidate, organization).every(membership => groups.rolesThrough(membership).length === 0)
}

const seatsIn = (
  { cache }: Snapshot,
  { metadata: { name }, spec }: { metadata: { name: string }; spec: { seats: number } },
) => {
  const pages = cache.by('SeatLedger', 'pool', name)
  const slots = pages.flatMap(page => page.spec.slots)
  const nameOf = (holder: string): string => {
    const key = holder.slice(holder.indexOf('/') + 1)
    const [membership] = holder.startsWith('user/') ? cache.by('Membership', 'userUid', key) : []
    return membership?.spec.user?.name ?? key
  }
  return {
    name,
    seats: spec.seats,
    taken: slots.length,
    reserved: slots.filter(({ state }) => state === 'Reserved').length,
    waiting: pages.flatMap(page => page.spec.waiting ?? []).map(({ holder }) => nameOf(holder)),
  }
}

const isIn = (spec: Membership['spec']): boolean =>
  spec.joined !== undefined && spec.ended === undefined && (spec.left === undefined || spec.left.released !== undefined)
