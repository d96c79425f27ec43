import type { Directory } from '../api/directory.ts'
import type { DirectoryRecord } from '../api/directoryrecord.ts'
import type { Group } from '../api/group.ts'
import type { MembershipSpec } from '../api/membership.ts'
import type { User, UserMembership } from '../api/user.ts'
import { type Enrolment, enrolmentOf, type Stand, standOf } from '../decide/enrolment.ts'
import { isJoined } from '../decide/membership.ts'
import type { Cache } from '../runtime/reconciler.ts'
import { bearerOf, foundOf, isClaim, organizationOf, type StoodOn, stoodOn } from './bearers.ts'
import { settingsFor } from './context.ts'
import { addressesOf, foundKey } from './indexes.ts'
import { isDeleting, membershipIn } from './people.ts'
import { foundRecord } from './personsources.ts'

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
  const records = foundOf(cache, user).filter(record => organizationOf(cache, record) === organization)
  if (records.length === 0 && standing.size === 0) return undefined
  if (!cache.get('Organization', organization)) return undefined
  const found: Omit<Imported, 'directories'>[] = []
  const heard = new Set<string>()
  for (const record of records) {
    const { directory: name, id } = record.spec
    const key = foundKey(name, id)
    heard.add(key)
    const by = standBy(cache, record, standing.get(key), now)
    if (by) found.push({ ...by.stand, directory: name, id, entry: entryOf(by.directory) })
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
export const givesTo = (cache: Cache, user: User, organization: string): boolean =>
  foundOf(cache, user).some(record => {
    const by = organizationOf(cache, record) === organization ? enrolmentBy(cache, record) : undefined
    return by !== undefined && by.enrolment.is !== 'gone'
  })

/** Whether somebody belongs by what a directory says of them; undefined where it, or its organization, is not there. */
const enrolmentBy = (
  cache: Cache,
  { spec }: DirectoryRecord,
): { directory: Directory; enrolment: Enrolment } | undefined => {
  const directory = cache.get('Directory', spec.directory)
  const settings = directory && settingsFor({ cache }, directory.spec.organization)?.settings
  return directory && settings && { directory, enrolment: enrolmentOf(directory, spec, settings) }
}

/** What that means for somebody whose membership stands on it, or does not; undefined where it means nothing. */
const standBy = (
  cache: Cache,
  record: DirectoryRecord,
  stands: StoodOn | undefined,
  now: number,
): { directory: Directory; stand: Stand } | undefined => {
  const by = enrolmentBy(cache, record)
  const stand = by && standOf(by.enrolment, by.directory, stands, now)
  return stand && { directory: by.directory, stand }
}

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

/** Groups that directories say somebody is in, as far as these give them a membership, or say that they are in it beside what is declared. */
export const importedGroupsOf = (cache: Cache, name: string, now: number): Group[] => {
  const user = [...cache.values('Group', 'importer')].length > 0 ? cache.get('User', name) : undefined
  if (!user) return []
  return foundOf(cache, user).flatMap(record => {
    const { directory, id, groups } = record.spec
    const organization = organizationOf(cache, record)
    if (!groups || organization === undefined) return []
    const stands = standingOn(cache, user, organization).get(foundKey(directory, id))
    const by = standBy(cache, record, stands, now)
    if (!by || by.stand.is === 'out') return []
    return groups
      .flatMap(group => cache.by('Group', 'importFrom', foundKey(directory, group)))
      .filter(group => group.spec.organization === organization)
  })
}

/** Records of people whom the User of this name, made by Roster, stands for or would. */
export const recordsNeeding = (cache: Cache, name: string, user: User | undefined, now: number): DirectoryRecord[] => {
  const stood = user ? stoodOn(cache, user).flatMap(one => foundRecord(cache, one.name, one.id) ?? []) : []
  return [...new Set([...stood, ...cache.by('DirectoryRecord', 'generatedUser', name)])]
    .filter(record => bearerOf(cache, record) === name && isWanted(cache, record, now))
    .sort(
      (a, b) =>
        Number(isClaim(cache, a)) - Number(isClaim(cache, b)) ||
        (foundKey(a.spec.directory, a.spec.id) < foundKey(b.spec.directory, b.spec.id) ? -1 : 1),
    )
}

/** Whether a directory gives somebody who is in nothing yet a membership. */
const isWanted = (cache: Cache, record: DirectoryRecord, now: number): boolean => {
  const { directory, id } = record.spec
  const stands = cache.by('Membership', 'directory', foundKey(directory, id))[0]?.spec.declared?.directory
  const by = standBy(cache, record, stands, now)
  return by !== undefined && by.stand.is !== 'out'
}
