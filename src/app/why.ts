import { findPerson, type Person } from './person.ts'
import type { Realm } from './realm.ts'
import { SettingsError } from './settings.ts'
import { type Snapshot, takeSnapshot } from './snapshot.ts'
import { didYouMean } from './suggest.ts'
import { whenceOf } from './whence.ts'
import type { Fact, WhyAnswer } from './why/answer.ts'
import { checkOrganization, checkPermission, permissionFact, permissionFacts } from './why/permission.ts'
import { type Place, placeIn, placesOf, placeText } from './why/place.ts'
import { groupFact, roleFact } from './why/role.ts'
import { seatFact, seatFacts } from './why/seat.ts'
import { fieldNamed, VALUE_NAMES, valueFact } from './why/value.ts'

export type { Fact, ValueFact, Way, WhyAnswer } from './why/answer.ts'

/**
 * How each thing of a person came, or why it is missing. What is in force is what is settled; how it came is read from the declarations as they are now.
 * @param question `editor`, `role/editor`, `group/platform`, `pool/suite`, `documents:write`, `locale`, `value/locale`; absent: everything
 * @throws UnknownPersonError, SettingsError
 */
export const whyOf = async (
  realm: Pick<Realm, 'store' | 'clock'>,
  asked: { person: string; question?: string | undefined; organization?: string | undefined },
): Promise<WhyAnswer> => {
  const snapshot = await takeSnapshot(realm)
  const person = findPerson(snapshot, asked.person)
  const organization = asked.organization === undefined ? undefined : checkOrganization(snapshot, asked.organization)
  const field = fieldAsked(snapshot, asked.question)
  const value = field && (await valueFact(realm.store, snapshot, person, field))
  const { facts, about } = value
    ? { facts: [], about: `value ${value.name}` }
    : answer(snapshot, person, asked.question, organization)
  const places = organization === undefined ? placesOf(snapshot, person) : [placeIn(snapshot, person, organization)]
  const { user } = person
  const stalled = user?.status?.conditions?.find(({ type }) => type === 'Stalled')
  const displayName = user?.status?.profile?.displayName ?? user?.spec.displayName
  return {
    person: {
      name: person.name,
      ...(displayName !== undefined && { displayName }),
      ...(person.addresses[0] !== undefined && { email: user?.spec.email ?? person.addresses[0] }),
      ...(user && { whence: whenceOf(user) }),
      ...(stalled?.status === 'True' && { stalled: stalled.message }),
    },
    places: places.map(placeText),
    ...(about !== undefined && { asked: about }),
    has: value ? value.has : facts.some(fact => fact.has),
    facts,
    ...(value && { value }),
  }
}

/** Whether a person may do something in an organization. @throws UnknownPersonError, SettingsError */
export const mayPerson = async (
  realm: Pick<Realm, 'store' | 'clock'>,
  asked: { person: string; permission: string; organization: string },
): Promise<Fact & { person: string }> => {
  const permission = checkPermission(asked.permission)
  const snapshot = await takeSnapshot(realm)
  const person = findPerson(snapshot, asked.person)
  const organization = checkOrganization(snapshot, asked.organization)
  return { person: person.name, ...permissionFact(snapshot, person, permission, organization) }
}

