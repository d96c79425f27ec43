import { counted } from '../../api/counted.ts'
import type { LicensePool } from '../../api/licensepool.ts'
import { holdersOf, seatsOf } from '../../decide/held-seats.ts'
import { type PoolMember, qualify } from '../../decide/qualification.ts'
import { settingsFor } from '../../reconcilers/context.ts'
import { poolsFor } from '../../reconcilers/poolmembers.ts'
import { candidateOf, type Person } from '../person.ts'
import type { Snapshot } from '../snapshot.ts'
import { when } from '../when.ts'
import { placeText, whenceOf } from '../whence.ts'
import type { Fact, Way } from './answer.ts'
import { type Place, placeIn, placesOf } from './place.ts'

/** The seats of one pool: whether somebody has them, why, and what stands in the way. */
export const seatFact = (snapshot: Snapshot, person: Person, pool: LicensePool): Fact => {
  const { name } = pool.metadata
  const ledgers = snapshot.cache.by('SeatLedger', 'pool', name).map(({ spec }) => spec)
  const keys = keysOf(person)
  const held = seatsOf(ledgers, keys).find(one => one.pool === name)
  const has = held !== undefined && held.state !== 'Waiting'
  const fact: Fact = { thing: 'seat', name, organization: pool.spec.organization, has, ways: [], notes: [] }
  const places = membersIn(snapshot, person, pool)
  const qualified = places.find(place => qualifies(pool, place, snapshot.now))
  if (qualified) fact.ways.push(seatWay(pool, qualified))
  const timeZone = settingsFor(snapshot, pool.spec.organization)?.settings.timeZone ?? 'UTC'
  if (has) fact.notes.push(heldText(ledgers, keys, held, timeZone))
  else if (qualified) fact.notes.push(...lineText(pool, ledgers, keys))
  else if (places.length === 0) fact.notes.push(`${person.called} has no membership that brings seats of ${name}`)
  else fact.notes.push(...places.flatMap(place => obstacles(pool, place, snapshot.now)))
  return fact
}

/** Pools of the organizations of somebody in which they have seats or wait. */
export const seatFacts = (snapshot: Snapshot, person: Person): Fact[] => {
  const pools = new Set(placesOf(snapshot, person).flatMap(place => poolsFor(snapshot.cache, place.organization)))
  return [...pools].sort().flatMap(name => {
    const pool = snapshot.cache.get('LicensePool', name)
    const fact = pool && seatFact(snapshot, person, pool)
    return fact && (fact.has || fact.ways.length > 0) ? [fact] : []
  })
}

interface Member {
  place: Place
  member: PoolMember
}

const keysOf = ({ user, addresses, memberships }: Person): string[] => [
  ...(user ? [`user/${user.metadata.uid}`] : []),
  ...[...new Set([...addresses, ...memberships.map(({ spec }) => spec.address)])].map(address => `address/${address}`),
]

const membersIn = (snapshot: Snapshot, person: Person, pool: LicensePool): Member[] =>
  person.memberships.flatMap(({ spec }) => {
    if (!poolsFor(snapshot.cache, spec.organization).includes(pool.metadata.name)) return []
    const place = placeIn(snapshot, person, spec.organization)
    const settings = settingsFor(snapshot, spec.organization)?.settings
    const { user } = person
    const groups = place.groups.map(one => one.group)
    const prospect =
      spec.joined || groups.length === 0
        ? undefined
        : { groups, roles: place.groups.flatMap(one => snapshot.groups.rolesThrough(one)) }
    return [
      {
        place,
        member: {
          membership: spec,
          user: user && {
            name: user.metadata.name,
            uid: user.metadata.uid,
            labels: user.metadata.labels ?? {},
            spec: user.spec,
          },
          domains: settings?.domains ?? [],
          maxAttempts: settings?.invitations.maxAttempts ?? 3,
          ...(prospect && { prospect }),
        },
      },
    ]
  })

const poolOf = (pool: LicensePool, selector: LicensePool['spec']['selector'] | undefined = pool.spec.selector) => ({
  name: pool.metadata.name,
  spec: { ...pool.spec, ...(selector && { selector }) },
})

const qualifies = (pool: LicensePool, { member }: Member, now: number): boolean => {
  const found = qualify(poolOf(pool), member, now)
  return found !== undefined && found.candidate.unsure !== true
}

