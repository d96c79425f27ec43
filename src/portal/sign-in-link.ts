import { createSignInLinks } from '../accounts/sign-in-links.ts'
import type { Account } from '../api/account.ts'
import { type Retry, RosterError } from '../api/errors.ts'
import type { Membership, MembershipSpec } from '../api/membership.ts'
import type { Reason } from '../api/names.ts'
import type { User } from '../api/user.ts'
import { normalizeAddress } from '../decide/address.ts'
import { isJoined } from '../decide/membership.ts'
import { accountName } from '../decide/record-names.ts'
import type { AuditLog } from '../ports/audit.ts'
import type { Clock } from '../ports/clock.ts'
import type { CredentialStore } from '../ports/credentials.ts'
import type { ResourceStore } from '../store/store.ts'

/** This person cannot have a sign-in link. */
export class SignInLinkError extends RosterError {
  readonly retry: Retry = 'never'
  readonly reason: Reason = 'NotAllowed'
}

/**
 * Makes a link that signs one person in once, within ten minutes: for when mail does not work. Only for somebody who has joined:
 * whoever has not is invited, and shows by the link in the mail that the address is theirs.
 *
 * @param person name of a User, or an address
 * @param actor who asks, for the audit trail
 * @throws SignInLinkError
 */
export const createSignInLink = async (
  of: {
    store: ResourceStore
    credentials: CredentialStore
    clock: Clock
    audit: AuditLog
    publicUrl: string
    random?: (size: number) => Buffer
  },
  { person, actor }: { person: string; actor: string },
): Promise<{ url: string; expirationTime: string; address: string }> => {
  const { store, audit } = of
  const { user, memberships } = await findPerson(store, person)
  if (user?.spec.suspended)
    throw new SignInLinkError(
      `${person} is suspended; take that back first, in the manifest of User/${user.metadata.name}`,
    )
  const joined = memberships.filter(({ spec }) => isJoined(spec) && spec.declared?.join !== 'None')
  if (joined.length === 0)
    throw new SignInLinkError(
      `${person} has not joined any organization; an invitation lets people in the first time: \`roster resend ${person}\` sends a new one`,
    )
  const account = await firstAccount(
    store,
    joined.map(({ spec }) => spec.address),
  )
  if (!account)
    throw new SignInLinkError(
      `${person} has no account yet; it is made once the controller runs, or when an invitation is accepted`,
    )
  const { epoch } = await store.info()
  await audit.append({
    phase: 'change',
    actor,
    action: 'account.signInLink',
    target: `Account/${account.metadata.name}`,
    because: `asked for ${person}`,
  })
  const link = await createSignInLinks({ ...of, epoch }).create(account.metadata.name)
  return { ...link, address: account.spec.address }
}

/**
 * The one person who was asked for, by the name of a User or by an address. Aliases do not count: a manifest can claim whatever address as one,
 * and the link must not let its author in as the owner of that address.
 * @throws SignInLinkError for the name of no User
 */
const findPerson = async (
  store: ResourceStore,
  person: string,
): Promise<{ user: User | undefined; memberships: Membership[] }> => {
  const memberships = (await store.list('Membership')).items
  if (!person.includes('@')) {
    const user = await store.get('User', person)
    if (!user)
      throw new SignInLinkError(
        `there is no User ${JSON.stringify(person)}; give a name as in \`roster get users\`, or an address`,
      )
    return { user, memberships: memberships.filter(({ spec }) => isOf(user, spec)) }
  }
  const address = normalizeAddress(person)
  const user = (await store.list('User')).items.find(({ spec }) => normalizeAddress(spec.email) === address)
  const under = memberships.filter(({ spec }) => spec.address === address)
  // Whose address changed since they joined is found by the User, and signs in with the address that was proven.
  return { user, memberships: under.length > 0 || !user ? under : memberships.filter(({ spec }) => isOf(user, spec)) }
}

/** Whether a membership is that of a User: the one that claimed it, or while none did, by its address. */
const isOf = ({ metadata, spec }: User, membership: MembershipSpec): boolean =>
  membership.user ? membership.user.uid === metadata.uid : membership.address === normalizeAddress(spec.email)

/** The one whose credentials count, of the first address that has one which is not closed. */
const firstAccount = async (store: ResourceStore, addresses: readonly string[]): Promise<Account | undefined> => {
  for (const address of addresses) {
    const account = await store.get('Account', accountName(address))
    const root = account?.spec.sameAs ? await store.get('Account', account.spec.sameAs) : account
    if (root && !root.spec.closed) return root
  }
  return undefined
}
