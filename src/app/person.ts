import { type Retry, RosterError } from '../api/errors.ts'
import type { Membership } from '../api/membership.ts'
import type { Reason } from '../api/names.ts'
import type { User } from '../api/user.ts'
import { normalizeAddress } from '../decide/address.ts'
import { factsOf } from '../decide/qualification.ts'
import { settingsFor } from '../reconcilers/context.ts'
import { addressesOf } from '../reconcilers/indexes.ts'
import { isGenerated, ownerOf } from '../reconcilers/people.ts'
import type { Snapshot } from './snapshot.ts'
import { didYouMean } from './suggest.ts'

/** Nobody is called so. */
export class UnknownPersonError extends RosterError {
  readonly retry: Retry = 'never'
  readonly reason: Reason = 'ReferenceNotFound'
}

/** Somebody, as the store knows them: the User and every record under one of their addresses. */
export interface Person {
  /** Name of the User, else the address. */
  name: string
  /** How people and commands call them: the declared name, else the address. */
  called: string
  user: User | undefined
  /** Normalized. */
  addresses: string[]
  /** Ordered by organization. */
  memberships: Membership[]
}

/**
 * By name of the User (`alice`, `user/alice`), or by any address.
 * @throws UnknownPersonError with the name that was probably meant
 */
export const findPerson = ({ cache }: Pick<Snapshot, 'cache'>, text: string): Person => {
  const called = text.replace(/^(users?|usr)\//i, '')
  const isAddress = called.includes('@')
  const user = isAddress ? ownerOf(cache, called) : cache.get('User', called)
  const addresses = user ? addressesOf(user) : isAddress ? [normalizeAddress(called)] : []
  const memberships = new Map<string, Membership>()
  for (const address of addresses)
    for (const membership of cache.by('Membership', 'address', address))
      memberships.set(membership.metadata.name, membership)
  if (user)
    for (const membership of cache.by('Membership', 'userUid', user.metadata.uid))
      memberships.set(membership.metadata.name, membership)
  // Somebody who was removed: what they had is remembered, under the name that they had last. Of several of one name, the last.
  if (!user && !isAddress) {
    const ofName = cache.by('Membership', 'user', called)
    const last = ofName.toSorted((a, b) => (a.spec.since < b.spec.since ? 1 : -1))[0]
    for (const membership of ofName) {
      if (membership.spec.user?.uid !== last?.spec.user?.uid) continue
      memberships.set(membership.metadata.name, membership)
      const { address } = membership.spec
      if (!addresses.includes(address)) addresses.push(address)
    }
  }
  if (!user && memberships.size === 0) {
    const known = isAddress ? cache.values('User', 'address') : [...cache.list('User')].map(one => one.metadata.name)
    throw new UnknownPersonError(
      `nobody is called ${JSON.stringify(called)}${didYouMean(called, known) || '; `roster get users` lists everybody, and an address does as well'}`,
    )
  }
  const name = user?.metadata.name ?? addresses[0] ?? called
  return {
    name,
    called: user && !isGenerated(user) ? name : (addresses[0] ?? name),
    user,
    addresses,
    memberships: [...memberships.values()].sort((a, b) => (a.spec.organization < b.spec.organization ? -1 : 1)),
  }
}

/** What expressions and groups see of a person in one organization. */
export const candidateOf = (snapshot: Snapshot, person: Person, organization: string) => {
  const domains = settingsFor(snapshot, organization)?.settings.domains ?? []
  const membership = person.memberships.find(one => one.spec.organization === organization)
  const { user } = person
  const facts = factsOf({
    membership: membership?.spec ?? ({ address: person.addresses[0] ?? '' } as Membership['spec']),
    user: user && {
      name: user.metadata.name,
      uid: user.metadata.uid,
      labels: user.metadata.labels ?? {},
      spec: user.spec,
    },
    domains,
  })
  return { name: user?.metadata.name ?? '', facts, settled: membership?.spec.settled?.groups ?? [] }
}
