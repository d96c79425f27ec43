import type { User, UserSpec } from '../api/user.ts'
import { suspicionText } from '../decide/suspicion.ts'
import { type PersonSource, type Suspicion, whoIs } from '../decide/who.ts'
import { isDeleting, isGenerated } from '../reconcilers/people.ts'
import { foundRecord, nameIn, personSources, recordOf, recordSource, userSource } from '../reconcilers/personsources.ts'
import { findPerson } from './person.ts'
import type { Realm } from './realm.ts'
import { SettingsError } from './settings.ts'
import { type Snapshot, takeSnapshot } from './snapshot.ts'
import { didYouMean } from './suggest.ts'
import { whenceOf } from './whence.ts'

/** One of two that look like one person. */
export interface Likeness {
  is: 'User' | 'DirectoryRecord' | 'Account'
  /** `User/alice`, `directory/hr 77`, `alice@acme.example`. */
  name: string
  /** Where a User is declared. */
  place?: string
  directory?: string
  id?: string
  organizations: readonly string[]
  email?: string
  login?: string
  displayName?: string
  /** Since when a complete read no longer has them. */
  missingTime?: string
}

/** Two that look like one person, and wait for somebody to decide. */
export interface Duplicate {
  /** The one that would give the person its name. */
  of: Likeness
  other: Likeness
  /** What both have. */
  key: string
  because: Suspicion['because']
  /** All of it on one line. */
  text: string
  /** Whether a declaration can decide it: one of the two is a declared User, the other one in a directory. */
  decidable: boolean
}

/**
 * Everybody who looks like somebody else, with the evidence, and was not decided on yet; ordered by whom they look like.
 * @throws UnknownPersonError, SettingsError
 */
export const duplicatesIn = async (
  realm: Pick<Realm, 'store' | 'clock'>,
  asked: { person?: string | undefined; organization?: string | undefined },
): Promise<Duplicate[]> => {
  const snapshot = await takeSnapshot(realm)
  const { cache } = snapshot
  if (asked.organization !== undefined && !cache.get('Organization', asked.organization)) {
    const known = [...cache.list('Organization')].map(({ metadata }) => metadata.name)
    throw new SettingsError(
      `there is no organization ${JSON.stringify(asked.organization)}${didYouMean(asked.organization, known)}`,
    )
  }
  const only = asked.person === undefined ? undefined : findPerson(snapshot, asked.person).name
  const sources = personSources(cache)
  const found = new Map<string, Duplicate>()
  const seen = new Set<string>()
  const look = (source: PersonSource): void => {
    // Whatever is one person is looked at once.
    if (seen.has(source.ref)) return
    const person = whoIs(source, sources)
    for (const { ref } of person.sources) seen.add(ref)
    for (const suspicion of person.suspicions) {
      const { other } = suspicion
      // Whatever of one person it is that looks like another: it is that person.
      const isOfThis = person.sources.some(({ ref }) => ref === suspicion.of.ref)
      const of = isOfThis ? person.survivor : whoIs(suspicion.of, sources).survivor
      const id = `${of.ref} ${other.ref}`
      if (found.has(id)) continue
      if (only !== undefined && !(of.is === 'Declared' && nameIn(of) === only)) continue
      const { organization } = asked
      if (organization !== undefined && ![of, other].some(one => one.organizations.includes(organization))) continue
      found.set(id, duplicateOf(snapshot, of, suspicion))
    }
  }
  for (const user of cache.list('User')) if (!isGenerated(user) && !isDeleting(user)) look(userSource(cache, user))
  // Two whom nobody declares can look like one as well.
  if (only === undefined)
    for (const record of cache.list('DirectoryRecord')) {
      const source = recordSource(cache, record)
      if (source) look(source)
    }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, duplicate]) => duplicate)
}

/** A decision, as it is to be declared. */
export interface Decision {
  user: string
  /** Where the User is declared: `users/alice.yaml:2`, or `User/alice`. */
  place: string
  /** Fields of the spec as they are to be written, whole: lists are one manager's. */
  spec: Pick<UserSpec, 'identities' | 'distinctFrom'>
}

