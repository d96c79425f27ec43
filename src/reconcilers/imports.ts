import type { Directory } from '../api/directory.ts'
import type { DirectoryRecord } from '../api/directoryrecord.ts'
import type { Group } from '../api/group.ts'
import type { MembershipSpec } from '../api/membership.ts'
import type { User, UserMembership } from '../api/user.ts'
import { enrolmentOf, type Stand, standOf } from '../decide/enrolment.ts'
import { isJoined } from '../decide/membership.ts'
import { directoryRecordName, generatedUserName } from '../decide/record-names.ts'
import type { Cache } from '../runtime/reconciler.ts'
import { settingsFor } from './context.ts'
import { ownerOfDomain } from './domains.ts'
import { addressesOf, entry, foundKey } from './indexes.ts'
import { declaredOwnerOf, isDeleting, isGenerated, membershipIn, ownerOf } from './people.ts'
import { firstOfLogin } from './personsources.ts'
import { personOf } from './who.ts'

/** What directories give one person in one organization. */
export interface Imported extends Stand {
  /** All of those that say so, and the first of them. */
  directories: string[]
  directory: string
  /** The id of the person there. */
  id: string
  /** What a membership would look like that stands on it alone. */
  entry: UserMembership
}

/** A membership as it is meant to be: as declared, with what directories give beside, or as they give it where nobody declares it. */
export interface Meant {
  entry: UserMembership | undefined
  /** What directories say; they alone where `isDeclared` is not. */
  imported: Imported | undefined
  isDeclared: boolean
}

export const meantIn = (cache: Cache, user: User, organization: string, now: number): Meant => {
  if (isDeleting(user)) return { entry: undefined, imported: undefined, isDeclared: false }
  const declared = membershipIn(user, organization)
  const imported = importedIn(cache, user, organization, now)
  if (!declared) {
    // Who is not to get in, and has not joined, is not to be invited either.
    const isIn = imported?.is === 'in' || (imported?.is === 'suspended' && isMember(cache, user, organization))
    return { entry: isIn ? imported.entry : undefined, imported, isDeclared: false }
  }
  const roles = rolesFound({ imported, isDeclared: true })
  const entry =
    roles.length > 0 ? { ...declared, roles: [...new Set([...(declared.roles ?? []), ...roles])] } : declared
  return { entry, imported, isDeclared: true }
}

const isMember = (cache: Cache, user: User, organization: string): boolean =>
  cache
    .by('Membership', 'userUid', user.metadata.uid)
    .some(({ spec }) => spec.organization === organization && isJoined(spec))

/** Roles that directories give now: to whom they give the membership itself also while it is suspended, which is on top. */
export const rolesFound = ({ imported, isDeclared }: Pick<Meant, 'imported' | 'isDeclared'>): readonly string[] =>
  imported?.is === 'in' || (imported?.is === 'suspended' && !isDeclared) ? (imported.entry.roles ?? []) : []

/** The note of a membership as it is meant to be, for its record. */
export const noteOf = ({ entry, imported, isDeclared }: Meant): MembershipSpec['declared'] => {
  if (!entry) return undefined
  const { directory: name = '', id = '', goneTime } = imported ?? {}
  const found = { name, id, ...(goneTime !== undefined && { goneTime }) }
  return {
    present: true,
    roles: [...(entry.roles ?? [])].sort(),
    join: entry.join ?? 'Invitation',
    ...(!isDeclared ? { directory: found } : imported && { beside: found }),
  }
}

/** What directories give a person in an organization; undefined where none says anything that matters. */
export const importedIn = (cache: Cache, user: User, organization: string, now: number): Imported | undefined => {
  const standing = standingOn(cache, user, organization)
  const records = foundOf(cache, user).filter(
    ({ spec }) => cache.get('Directory', spec.directory)?.spec.organization === organization,
  )
  if (records.length === 0 && standing.size === 0) return undefined
  const settings = settingsFor({ cache }, organization)?.settings
  if (!settings) return undefined
  const found: Omit<Imported, 'directories'>[] = []
  const heard = new Set<string>()
  for (const { spec: record } of records) {
    const directory = cache.get('Directory', record.directory)
    if (!directory) continue
    const key = foundKey(record.directory, record.id)
    heard.add(key)
    const stand = standOf(enrolmentOf(directory, record, settings), directory, standing.get(key), now)
    if (stand) found.push({ ...stand, directory: record.directory, id: record.id, entry: entryOf(directory) })
  }
  for (const [key, { name, id }] of standing)
    if (!heard.has(key))
      found.push({
        is: 'out',
        because: cache.get('Directory', name) ? `Directory/${name} no longer has them` : `Directory/${name} is gone`,
        directory: name,
        id,
        entry: { organization },
      })
  found.sort(
    (a, b) => ORDER[a.is] - ORDER[b.is] || (foundKey(a.directory, a.id) < foundKey(b.directory, b.id) ? -1 : 1),
  )
  const [first] = found
  if (!first) return undefined
  const same = found.filter(one => one.is === first.is)
  const turns = found.flatMap(one => one.until ?? [])
  const roles = new Set(same.flatMap(one => one.entry.roles ?? []))
  return {
    ...first,
    ...(turns.length > 0 && { until: Math.min(...turns) }),
    directories: same.map(one => one.directory),
    entry: { ...first.entry, ...(roles.size > 0 && { roles: [...roles].sort() }) },
  }
}
const ORDER = { in: 0, suspended: 1, out: 2 } as const

