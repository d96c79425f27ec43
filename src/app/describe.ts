import type { Account } from '../api/account.ts'
import type { AnyResource } from '../api/kinds.ts'
import type { LicensePool } from '../api/licensepool.ts'
import type { Membership } from '../api/membership.ts'
import { type Kind, RECORD_KINDS } from '../api/names.ts'
import type { User } from '../api/user.ts'
import { effectiveValues, SAID_VALUES } from '../decide/profile.ts'
import { accountName } from '../decide/record-names.ts'
import { settingsFor } from '../reconcilers/context.ts'
import { isGenerated } from '../reconcilers/people.ts'
import { personOfUser, sayingsOf } from '../reconcilers/who.ts'
import { type HeldSet, heldSet, setTexts } from './held.ts'
import { findPerson } from './person.ts'
import type { Realm } from './realm.ts'
import { findObject } from './selecting.ts'
import { type Snapshot, takeSnapshot } from './snapshot.ts'
import { type Whence, whenceOf } from './whence.ts'
import { placeIn, placesOf, placeText } from './why/place.ts'
import { seatFacts } from './why/seat.ts'
import { withheld } from './withheld.ts'

type Attempt = Membership['spec']['attempts'][number]

/** One mail with a link. */
export type AttemptLine = Pick<
  Attempt,
  'number' | 'purpose' | 'actor' | 'automatic' | 'roles' | 'claimedTime' | 'expirationTime' | 'tries'
> &
  Partial<Pick<Attempt, 'outcome' | 'outcomeTime' | 'response' | 'withdrawnTime'>>

/** What happened between one person and one organization. */
export interface MembershipLines {
  organization: string
  address: string
  standing: string
  text: string
  roles: string[]
  groups: string[]
  permissions: string[]
  /** Organizations below in which permissions that reach down are in force. */
  reach: string[]
  attempts: AttemptLine[]
  mails: { key: string; time: string; outcome?: string; response?: string }[]
  grants: { invitation: string; roles: string[]; by: string; time: string }[]
}

/** Everything there is to say of one resource. No secret is in it. */
export interface Description {
  object: AnyResource
  whence: Whence
  /** Which manager owns which field. */
  managers: { field: string; manager: string }[]
  events: { time: string; firstTime: string; count: number; type: string; reason: string; message: string }[]
  memberships?: MembershipLines[]
  seats?: { pool: string; text: string }[]
  /** Of a pool: who has seats, who waits, first in line first. */
  holders?: { name: string; seats: number; state: string; since: string }[]
  /** Of a RemovalSet that is held: who would lose what. */
  held?: HeldSet
  /** Of any other: what it stands for. */
  removals?: string[]
  /** Of a User: values that are in force, and who says so. */
  values?: { name: string; value: string; from: string }[]
  /** Addresses that can sign in. */
  accounts?: { address: string; proven?: string; closed?: string }[]
  timeZone: string
}

/** @returns undefined when there is no such resource */
export const describeObject = async (
  realm: Pick<Realm, 'store' | 'clock'>,
  ref: { kind: Kind; name: string },
): Promise<Description | undefined> => {
  const { store } = realm
  const object = await findObject(store, ref.kind, ref.name)
  if (!object) return undefined
  const { kind, metadata } = object
  const events = await store.events.list({ ref: { kind, name: metadata.name, uid: metadata.uid }, limit: 50 })
  const description: Description = {
    object: withheld(object),
    whence: whenceOf(object),
    managers: (RECORD_KINDS as readonly Kind[]).includes(kind) ? [] : await store.owners({ kind, name: metadata.name }),
    events: events.map(({ lastTime, firstTime, count, type, reason, message }) => ({
      time: lastTime,
      firstTime,
      count,
      type,
      reason,
      message,
    })),
    timeZone: 'UTC',
  }
  if (object.kind === 'LicensePool') return { ...description, ...aboutPool(await takeSnapshot(realm), object) }
  if (object.kind === 'RemovalSet') {
    const { cache } = await takeSnapshot(realm)
    const timeZone = settingsFor({ cache }, object.spec.organization)?.settings.timeZone ?? 'UTC'
    if (object.spec.state === 'Held') return { ...description, timeZone, held: heldSet(cache, object) }
    return { ...description, timeZone, removals: setTexts(cache, object, timeZone) }
  }
  if (object.kind === 'User') {
    const snapshot = await takeSnapshot(realm)
    return { ...description, ...aboutPerson(snapshot, object), values: valuesOf(snapshot, object) }
  }
  if (kind !== 'Invitation' && kind !== 'Membership') return description
  const snapshot = await takeSnapshot(realm)
  return { ...description, ...aboutPerson(snapshot, object) }
}

