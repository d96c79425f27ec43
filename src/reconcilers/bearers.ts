import type { DirectoryRecord } from '../api/directoryrecord.ts'
import type { MembershipSpec } from '../api/membership.ts'
import type { User } from '../api/user.ts'
import { generatedUserName } from '../decide/record-names.ts'
import type { Cache } from '../runtime/reconciler.ts'
import { ownerOfDomain } from './domains.ts'
import { addressesOf, entry, foundKey } from './indexes.ts'
import { declaredOwnerOf, isDeleting, isGenerated, ownerOf } from './people.ts'
import { firstOfLogin, foundRecord } from './personsources.ts'
import { personOf, type Recognition } from './who.ts'

/** The entry of a directory that a membership stands on, or that gives something beside. */
export type StoodOn = NonNullable<NonNullable<MembershipSpec['declared']>['directory']>

/** The organization whose directory it is that tells of somebody. */
export const organizationOf = (cache: Cache, { spec }: Pick<DirectoryRecord, 'spec'>): string | undefined =>
  cache.get('Directory', spec.directory)?.spec.organization

/** What directories say of a person, whatever comes of it. */
export const foundOf = (cache: Cache, user: User): DirectoryRecord[] => {
  const records = [
    ...addressesOf(user).flatMap(address => cache.by('DirectoryRecord', 'address', address)),
    ...recordsNamed(cache, user.spec.identities ?? []),
    ...stoodOn(cache, user).flatMap(({ name, id }) => foundRecord(cache, name, id) ?? []),
  ]
  return [...new Set(records)].filter(record => bearerOf(cache, record) === user.metadata.name)
}

/** Entries of directories that a declaration names. */
export const recordsNamed = (cache: Cache, identities: readonly NonNullable<User['spec']['identities']>[number][]) =>
  identities.flatMap(one =>
    one.id === undefined ? (firstOfLogin(cache, one) ?? []) : (foundRecord(cache, one.directory, one.id) ?? []),
  )

/** Entries of directories that memberships of a person stand on. */
export const stoodOn = (cache: Cache, user: User): StoodOn[] =>
  cache
    .by('Membership', 'userUid', user.metadata.uid)
    .flatMap(({ spec: { declared } }) => (declared?.present && declared.directory ? [declared.directory] : []))

/**
 * The name of the User that a person in a directory is, or would be: the declared one that they are (`who.ts`); else the one whose membership stands on the entry already,
 * whatever address it says by now, or on another one that tells of the same person; else the one that Roster makes of the address.
 * @param recognition where it is known already
 * @returns undefined for somebody without an address, while it is not decided who they are, and as long as their address is that of another entry of the same directory
 */
export const bearerOf = (
  cache: Cache,
  record: DirectoryRecord,
  recognition: Recognition = personOf(cache, record),
): string | undefined => {
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

/** Whether a directory only claims to know somebody, whose address is in a domain of another organization or of none. */
export const isClaim = (cache: Cache, { spec }: DirectoryRecord): boolean =>
  spec.user?.email === undefined || ownerOfDomain(cache, spec.user.email) !== organizationOf(cache, { spec })

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