const seatWay = (pool: LicensePool, { place, member }: Member): Way => {
  const named = member.user?.spec.licenses?.find(one => one.pool === pool.metadata.name)
  const at = whenceOf(pool).place
  if (named && place.person.user) {
    const whence = whenceOf(place.person.user).place
    return {
      how: 'License',
      at: whence,
      text: `given by name in ${placeText(whenceOf(place.person.user))}: ${named.quantity ?? pool.spec.perUser ?? 1} of ${pool.metadata.name}`,
      change: `take ${pool.metadata.name} out of the licenses in ${whence}`,
    }
  }
  const { roles, groups, expression } = pool.spec.selector ?? {}
  const own = new Set([...(place.membership?.spec.settled?.roles ?? []), ...place.derived.roles])
  const fitting = [
    ...(roles ? [`role ${roles.filter(role => own.has(role)).join(', ')}`] : []),
    ...(groups ? [`group ${groups.filter(group => place.groups.some(one => one.group === group)).join(', ')}`] : []),
    ...(expression === undefined ? [] : [`the expression ${expression}`]),
  ]
  return {
    how: 'Selector',
    at,
    text: `the selector of ${pool.metadata.name} (${placeText(whenceOf(pool))}) fits: ${fitting.join(' and ') || 'every member'}`,
    change: `take away what the selector asks for, or change the selector in ${at}`,
  }
}

type Ledger = {
  pool: string
  slots: { holder: string; address?: string; state: string; since: string; releaseTime?: string }[]
  waiting?: { holder: string; quantity: number }[]
}

const heldText = (
  ledgers: readonly Ledger[],
  keys: readonly string[],
  held: { quantity: number; state: string },
  timeZone: string,
): string => {
  const slot = ledgers.flatMap(({ slots }) => slots).find(one => holdersOf(one).some(key => keys.includes(key)))
  const seats = counted(held.quantity, 'seat')
  const since = slot ? ` since ${when(slot.since, timeZone)}` : ''
  if (held.state === 'Reserved') return `${seats} held${since}, until they join`
  if (held.state === 'Releasing' && slot?.releaseTime !== undefined)
    return `${seats} freed ${when(slot.releaseTime, timeZone)}: nothing entitles them any more`
  return `${seats} used${since}`
}

const lineText = (pool: LicensePool, ledgers: readonly Ledger[], keys: readonly string[]): string[] => {
  const taken = ledgers.reduce((sum, { slots }) => sum + slots.length, 0)
  const line = ledgers.flatMap(({ waiting }) => waiting ?? [])
  const at = line.findIndex(({ holder }) => keys.includes(holder))
  const whole = `${taken} of ${pool.spec.seats} seats are taken`
  if (at === -1) return [`${whole}; the seat comes with the next pass of the controller`]
  const before = at === 0 ? 'first in line' : `number ${at + 1} in line`
  return [`${whole}; ${before}: served as soon as a seat is free, or \`seats\` grows in ${whenceOf(pool).place}`]
}

/** Which parts of the selector do not fit: each is tried by itself. */
const obstacles = (pool: LicensePool, { place, member }: Member, now: number): string[] => {
  const { selector } = pool.spec
  const at = whenceOf(pool).place
  if (
    place.standing === 'Ended' ||
    place.standing === 'Left' ||
    place.standing === 'Suspended' ||
    place.standing === 'Declined'
  )
    return [`not in ${place.organization}: ${place.standing}`]
  if (!selector)
    return [`${pool.metadata.name} has no selector (${at}): its seats are given by name, in \`licenses\` of a User`]
  const fits = (one: NonNullable<typeof selector>): boolean => qualify(poolOf(pool, one), member, now) !== undefined
  if (!fits({})) return [`nobody who is ${place.standing.toLowerCase()} gets a seat of ${pool.metadata.name} now`]
  const candidate = candidateOf(place.snapshot, place.person, place.organization)
  return [
    ...(selector.roles && !fits({ roles: selector.roles })
      ? [`the selector (${at}) asks for a role among ${selector.roles.join(', ')}`]
      : []),
    ...(selector.groups && !fits({ groups: selector.groups })
      ? [`the selector (${at}) asks for a group among ${selector.groups.join(', ')}`]
      : []),
    ...(selector.external === 'Exclude' && candidate.facts.external
      ? [`the selector (${at}) excludes people outside the domains of ${place.organization}`]
      : []),
    ...(selector.skip && !fits({ skip: selector.skip }) ? [`the selector (${at}) skips this address`] : []),
    ...(selector.expression !== undefined && !fits({ expression: selector.expression })
      ? [`the expression ${selector.expression} (${at}) does not hold`]
      : []),
  ]
}
