import type { Account } from '../api/account.ts'
import type { DirectoryRecord } from '../api/directoryrecord.ts'
import type { User } from '../api/user.ts'
import { normalizeAddress } from '../decide/address.ts'
import { loginKey } from '../decide/found.ts'
import { makesAdmin } from '../decide/loss.ts'
import { permissionsOf } from '../decide/permissions.ts'
import { accountName, directoryRecordName } from '../decide/record-names.ts'
import { placement } from '../decide/settings.ts'
import { type Key, MOST_SHARING, type PersonSource, type PersonSources } from '../decide/who.ts'
import type { Cache } from '../runtime/reconciler.ts'
import { ownerOfDomain } from './domains.ts'
import { addressesOf, addressesSaid, entry, identity, loginsSaid } from './indexes.ts'
import { declaredOwnerOf, isDeleting, isGenerated } from './people.ts'

/** Who shares a key, by a cache: so much of it as one person needs. */
export const personSources = (cache: Cache): PersonSources => {
  const known = new Map<string, readonly PersonSource[]>()
  return {
    sharing: key => {
      const found = known.get(key) ?? sharing(cache, key)
      known.set(key, found)
      return found
    },
  }
}

const ADDRESS = 'address/'
const ID = 'id/'

/** Key of whoever has an address. @param address normalized */
export const addressKey = (address: string): string => ADDRESS + address

/** The address in a key; undefined for a key of another sort. */
export const addressIn = (key: string): string | undefined =>
  key.startsWith(ADDRESS) ? key.slice(ADDRESS.length) : undefined

/** Key of what a directory knows somebody by, for good. */
export const idKey = (directory: string, id: string): string => `${ID}${directory}/${id}`

/** What a directory says of whoever has an id there. */
export const foundRecord = (cache: Cache, directory: string, id: string): DirectoryRecord | undefined =>
  cache.get('DirectoryRecord', directoryRecordName(directory, 'User', id))

/** What a directory says, of a source that is that. */
export const recordOf = (cache: Cache, { ref }: Pick<PersonSource, 'ref'>): DirectoryRecord | undefined => {
  const [kind, directory = '', ...id] = ref.split('/')
  return kind === 'DirectoryRecord' ? foundRecord(cache, directory, id.join('/')) : undefined
}

/** Name of the User that a source is. */
export const nameIn = ({ ref }: Pick<PersonSource, 'ref'>): string => ref.slice(ref.indexOf('/') + 1)

/** Of those who only claim an address so many are looked at, in the order of their names. */
const MOST_CLAIMING = 16

const sharing = (cache: Cache, key: string): PersonSource[] => {
  const found = new Map<string, PersonSource>()
  const add = (source: PersonSource | undefined) => source && found.set(source.ref, source)
  if (key.startsWith(ID)) {
    // An entry alone shares its id with nobody, and names of records take long to work out.
    if (isNoneDecided(cache)) return []
    const [, directory = '', ...id] = key.split('/')
    const record = foundRecord(cache, directory, id.join('/'))
    if (!record) return []
    add(recordSource(cache, record))
    for (const user of namersOf(cache, record)) add(userSource(cache, user))
    return [...found.values()]
  }
  const address = addressIn(key) ?? ''
  for (const user of bearersOf(cache, address)) add(userSource(cache, user))
  for (const account of accountsOf(cache, address)) add(accountSource(cache, account))
  const owner = ownerOfDomain(cache, address)
  for (const directory of owner === undefined ? [] : cache.by('Directory', 'organization', owner))
    for (const record of cache
      .by('DirectoryRecord', 'entry', entry(nameOf(directory), address))
      .slice(0, MOST_SHARING + 1))
      add(recordSource(cache, record))
  for (const record of cache.by('DirectoryRecord', 'address', address).slice(0, MOST_CLAIMING))
    add(recordSource(cache, record))
  return [...found.values()]
}