/**
 * What has to be declared of a User, so that somebody in a directory is the same person, or is not.
 * @param asked.entry `hr/77`: directory and id
 * @throws UnknownPersonError, SettingsError
 */
export const decisionOf = async (
  realm: Pick<Realm, 'store' | 'clock'>,
  asked: { person: string; entry: string; same: boolean },
): Promise<Decision> => {
  const snapshot = await takeSnapshot(realm)
  const user = findPerson(snapshot, asked.person).user
  if (!user || isGenerated(user))
    throw new SettingsError(`nobody declares ${asked.person}; declare a User with this address, and decide then`)
  const { directory, id } = entryOf(snapshot, asked.entry)
  const isThis = (one: { directory: string; id?: string }) => one.directory === directory && one.id === id
  const { identities = [], distinctFrom = [] } = user.spec
  const [into, outOf] = asked.same
    ? (['identities', 'distinctFrom'] as const)
    : (['distinctFrom', 'identities'] as const)
  const lists = { identities, distinctFrom }
  const changed = { [into]: [...lists[into].filter(one => !isThis(one)), { directory, id }] }
  // Who was decided to be the one is not the other any more.
  const rest = lists[outOf].filter(one => !isThis(one))
  if (rest.length < lists[outOf].length) changed[outOf] = rest
  return { user: user.metadata.name, place: whenceOf(user).place, spec: changed }
}

const entryOf = ({ cache }: Snapshot, entry: string): { directory: string; id: string } => {
  const slash = entry.indexOf('/')
  const [directory, id] = slash === -1 ? ['', ''] : [entry.slice(0, slash), entry.slice(slash + 1)]
  if (directory === '' || id === '')
    throw new SettingsError(
      `${JSON.stringify(entry)} is not DIRECTORY/ID, such as hr/77; \`roster duplicates\` shows them`,
    )
  if (foundRecord(cache, directory, id)) return { directory, id }
  if (!cache.get('Directory', directory)) {
    const known = [...cache.list('Directory')].map(({ metadata }) => metadata.name)
    throw new SettingsError(`there is no directory ${JSON.stringify(directory)}${didYouMean(directory, known)}`)
  }
  const known = cache.by('DirectoryRecord', 'directory', directory).map(({ spec }) => spec.id)
  throw new SettingsError(`nobody in directory/${directory} has the id ${JSON.stringify(id)}${didYouMean(id, known)}`)
}

const duplicateOf = (snapshot: Snapshot, of: PersonSource, suspicion: Suspicion): Duplicate => {
  const { other, key, because } = suspicion
  return {
    of: likenessOf(snapshot, of),
    other: likenessOf(snapshot, other),
    key: key.slice(key.indexOf('/') + 1),
    because,
    text: suspicionText(suspicion),
    decidable: of.is === 'Declared' && other.is === 'Directory',
  }
}

const likenessOf = ({ cache }: Snapshot, source: PersonSource): Likeness => {
  const { is, organizations } = source
  if (is === 'Account') return { is: 'Account', name: nameIn(source), organizations, email: nameIn(source) }
  if (is === 'Declared') {
    const user = cache.get('User', nameIn(source)) as User
    return {
      is: 'User',
      name: user.metadata.name,
      place: whenceOf(user).place,
      organizations,
      email: user.spec.email,
      ...(user.status?.profile?.displayName !== undefined && { displayName: user.status.profile.displayName }),
    }
  }
  const { directory, id, user, missingTime } = recordOf(cache, source)?.spec ?? {}
  const { email, login, displayName, givenName, familyName } = user ?? {}
  const name = displayName ?? [givenName, familyName].filter(part => part !== undefined).join(' ')
  return {
    is: 'DirectoryRecord',
    name: `${directory}/${id}`,
    ...(directory !== undefined && { directory }),
    ...(id !== undefined && { id }),
    organizations,
    ...(email !== undefined && { email }),
    ...(login !== undefined && { login }),
    ...(name !== '' && { displayName: name }),
    ...(missingTime !== undefined && { missingTime }),
  }
}
