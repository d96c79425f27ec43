import type { Organization } from '../api/organization.ts'
import type { UserSpec } from '../api/user.ts'
import { normalizeAddress } from './address.ts'
import { byAge } from './age.ts'

/**
 * The organization whose people have addresses like this one: of those that name its domain the oldest.
 * @param address normalized
 * @param naming organizations that name a domain, by its A-label
 */
export const ownerOfDomain = (
  address: string,
  naming: (domain: string) => readonly Organization[],
): string | undefined => naming(domainOf(address)).toSorted(byAge)[0]?.metadata.name

/** @param address normalized */
export const domainOf = (address: string): string => address.slice(address.lastIndexOf('@') + 1)

/**
 * Whether a declaration only claims that an address is one of the person's: an alias in a domain of an organization that they do not belong to. It is theirs
 * once they have shown it; until then it makes nobody them, and nothing of whoever has the address theirs.
 * @param address normalized, one of the User's
 * @param owner the organization whose domain it is in
 */
export const isOnlyClaimed = (
  { email, memberships = [] }: Pick<UserSpec, 'email' | 'memberships'>,
  address: string,
  owner: string | undefined,
): boolean =>
  owner !== undefined &&
  normalizeAddress(email) !== address &&
  !memberships.some(({ organization }) => organization === owner)