/** A declared User: an address is surely theirs in the domains of the organizations they belong to; any other one is a claim of whoever declares them. */
export const userSource = (cache: Cache, user: User): PersonSource => {
  const { name } = user.metadata
  const organizations = (user.spec.memberships ?? []).flatMap(one => (one.state === 'Ended' ? [] : one.organization))
  const main = normalizeAddress(user.spec.email)
  // Another User's address is not theirs by being written here too.
  const own = addressesOf(user).filter(address =>
    bearersOf(cache, address).some(one => one.metadata.uid === user.metadata.uid),
  )
  const apart = once(() =>
    apartness(cache, {
      addresses: own,
      organizations,
      isAdmin: () =>
        isAdmin(cache, [...rolesDeclared(user), ...rolesOfGroups(cache, name), ...rolesGranted(cache, own)]),
    }),
  )
  return {
    ref: `User/${name}`,
    is: 'Declared',
    organizations,
    keys: [
      ...own.map((address): Key => {
        const isOurs = organizations.includes(ownerOfDomain(cache, address) ?? '')
        return {
          key: addressKey(address),
          strength: isOurs ? 'Authoritative' : 'Claimed',
          ...(address === main ? { invited: true } : { further: true }),
        }
      }),
      // Who may declare it was asked when it was declared.
      ...(user.spec.identities ?? []).flatMap((one): Key[] => {
        const id = one.id ?? firstOfLogin(cache, one)?.spec.id
        return id === undefined ? [] : [{ key: idKey(one.directory, id), strength: 'Authoritative', decided: true }]
      }),
    ],
    ...(user.spec.distinctFrom && { distinctFrom: user.spec.distinctFrom.map(one => idKey(one.directory, one.id)) }),
    get apart() {
      return apart()
    },
  }
}

/** Whether no declaration names anybody in a directory. */
const isNoneDecided = (cache: Cache): boolean => [...cache.values('User', 'directory')].length === 0

/** The Account of an address, and those of further addresses that sign in as it. */
const accountsOf = (cache: Cache, address: string): Account[] => {
  if (cache.count('Account') === 0) return []
  const name = accountName(address)
  const own = cache.get('Account', name)
  return [...(own ? [own] : []), ...cache.by('Account', 'sameAs', name)]
}

/** The declared User of an address; where there is none, whoever claims it. */
const bearersOf = (cache: Cache, address: string): User[] => {
  const owner = declaredOwnerOf(cache, address)
  if (owner) return [owner]
  return cache
    .by('User', 'address', address)
    .filter(user => !isDeleting(user) && !isGenerated(user))
    .slice(0, MOST_CLAIMING)
}

/** What a directory says of a person: it decides who has an address in the domains of its own organization, and only claims any other. */
export const recordSource = (cache: Cache, { spec }: DirectoryRecord): PersonSource | undefined => {
  if (!spec.user) return undefined
  const { directory, id, missingTime, user } = spec
  const organization = cache.get('Directory', directory)?.spec.organization
  const addresses = addressesSaid(spec)
  const organizations = organization === undefined ? [] : [organization]
  const apart = once(() => apartness(cache, { addresses, organizations, isAdmin: () => false }))
  return {
    ref: `DirectoryRecord/${directory}/${id}`,
    is: 'Directory',
    directory,
    ...(missingTime !== undefined && { missing: true }),
    organizations,
    keys: [
      { key: idKey(directory, id), strength: 'Authoritative' },
      ...addresses.map((address): Key => {
        const isOurs = organization !== undefined && ownerOfDomain(cache, address) === organization
        return {
          key: addressKey(address),
          strength: isOurs ? 'Authoritative' : 'Claimed',
          ...(address !== user.email && { further: true }),
        }
      }),
    ],
    get apart() {
      return apart()
    },
  }
}