const entryOf = ({ spec }: Directory): UserMembership => ({
  organization: spec.organization,
  ...(spec.import && { join: spec.import.join }),
  ...(spec.import?.roles && { roles: spec.import.roles }),
})

/** Whether some directory gives a person a membership in an organization, in use or not. */
export const givesTo = (cache: Cache, user: User, organization: string): boolean => {
  const settings = settingsFor({ cache }, organization)?.settings
  return foundOf(cache, user).some(({ spec }) => {
    const directory = cache.get('Directory', spec.directory)
    if (directory?.spec.organization !== organization) return false
    return settings && enrolmentOf(directory, spec, settings).is !== 'gone'
  })
}

type StoodOn = NonNullable<NonNullable<MembershipSpec['declared']>['directory']>

/** What the memberships of a person in an organization stand on, by {@link foundKey}. */
const standingOn = (cache: Cache, user: User, organization: string): Map<string, StoodOn> => {
  const memberships = [
    ...cache.by('Membership', 'userUid', user.metadata.uid),
    ...addressesOf(user).flatMap(address => cache.by('Membership', 'address', address)),
  ]
  return new Map(
    memberships.flatMap(({ spec: { organization: where, declared } }) => {
      const stands = declared?.directory ?? declared?.beside
      return where === organization && declared?.present && stands
        ? [[foundKey(stands.name, stands.id), stands] as const]
        : []
    }),
  )
}

/** What directories say of a person, whatever comes of it. */
export const foundOf = (cache: Cache, user: User): DirectoryRecord[] => {
  const records = [
    ...addressesOf(user).flatMap(address => cache.by('DirectoryRecord', 'address', address)),
    ...recordsNamed(cache, user.spec.identities ?? []),
    ...stoodOn(cache, user).flatMap(({ name, id }) => recordOf(cache, name, id)),
  ]
  return [...new Set(records)].filter(record => bearerOf(cache, record) === user.metadata.name)
}

/** Entries of directories that a declaration names. */
export const recordsNamed = (cache: Cache, identities: readonly NonNullable<User['spec']['identities']>[number][]) =>
  identities.flatMap(one =>
    one.id === undefined ? (firstOfLogin(cache, one) ?? []) : recordOf(cache, one.directory, one.id),
  )

/** Entries of directories that memberships of a person stand on. */
const stoodOn = (cache: Cache, user: User): StoodOn[] =>
  cache
    .by('Membership', 'userUid', user.metadata.uid)
    .flatMap(({ spec: { declared } }) => (declared?.present && declared.directory ? [declared.directory] : []))

const recordOf = (cache: Cache, directory: string, id: string): DirectoryRecord[] => {
  const found = cache.get('DirectoryRecord', directoryRecordName(directory, 'User', id))
  return found ? [found] : []
}

/**
 * The name of the User that a person in a directory is, or would be: the declared one that they are (`who.ts`); else the one whose membership stands on the entry already,
 * whatever address it says by now, or on another one that tells of the same person; else the one that Roster makes of the address.
 * @returns undefined for somebody without an address, while it is not decided who they are, and as long as their address is that of another entry of the same directory
 */
