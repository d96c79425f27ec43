import type { User } from '../../api/user.ts'
import { effectiveValues, type Saying } from '../../decide/profile.ts'
import { settingsFor } from '../../reconcilers/context.ts'
import { isGenerated } from '../../reconcilers/people.ts'
import { personOfUser, sayingsOf } from '../../reconcilers/who.ts'
import type { ResourceStore } from '../../store/store.ts'
import type { Person } from '../person.ts'
import type { Snapshot } from '../snapshot.ts'
import { placeText, whenceOf } from '../whence.ts'
import type { ValueFact, Way } from './answer.ts'
import { placesOf } from './place.ts'

const FIELDS = ['email', 'aliases', 'givenName', 'familyName', 'displayName', 'locale', 'suspended'] as const
type Field = (typeof FIELDS)[number]

/** Names of values that can be asked for. */
export const VALUE_NAMES: readonly string[] = FIELDS

/** The field that somebody means; undefined: none. */
export const fieldNamed = (name: string): Field | undefined =>
  FIELDS.find(field => field.toLowerCase() === name.toLowerCase() || (field === 'aliases' && /^alias$/i.test(name)))

/** One value of a person: where it stands and who wrote it, or what counts instead. */
export const valueFact = async (
  store: Pick<ResourceStore, 'owners'>,
  snapshot: Snapshot,
  person: Person,
  field: Field,
): Promise<ValueFact> => {
  const { user } = person
  const value = user?.spec[field]
  const said = saidOf(snapshot, user, field)
  if (!user || isGenerated(user)) {
    if (!user || field === 'email' || !said.fact) return undeclared(person, field)
    return { thing: 'value', name: field, ...said.fact, notes: said.notes }
  }
  if (value === undefined) {
    const instead = said.fact ? { ...said.fact, notes: [] } : insteadOf(snapshot, person, user, field)
    const missing = `not written in ${whenceOf(user).place}; to set it: write ${field} there`
    const notes = [...instead.notes, ...said.notes, missing]
    return { thing: 'value', name: field, has: false, ways: [], ...instead, notes }
  }
  const owners = await store.owners({ kind: 'User', name: user.metadata.name })
  const managers = owners.filter(owner => owner.field === `spec.${field}`).map(({ manager }) => manager)
  return { thing: 'value', name: field, has: true, value, ways: waysOf(user, field, managers), notes: said.notes }
}

const waysOf = (user: User, field: Field, managers: readonly string[]): Way[] => {
  const whence = whenceOf(user)
  return managers.map((manager): Way => {
    if (whence.source !== undefined && manager === `source/${whence.source}`)
      return {
        how: 'Declared',
        at: whence.place,
        text: `declared in ${placeText(whence)} (source ${whence.source})`,
        change: `change ${field} in ${whence.place}`,
      }
    return {
      how: 'Written',
      at: `User/${user.metadata.name}`,
      text: `written into User/${user.metadata.name} by ${manager}`,
      change: `change ${field} of User/${user.metadata.name}`,
    }
  })
}

/** What directories say of a value: what is in force of it, where nothing is declared, and everything else that they say. */
const saidOf = (
  { cache }: Snapshot,
  user: User | undefined,
  field: Field,
): { fact?: Pick<ValueFact, 'has' | 'value' | 'ways'>; notes: string[] } => {
  const merged = user && personOfUser(cache, user)
  if (!user || !merged || field === 'suspended') return { notes: [] }
  const sayings = sayingsOf(cache, merged)
  const effective = field === 'email' || field === 'aliases' ? undefined : effectiveValues(user.spec, sayings)[field]
  const { from } = effective ?? {}
  const notes = sayings.flatMap(({ directory, id, user: told, missingTime }) => {
    const value = told[field]
    if (value === undefined || (from?.directory === directory && from.id === id && effective?.value === value))
      return []
    const gone = missingTime === undefined ? '' : ', where they are no longer'
    return [`directory/${directory} says ${[value].flat().join(', ')} of ${id}${gone}`]
  })
  if (!effective || !from) return { notes }
  const isMade = !sayings.some(
    one => one.directory === from.directory && one.id === from.id && told(one, field) === effective.value,
  )
  const text = isMade
    ? `made of the given and family name that directory/${from.directory} says of ${from.id}`
    : `directory/${from.directory} says so of ${from.id}`
  const change = `change it in directory/${from.directory}, or write ${field} in ${isGenerated(user) ? 'a User with this address' : whenceOf(user).place}`
  return {
    fact: {
      has: true,
      value: effective.value,
      ways: [{ how: 'Directory', at: `Directory/${from.directory}`, text, change }],
    },
    notes,
  }
}
const told = ({ user }: Saying, field: Exclude<Field, 'suspended'>): unknown => user[field]

/** What nobody declares is known by its address alone. */
const undeclared = (person: Person, field: Field): ValueFact => {
  const [address] = person.addresses
  const no = `nobody declares ${person.called}; to give it: declare a User with this address`
  if (field !== 'email' || address === undefined)
    return { thing: 'value', name: field, has: false, ways: [], notes: [no] }
  const organizations = [...new Set(person.memberships.map(({ spec }) => spec.organization))]
  const text = `the address of the membership in ${organizations.join(', ')}; nobody declares a User with it`
  return { thing: 'value', name: field, has: true, value: address, ways: [{ how: 'Membership', text }], notes: [] }
}

/** What counts where a field is not written. */
const insteadOf = (
  snapshot: Snapshot,
  person: Person,
  user: User,
  field: Field,
): Partial<Pick<ValueFact, 'has' | 'value' | 'ways'>> & { notes: string[] } => {
  const derived = user.status?.profile?.displayName
  if (field === 'displayName' && derived !== undefined) {
    const whence = whenceOf(user)
    const text = `made of givenName and familyName in ${placeText(whence)}`
    return { has: true, value: derived, ways: [{ how: 'Derived', at: whence.place, text }], notes: [] }
  }
  if (field !== 'locale') return { notes: [] }
  const languages = placesOf(snapshot, person).flatMap(({ organization, chain }) => {
    const language = settingsFor(snapshot, organization)?.settings.mail.locale
    const setter = chain.find(name => snapshot.cache.get('Organization', name)?.spec.mail?.locale !== undefined)
    const found = setter === undefined ? undefined : snapshot.cache.get('Organization', setter)
    const where = found ? `mail.locale in ${placeText(whenceOf(found))}` : 'as no organization says another'
    return language === undefined ? [] : [`the language of ${organization} counts: ${language} (${where})`]
  })
  return { notes: languages }
}
