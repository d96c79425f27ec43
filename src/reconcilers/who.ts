import type { DirectoryRecord } from '../api/directoryrecord.ts'
import type { User } from '../api/user.ts'
import { normalizeAddress } from '../decide/address.ts'
import type { Saying } from '../decide/profile.ts'
import { around, bySurvival, type Person, type Suspicion, whoIs } from '../decide/who.ts'
import type { Cache } from '../runtime/reconciler.ts'
import { addressesOf, identity, loginsSaid } from './indexes.ts'
import { isGenerated } from './people.ts'
import {
  addressIn,
  addressKey,
  firstOfLogin,
  idKey,
  nameIn,
  personSources,
  recordOf,
  recordSource,
  userSource,
} from './personsources.ts'

/** Which declared User somebody is whom a directory tells of. */
export type Recognition =
  | { is: 'declared'; user: User }
  /** It looks like somebody else, and nobody has decided yet: nothing is given to either of them, or taken, because of the other. */
  | { is: 'suspected'; suspicions: readonly Suspicion[] }
  /** No declared User. An address of theirs can still be one's, who is somebody else for sure: nothing is to be done by it then. */
  | {
      is: 'unknown'
      /** What directories say of the person, in the order in which they give them their name. */
      records: readonly DirectoryRecord[]
    }

/** Who a person is whom a directory tells of, by what there is now. Asked of a record of a group: nobody. */
export const personOf = (cache: Cache, record: DirectoryRecord): Recognition => {
  const source = recordSource(cache, record)
  if (!source) return { is: 'unknown', records: [] }
  const { survivor, sources, suspicions } = whoIs(source, personSources(cache))
  const user = survivor.is === 'Declared' ? cache.get('User', nameIn(survivor)) : undefined
  if (user) return { is: 'declared', user }
  // What only somebody else claims keeps nobody from what is theirs; and two directories that tell of one stranger tell of nobody else.
  const open = suspicions.filter(
    ({ of, claimedBy }) => of.is !== 'Directory' && !(claimedBy.length === 1 && claimedBy[0]?.ref === of.ref),
  )
  if (open.length > 0) return { is: 'suspected', suspicions: open }
  return { is: 'unknown', records: sources.flatMap(one => recordOf(cache, one) ?? []) }
}

/** Everything that is one person with a User; of one that Roster made, with whoever surely has its address. */
export const personOfUser = (cache: Cache, user: User): Person | undefined => {
  const sources = personSources(cache)
  if (!isGenerated(user)) return whoIs(userSource(cache, user), sources)
  const key = addressKey(normalizeAddress(user.spec.email))
  for (const source of sources.sharing(key).toSorted(bySurvival)) {
    const isSure = source.keys.some(own => own.key === key && own.strength !== 'Claimed')
    const person = isSure && source.is !== 'Declared' ? whoIs(source, sources) : undefined
    if (person && person.survivor.is !== 'Declared') return person
  }
  return undefined
}

/** What directories say of a person. */
export const sayingsOf = (cache: Cache, { sources }: Person): Saying[] =>
  sources.flatMap(source => {
    const { directory, id, user, missingTime } = recordOf(cache, source)?.spec ?? {}
    return directory !== undefined && id !== undefined && user ? [{ directory, id, user, missingTime }] : []
  })

/** Names of the Users whose person may be another one by what a directory says, or no longer says, of somebody. */
export const usersAround = (record: DirectoryRecord, cache: Cache): string[] => {
  const source = recordSource(cache, record)
  if (!source) return []
  const found = around(source, personSources(cache))
  const addresses = new Set(found.flatMap(({ keys }) => keys.flatMap(({ key }) => addressIn(key) ?? [])))
  const { directory, id } = record.spec
  const named = [{ directory, id }, ...loginsSaid(record.spec).map(name => ({ directory, name }))]
  return [
    ...named.flatMap(one => cache.by('User', 'identity', identity(one)).map(({ metadata }) => metadata.name)),
    ...found.flatMap(one => (one.is === 'Declared' ? nameIn(one) : [])),
    ...[...addresses].flatMap(address => cache.by('User', 'address', address).map(({ metadata }) => metadata.name)),
  ]
}

/** Names of the Users of whom it may have to be said that this one looks like them, or does no longer: those who share with it what a directory says. */
export const usersAroundUser = (user: User, cache: Cache): string[] => {
  if (cache.count('DirectoryRecord') === 0) return []
  const keys = [
    ...addressesOf(user).map(addressKey),
    ...(user.spec.identities ?? []).flatMap(one => {
      const id = one.id ?? firstOfLogin(cache, one)?.spec.id
      return id === undefined ? [] : idKey(one.directory, id)
    }),
  ].map(key => ({ key, strength: 'Claimed' }) as const)
  const source = { ref: `User/${user.metadata.name}`, is: 'Declared', organizations: [], keys } as const
  return around(source, personSources(cache)).flatMap(one => (one.is === 'Declared' ? nameIn(one) : []))
}