export const bearerOf = (cache: Cache, record: DirectoryRecord): string | undefined => {
  const recognition = personOf(cache, record)
  if (recognition.is === 'declared') return recognition.user.metadata.name
  const own = standingUser(cache, record.spec)
  if (own) return own.metadata.name
  if (recognition.is === 'suspected') return undefined
  const found = recognition.records.length > 0 ? recognition.records : [record]
  for (const { spec } of found) {
    const same = standingUser(cache, spec)
    if (same) return same.metadata.name
  }
  const { directory } = record.spec
  const email = found[0]?.spec.user?.email
  if (email === undefined || declaredOwnerOf(cache, email)) return undefined
  const sharing = cache
    .by('DirectoryRecord', 'entry', entry(directory, email))
    .filter(({ spec }) => spec.missingTime === undefined && spec.user?.email === email)
  if (sharing.length > 1) return undefined
  const name = generatedUserName(email)
  const bearer = cache.get('User', name)
  // An id of its own is somebody of their own: nobody becomes somebody else by being given their address.
  return bearer && stoodOn(cache, bearer).some(one => one.name === directory) ? undefined : name
}

/** The User, made by Roster, whose membership stands on an entry of a directory. */
const standingUser = (cache: Cache, { directory, id }: DirectoryRecord['spec']): User | undefined =>
  cache
    .by('Membership', 'directory', foundKey(directory, id))
    .flatMap(({ spec: { user } }) => (user ? cache.by('User', 'uid', user.uid) : []))
    .find(user => !isDeleting(user) && isGenerated(user))

/** Groups that directories say somebody is in, as far as these give them a membership, or say that they are in it beside what is declared. */
export const importedGroupsOf = (cache: Cache, name: string, now: number): Group[] => {
  const user = [...cache.values('Group', 'importer')].length > 0 ? cache.get('User', name) : undefined
  if (!user) return []
  return foundOf(cache, user).flatMap(({ spec }) => {
    const directory = spec.groups && cache.get('Directory', spec.directory)
    const settings = directory && settingsFor({ cache }, directory.spec.organization)?.settings
    if (!directory || !settings) return []
    const { organization } = directory.spec
    const stands = standingOn(cache, user, organization).get(foundKey(spec.directory, spec.id))
    const stand = standOf(enrolmentOf(directory, spec, settings), directory, stands, now)
    if (!stand || stand.is === 'out') return []
    return (spec.groups ?? [])
      .flatMap(group => cache.by('Group', 'importFrom', foundKey(spec.directory, group)))
      .filter(group => group.spec.organization === organization)
  })
}

/** Records of people whom the User of this name, made by Roster, stands for or would. */
export const recordsNeeding = (cache: Cache, name: string, user: User | undefined, now: number): DirectoryRecord[] => {
  const stood = user ? stoodOn(cache, user).flatMap(({ name: directory, id }) => recordOf(cache, directory, id)) : []
  return [...new Set([...stood, ...cache.by('DirectoryRecord', 'generatedUser', name)])]
    .filter(record => bearerOf(cache, record) === name && isWanted(cache, record, now))
    .sort(
      (a, b) =>
        Number(isClaim(cache, a)) - Number(isClaim(cache, b)) ||
        (foundKey(a.spec.directory, a.spec.id) < foundKey(b.spec.directory, b.spec.id) ? -1 : 1),
    )
}

/** Whether a directory only claims to know somebody, whose address is in a domain of another organization or of none. */
export const isClaim = (cache: Cache, { spec }: DirectoryRecord): boolean =>
  spec.user?.email === undefined ||
  ownerOfDomain(cache, spec.user.email) !== cache.get('Directory', spec.directory)?.spec.organization

/**
 * The address that somebody whom nobody declares has from now on: the one that the directory says, unless somebody else has it, or is about to get it: then the one before,
 * for of two people with one address nobody knows which is meant.
 */
export const addressFor = (cache: Cache, user: User, email: string): string => {
  const owner = ownerOf(cache, email)
  if (owner && owner.metadata.uid !== user.metadata.uid) return user.spec.email
  const bearers = new Set(
    cache
      .by('DirectoryRecord', 'address', email)
      .filter(({ spec }) => spec.missingTime === undefined && spec.user?.email === email)
      .map(record => bearerOf(cache, record)),
  )
  return bearers.size === 1 && bearers.has(user.metadata.name) ? email : user.spec.email
}

/** Whether a directory gives somebody who is in nothing yet a membership. */
const isWanted = (cache: Cache, { spec }: DirectoryRecord, now: number): boolean => {
  const directory = cache.get('Directory', spec.directory)
  const settings = directory && settingsFor({ cache }, directory.spec.organization)?.settings
  if (!directory || !settings) return false
  const stands = cache.by('Membership', 'directory', foundKey(spec.directory, spec.id))[0]?.spec.declared?.directory
  const stand = standOf(enrolmentOf(directory, spec, settings), directory, stands, now)
  return stand !== undefined && stand.is !== 'out'
}
