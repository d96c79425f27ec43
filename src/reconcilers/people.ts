import type { Invitation } from '../api/invitation.ts'
import { ANNOTATIONS, LABELS } from '../api/names.ts'
import type { User, UserMembership } from '../api/user.ts'
import { isExternal, normalizeAddress } from '../decide/address.ts'
import { byAge } from '../decide/age.ts'
import { canDo, suspensionOf } from '../decide/can.ts'
import type { ExpressionUser } from '../decide/cel.ts'
import { isOnlyClaimed } from '../decide/ownership.ts'
import type { Cache } from '../runtime/reconciler.ts'
import { ownerOfDomain } from './domains.ts'
import { addressesOf, place } from './indexes.ts'

/** Whether Roster made it: a User that nobody declares, an Invitation that nobody wrote. What a source holds is declared, whatever else its labels say. */
export const isGenerated = ({ metadata: { labels } }: { metadata: { labels?: Record<string, string> } }): boolean =>
  labels?.[LABELS.generated] !== undefined && labels[LABELS.source] === undefined

/** Whether it is to go: deleted, or a person whom their source no longer declares and who waits for the guard. */
export const isDeleting = ({
  metadata,
}: {
  metadata: { deletionTimestamp?: string; annotations?: Record<string, string> }
}): boolean => metadata.deletionTimestamp !== undefined || metadata.annotations?.[ANNOTATIONS.going] !== undefined

/**
 * The User that an address belongs to: a declared one before one that Roster made, the one that carries the other's name in `previousNames` before that one,
 * the older before the newer. Users that are being deleted own nothing, and an alias that is only claimed makes nobody the owner.
 */
export const ownerOf = (cache: Cache, text: string): User | undefined => {
  const address = normalizeAddress(text)
  const owner = ownerOfDomain(cache, address)
  return cache
    .by('User', 'address', address)
    .filter(user => !isDeleting(user) && !isOnlyClaimed(user.spec, address, owner))
    .toSorted(byPrecedence)[0]
}

/** The declared User that an address belongs to. */
export const declaredOwnerOf = (cache: Cache, address: string): User | undefined => {
  const owner = ownerOf(cache, address)
  return owner && !isGenerated(owner) ? owner : undefined
}

/** Another User with one of this one's addresses that comes before it. */
export const rivalOf = (cache: Cache, user: User): { user: User; address: string } | undefined => {
  for (const address of addressesOf(user)) {
    const owner = declaredOwnerOf(cache, address)
    if (owner && owner.metadata.uid !== user.metadata.uid) return { user: owner, address }
  }
  return undefined
}

/** Invitations of one address in one organization that ask for something: not being deleted; in the order in which they were made. */
export const requestsOf = (cache: Cache, organization: string, address: string): Invitation[] =>
  cache
    .by('Invitation', 'place', place(organization, address))
    .filter(invitation => !isDeleting(invitation))
    .toSorted(byAge)

export const membershipIn = (user: User, organization: string): UserMembership | undefined =>
  user.spec.memberships?.find(entry => entry.organization === organization)

/** What expressions see of somebody. */
export const userFacts = ({ metadata, spec }: User, domains: readonly string[]): ExpressionUser => ({
  name: metadata.name,
  labels: metadata.labels ?? {},
  email: spec.email,
  external: isExternal(spec.email, domains),
  locale: spec.locale,
  givenName: spec.givenName,
  familyName: spec.familyName,
})

/** Whether somebody may invite into an organization now, by their settled access there or above: nobody who is suspended, or whose time is over. */
export const mayInvite = (cache: Cache, name: string, chain: readonly string[], now: number): boolean => {
  const user = cache.get('User', name)
  if (!user) return false
  const memberships = cache.by('Membership', 'userUid', user.metadata.uid).map(({ spec }) => spec)
  return canDo({
    permission: 'invitations:create',
    chain,
    memberships,
    suspended: suspensionOf(user),
    now,
  }).may
}

const byPrecedence = (a: User, b: User): number =>
  Number(isGenerated(a)) - Number(isGenerated(b)) ||
  Number(b.spec.previousNames?.includes(a.metadata.name) ?? false) -
    Number(a.spec.previousNames?.includes(b.metadata.name) ?? false) ||
  byAge(a, b)