/** An address with which somebody signs in. */
export const accountSource = (cache: Cache, { spec }: Account): PersonSource => {
  const { address, proven, sameAs } = spec
  const memberships = cache.by('Membership', 'address', address).filter(one => one.spec.joined)
  const organizations = memberships.map(one => one.spec.organization)
  const apart = once(() =>
    apartness(cache, {
      addresses: [address],
      organizations,
      isAdmin: () => isAdmin(cache, rolesGranted(cache, [address])),
    }),
  )
  const same = sameAs === undefined ? undefined : cache.get('Account', sameAs)?.spec.address
  const strength = proven ? 'Proven' : 'Claimed'
  return {
    ref: `Account/${address}`,
    is: 'Account',
    organizations,
    keys: [
      { key: addressKey(address), strength },
      ...(same === undefined ? [] : [{ key: addressKey(same), strength, further: true } as const]),
    ],
    get apart() {
      return apart()
    },
  }
}

/** Declared Users that say they are this entry of a directory. */
const namersOf = (cache: Cache, { spec }: DirectoryRecord): User[] => {
  const { directory, id } = spec
  const named = loginsSaid(spec).filter(name => firstOfLogin(cache, { directory, name })?.spec.id === id)
  return [{ directory, id }, ...named.map(name => ({ directory, name }))]
    .flatMap(one => cache.by('User', 'identity', identity(one)))
    .filter(one => !isDeleting(one) && !isGenerated(one))
}

/**
 * Whom a login stands for in a directory: whoever had it first. Nobody, where two have it, or have had it before somebody else: then only an id tells them apart.
 */
export const firstOfLogin = (
  cache: Cache,
  { directory, name = '' }: { directory: string; name?: string },
): DirectoryRecord | undefined => {
  const all = cache.by('DirectoryRecord', 'login', identity({ directory, name }))
  const former = all.filter(
    ({ spec }) => spec.user?.login === undefined || loginKey(spec.user.login) !== loginKey(name),
  )
  const first = former.length > 0 ? former : all
  return first.length === 1 ? first[0] : undefined
}

/** Works something out when it is first asked for. */
const once = <T>(work: () => T): (() => T) => {
  let known: { value: T } | undefined
  return () => {
    known ??= { value: work() }
    return known.value
  }
}

const nameOf = ({ metadata }: { metadata: { name: string } }): string => metadata.name
/**
 * Who is merged only by decision. By what is declared and granted, never by what a directory gives: or what somebody is given because they are
 * one person would end their being one.
 */
const apartness = (
  cache: Cache,
  of: { addresses: readonly string[]; organizations: readonly string[]; isAdmin: () => boolean },
): PersonSource['apart'] => {
  for (const organization of of.organizations) {
    const { chain } = placement(organization, name => cache.get('Organization', name))
    for (const { spec } of chain)
      if (spec.guard?.protected?.some(address => of.addresses.includes(normalizeAddress(address)))) return 'Protected'
  }
  return of.isAdmin() ? 'Admin' : undefined
}

const rolesDeclared = ({ spec }: User): string[] =>
  (spec.memberships ?? []).flatMap(one => (one.state === 'Ended' ? [] : (one.roles ?? [])))

const rolesGranted = (cache: Cache, addresses: readonly string[]): string[] =>
  addresses.flatMap(address =>
    cache.by('Membership', 'address', address).flatMap(({ spec }) => spec.grants.flatMap(grant => grant.roles)),
  )

/** By being named in them, or in one that is in them. */
const rolesOfGroups = (cache: Cache, user: string): string[] => {
  const groups = new Set(cache.by('Group', 'member', user))
  for (const group of groups) for (const above of cache.by('Group', 'group', nameOf(group))) groups.add(above)
  return [...groups].flatMap(({ spec }) => spec.roles ?? [])
}

const isAdmin = (cache: Cache, roles: readonly string[]): boolean =>
  [...new Set(roles)].some(role => {
    const spec = cache.get('Role', role)?.spec
    return spec !== undefined && makesAdmin(permissionsOf([{ allow: spec.allow }]))
  })
