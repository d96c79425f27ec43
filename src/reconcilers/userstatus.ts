import type { Readiness, Verdict } from '../api/conditions.ts'
import type { User, UserStatus } from '../api/user.ts'
import { isExternal } from '../decide/address.ts'
import { type HeldSeats, seatsOf } from '../decide/held-seats.ts'
import { mostOf } from '../decide/person.ts'
import { effectiveValues, SAID_VALUES, sourcesShown } from '../decide/profile.ts'
import { suspicionText } from '../decide/suspicion.ts'
import type { Person } from '../decide/who.ts'
import { settingsFor, short, type World, writeStatus } from './context.ts'
import { addressesOf } from './indexes.ts'
import { isDeleting } from './people.ts'
import type { PlaceResult } from './placepass.ts'
import { licenseProblem } from './poolmembers.ts'
import { personOfUser, sayingsOf } from './who.ts'

/** Writes what the passes over a person's memberships came to. */
export const projectUser = async (world: World, user: User, results: readonly PlaceResult[]): Promise<void> => {
  const states = results.map(result => result.state)
  // A suspension that is held is not in force.
  const isIn = states.some(one => one === 'Active' || one === 'Restricted')
  const state = user.spec.suspended && !isIn ? 'Suspended' : mostOf(states)
  const { email } = user.spec
  const person = personOfUser(world.cache, user)
  const sayings = person ? sayingsOf(world.cache, person) : []
  const sources = sourcesShown(sayings)
  const values = effectiveValues(user.spec, sayings)
  const domains = results.flatMap(({ organization }) => settingsFor(world, organization)?.settings.domains ?? [])
  const shown = results.filter(result => result.state !== 'Ended' || isDeclared(user, result.organization))
  const licenses = licensesOf(world, user)
  const body: Omit<UserStatus, 'conditions'> = {
    ...(state !== undefined && { state }),
    profile: {
      email,
      ...Object.fromEntries(SAID_VALUES.flatMap(field => (values[field] ? [[field, values[field].value]] : []))),
      external: isExternal(email, domains),
    },
    ...(sources.length > 0 && { sources }),
    ...(shown.length > 0 && {
      memberships: shown.map(({ organization, state: place, roles }) => ({
        organization,
        state: place,
        ...(roles.length > 0 && { roles }),
      })),
    }),
    ...(licenses.length > 0 && { licenses }),
  }
  const proven = results.find(result => result.provenAddress !== undefined)?.provenAddress
  const further: Verdict[] = [
    ...(proven === undefined
      ? []
      : [
          {
            type: 'AddressUnproven',
            status: 'True',
            reason: 'AddressUnproven',
            message: `${email} is not proven; signing in stays with ${proven}`,
          } as const,
        ]),
    ...suspicionVerdicts(person),
    ...(world.clock.suspect && results.some(result => result.isHeld)
      ? [{ type: 'ClockSuspect', status: 'True', reason: 'ClockJumped', message: 'what ends by time waits' } as const]
      : []),
    ...heldVerdicts(results),
  ]
  const readiness = readinessOf(results)
  const license = isDeleting(user) ? undefined : licenseProblem(world.cache, user)
  // Somebody must act on it, unless there is something to act on already.
  const is: Readiness =
    license === undefined || readiness.is === 'stalled'
      ? readiness
      : { is: 'stalled', reason: 'ReferenceNotFound', message: license }
  await writeStatus(world, user, body, is, further)
}

/** Seats that the person has or waits for, in pools that still exist. */
export const licensesOf = ({ cache }: World, user: User): HeldSeats[] => {
  const keys = [`user/${user.metadata.uid}`, ...addressesOf(user).map(address => `address/${address}`)]
  const ledgers = new Set(keys.flatMap(key => cache.by('SeatLedger', 'holder', key)))
  const seats = seatsOf(
    [...ledgers].map(ledger => ledger.spec),
    keys,
  )
  return seats.filter(({ pool }) => cache.get('LicensePool', pool)).slice(0, MOST_LICENSES)
}
const MOST_LICENSES = 100

/** Says who looks like this person, and waits for a decision. */
const suspicionVerdicts = (person: Person | undefined): Verdict[] => {
  // Of somebody who looks like several sources of one person, once.
  const others = Map.groupBy(person?.suspicions ?? [], ({ of, other }) => (other.is === 'Declared' ? of : other).ref)
  const texts = [...others.values()].flatMap(([first]) => (first ? suspicionText(first) : []))
  if (texts.length === 0) return []
  const message = short(`${texts.join('; ')}; say which in identities or distinctFrom`)
  return [{ type: 'DuplicateSuspected', status: 'True', reason: 'DuplicateSuspected', message }]
}

/** Says which losses of a person are held. */
export const heldVerdicts = (results: readonly PlaceResult[]): Verdict[] => {
  const held = results.filter(result => result.heldBy)
  if (held.length === 0) return []
  const message = held.map(({ organization, is }) => `${organization}: ${is?.message}`).join('; ')
  return [
    {
      type: 'RemovalsHeld',
      status: 'True',
      reason: 'WaitingForApproval',
      message: [...message].slice(0, 2000).join(''),
    },
  ]
}

/** What somebody must act on, before what is being done, before what is waited for. */
const readinessOf = (results: readonly PlaceResult[]): Readiness => {
  const all = results.flatMap(result => (result.is ? [result.is] : []))
  return (
    all.find(one => one.is === 'stalled') ??
    all.find(one => one.is === 'reconciling') ??
    all.find(one => one.reason === 'WaitingForApproval') ??
    all.find(one => one.reason === 'WaitingForTime') ??
    all[0] ?? { is: 'ready', reason: 'Succeeded', message: 'everything is as declared' }
  )
}

const isDeclared = (user: User, organization: string): boolean =>
  (user.spec.memberships ?? []).some(entry => entry.organization === organization)
