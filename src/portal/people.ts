import type { Account } from '../api/account.ts'
import type { Membership } from '../api/membership.ts'
import type { User } from '../api/user.ts'
import { suspensionOf } from '../decide/can.ts'
import { isOnlyClaimed, ownerOfDomain } from '../decide/ownership.ts'
import { accountName } from '../decide/record-names.ts'
import type { ResourceStore } from '../store/store.ts'
import type { Lookups } from './lookups.ts'
import { type Entry, entryOf, isInForce, type Standing, shownStanding } from './standing.ts'

/** Somebody who can sign in, with everything about them that pages show or decisions need. Read from the store just now. */
export interface Person {
  /** The Account whose credentials count. */
  account: Account
  /** Every address that is proven to be theirs, normalized. */
  addresses: readonly string[]
  places: readonly { membership: Membership; standing: Standing }[]
  entry: Entry
}

export interface People {
  /** The Account whose credentials count for an address: itself, or the one it is a further address of. */
  accountOf(address: string): Promise<Account | undefined>
  /** Everything about one account. */
  person(account: Account): Promise<Person>
  /** By the name of the account. */
  byAccount(name: string): Promise<Person | undefined>
  /** Whether the User behind a membership is suspended. */
  isSuspended(membership: Membership): Promise<boolean>
}

export const createPeople = ({
  store,
  lookups,
  now,
}: {
  store: ResourceStore
  lookups: Lookups
  now: () => number
}): People => {
  /** Names from the lookup, objects from the store. */
  const readAgain = async <K extends 'Account' | 'Membership' | 'User'>(kind: K, index: string, value: string) =>
    (await Promise.all(lookups.by(kind, index, value).map(({ metadata }) => store.get(kind, metadata.name)))).filter(
      found => found !== undefined,
    )

  /** Of this very life: a User made anew under the same name may be somebody else. */
  const userOf = async ({ spec }: Membership): Promise<User | undefined> => {
    const user = spec.user && (await store.get('User', spec.user.name))
    return user?.metadata.uid === spec.user?.uid ? user : undefined
  }

  /** Users that say an address is theirs, and do not only claim it. */
  const usersNaming = async (address: string): Promise<User[]> => {
    const owner = ownerOfDomain(address, domain => lookups.by('Organization', 'domain', domain))
    return (await readAgain('User', 'address', address)).filter(({ spec }) => !isOnlyClaimed(spec, address, owner))
  }

  const addressesOf = async (account: Account): Promise<string[]> => {
    const further = await readAgain('Account', 'sameAs', account.metadata.name)
    return [account, ...further].filter(({ spec }) => spec.proven && !spec.closed).map(({ spec }) => spec.address)
  }

  const person = async (account: Account): Promise<Person> => {
    const addresses = await addressesOf(account)
    const memberships = (
      await Promise.all(addresses.map(address => readAgain('Membership', 'address', address)))
    ).flat()
    const named = (await Promise.all(addresses.map(usersNaming))).flat()
    const owned = await Promise.all(
      memberships.map(async membership => ({ membership, user: await userOf(membership) })),
    )
    const places = owned.map(({ membership, user }) => ({
      membership,
      standing: shownStanding(membership.spec, suspensionOf(user), now()),
    }))
    const entry = entryOf(
      account.spec,
      places.map(({ standing }) => standing),
      [...named, ...owned.map(({ user }) => user)].some(
        user => user?.spec.suspended === true && !isStillIn(user, places),
      ),
    )
    return { account, addresses, places, entry }
  }

  return {
    person,
    accountOf: async address => {
      const account = await store.get('Account', accountName(address))
      return account?.spec.sameAs ? store.get('Account', account.spec.sameAs) : account
    },
    byAccount: async name => {
      const account = await store.get('Account', name)
      return account && person(account)
    },
    isSuspended: async membership => {
      const declared = await usersNaming(membership.spec.address)
      return [await userOf(membership), ...declared].some(user => user?.spec.suspended === true)
    },
  }
}

/** Whether a suspension waits for the guard in some organization, so that the person belongs there as before. */
const isStillIn = (user: User, places: Person['places']): boolean =>
  places.some(({ membership, standing }) => membership.spec.user?.uid === user.metadata.uid && isInForce(standing))