const aboutPerson = (
  snapshot: Snapshot,
  object: AnyResource,
): Pick<Description, 'memberships' | 'seats' | 'accounts' | 'timeZone'> => {
  const called =
    object.kind === 'User'
      ? object.metadata.name
      : object.kind === 'Invitation'
        ? object.spec.email
        : object.kind === 'Membership'
          ? object.spec.address
          : undefined
  const nobody = { timeZone: 'UTC' }
  if (called === undefined) return nobody
  const known = object.kind === 'User' || [...snapshot.cache.by('Membership', 'address', called)].length > 0
  const person =
    known || snapshot.cache.by('User', 'address', called).length > 0 ? findPerson(snapshot, called) : undefined
  if (!person) return nobody
  const only = object.kind === 'User' ? undefined : (object.spec as { organization: string }).organization
  const memberships = person.memberships
    .filter(({ spec }) => only === undefined || spec.organization === only)
    .map(membership => linesOf(snapshot, person, membership))
  const [place] = only === undefined ? placesOf(snapshot, person) : [placeIn(snapshot, person, only)]
  const timeZone = place?.timeZone ?? 'UTC'
  if (only !== undefined) return { memberships, timeZone }
  return {
    memberships,
    timeZone,
    seats: seatFacts(snapshot, person).map(fact => ({
      pool: fact.name,
      text: [...fact.notes, ...fact.ways.map(way => way.text)].join('; '),
    })),
    accounts: person.addresses
      .flatMap(address => snapshot.cache.get('Account', accountName(address)) ?? [])
      .map(accountLine),
  }
}

const valuesOf = ({ cache }: Snapshot, user: User): NonNullable<Description['values']> => {
  const person = personOfUser(cache, user)
  const values = effectiveValues(user.spec, person ? sayingsOf(cache, person) : [])
  const declared = isGenerated(user) ? 'the invitation' : whenceOf(user).place
  return [
    { name: 'email', value: user.spec.email, from: isGenerated(user) ? 'the membership' : declared },
    ...SAID_VALUES.flatMap(name => {
      const { value, from } = values[name] ?? {}
      return value === undefined
        ? []
        : [{ name, value, from: from ? `directory/${from.directory}, of ${from.id}` : declared }]
    }),
  ]
}

const aboutPool = (snapshot: Snapshot, pool: LicensePool): Pick<Description, 'holders' | 'timeZone'> => {
  const { cache } = snapshot
  const users = new Map([...cache.list('User')].map(user => [`user/${user.metadata.uid}`, user.metadata.name]))
  const named = (holder: string): string => users.get(holder) ?? holder.slice(holder.indexOf('/') + 1)
  const pages = cache.by('SeatLedger', 'pool', pool.metadata.name)
  const slots = Map.groupBy(
    pages.flatMap(({ spec }) => spec.slots),
    slot => `${slot.holder} ${slot.state}`,
  )
  const held = [...slots.values()].map(([slot, ...more]) => ({
    name: named(slot?.holder ?? ''),
    seats: 1 + more.length,
    state: slot?.state ?? '',
    since: slot?.since ?? '',
  }))
  const line = pages
    .flatMap(({ spec }) => spec.waiting ?? [])
    .map(({ holder, quantity, since }) => ({ name: named(holder), seats: quantity, state: 'Waiting', since }))
  const timeZone = settingsFor(snapshot, pool.spec.organization)?.settings.timeZone ?? 'UTC'
  return { timeZone, holders: [...held.sort((a, b) => (a.name < b.name ? -1 : 1)), ...line] }
}

const linesOf = (snapshot: Snapshot, person: ReturnType<typeof findPerson>, { spec }: Membership): MembershipLines => {
  const place = placeIn(snapshot, { ...person, memberships: [{ spec } as Membership] }, spec.organization)
  const { standing, text } = placeText(place)
  return {
    organization: spec.organization,
    address: spec.address,
    standing,
    text,
    roles: spec.settled?.roles ?? [],
    groups: spec.settled?.groups ?? [],
    permissions: spec.settled?.permissions ?? [],
    reach: spec.settled?.reach ?? [],
    attempts: spec.attempts.map(({ epoch: _, series: _series, deadline: _deadline, ...attempt }) => attempt),
    mails: spec.mails.map(({ key, claimedTime, outcomeTime, outcome, response }) => ({
      key,
      time: outcomeTime ?? claimedTime,
      ...(outcome !== undefined && { outcome }),
      ...(response !== undefined && { response }),
    })),
    grants: spec.grants.map(({ uid: _, ...grant }) => grant),
  }
}

const accountLine = ({ spec }: Account): NonNullable<Description['accounts']>[number] => ({
  address: spec.address,
  ...(spec.proven && { proven: spec.proven.time }),
  ...(spec.closed !== undefined && { closed: spec.closed }),
})