const answer = (
  snapshot: Snapshot,
  person: Person,
  question: string | undefined,
  organization: string | undefined,
): { facts: Fact[]; about?: string } => {
  const places = organization === undefined ? placesOf(snapshot, person) : [placeIn(snapshot, person, organization)]
  if (question === undefined)
    return {
      facts: [
        // Where somebody stands is said once for the whole place, not with each thing.
        ...places.flatMap(place => [
          ...union(place.membership?.spec.settled?.roles, place.derived.roles).map(role =>
            brief(place, roleFact(place, role)),
          ),
          ...union(
            place.membership?.spec.settled?.groups,
            place.groups.map(one => one.group),
          ).map(name => brief(place, groupFact(place, name))),
        ]),
        ...seatFacts(snapshot, person),
      ],
    }
  if (question.includes(':') && !question.includes('/'))
    return {
      facts: permissionFacts(snapshot, person, checkPermission(question), organization),
      about: `permission ${question}`,
    }
  const thing = thingOf(snapshot, question)
  switch (thing.kind) {
    case 'LicensePool':
      return { facts: [seatFact(snapshot, person, thing.pool)], about: `seats of ${thing.pool.metadata.name}` }
    case 'Group': {
      const own = places.filter(place => place.organization === thing.organization)
      const facts = own.map(place => groupFact(place, thing.name))
      return {
        facts: facts.length > 0 ? facts : [absent('group', thing.name, thing.organization, person)],
        about: `group ${thing.name}`,
      }
    }
    case 'Role':
      return {
        facts:
          places.length > 0
            ? places.map(place => roleFact(place, thing.name))
            : [absent('role', thing.name, thing.organization, person)],
        about: `role ${thing.name}`,
      }
    default:
      return thing satisfies never
  }
}

const brief = ({ inForce }: Place, fact: Fact): Fact =>
  inForce || fact.ways.length === 0 ? fact : { ...fact, notes: [] }

const absent = (thing: 'role' | 'group', name: string, organization: string, person: Person): Fact => ({
  thing,
  name,
  organization,
  has: false,
  ways: [],
  notes: [`${person.name} has no membership in ${organization}; without one nothing is given there`],
})

type Thing =
  | { kind: 'Role' | 'Group'; name: string; organization: string }
  | { kind: 'LicensePool'; pool: import('../api/licensepool.ts').LicensePool }

/** A value by its name, unless a role, group or pool is called so. @throws SettingsError for `value/` and no value */
const fieldAsked = ({ cache }: Snapshot, question: string | undefined): ReturnType<typeof fieldNamed> => {
  if (question === undefined) return undefined
  const explicit = /^values?\//i.exec(question)?.[0]
  const field = fieldNamed(question.slice(explicit?.length ?? 0))
  if (explicit !== undefined && !field)
    throw new SettingsError(`there is no ${JSON.stringify(question)}; the values are ${VALUE_NAMES.join(', ')}`)
  const isTaken = (['Role', 'Group', 'LicensePool'] as const).some(kind => cache.get(kind, question))
  return isTaken ? undefined : field
}

/** What a question is about: a role before a group before a pool, unless it says which. @throws SettingsError */
const thingOf = ({ cache }: Snapshot, question: string): Thing => {
  const slash = question.indexOf('/')
  const [kind, name] =
    slash === -1 ? ['', question] : [question.slice(0, slash).toLowerCase(), question.slice(slash + 1)]
  const says = (...words: string[]): boolean => kind === '' || words.includes(kind)
  const role = says('role', 'roles') ? cache.get('Role', name) : undefined
  if (role) return { kind: 'Role', name, organization: role.spec.organization }
  const group = says('group', 'groups', 'grp') ? cache.get('Group', name) : undefined
  if (group) return { kind: 'Group', name, organization: group.spec.organization }
  const pool = says('pool', 'licensepool', 'licensepools') ? cache.get('LicensePool', name) : undefined
  if (pool) return { kind: 'LicensePool', pool }
  const known = [
    ...(says('role', 'roles') ? cache.list('Role') : []),
    ...(says('group', 'groups', 'grp') ? cache.list('Group') : []),
    ...(says('pool', 'licensepool', 'licensepools') ? cache.list('LicensePool') : []),
  ].map(one => one.metadata.name)
  const what = kind === '' ? 'no role, group or pool' : `no ${kind}`
  throw new SettingsError(
    `there is ${what} ${JSON.stringify(name)}${didYouMean(name, known) || '; ask for a role, group/NAME, pool/NAME, a permission such as documents:read, or a value such as email'}`,
  )
}

const union = (a: readonly string[] = [], b: readonly string[] = []): string[] => [...new Set([...a, ...b])].sort()
