import type { Organization } from '../api/organization.ts'
import { normalizeDomain } from '../decide/address.ts'
import { byAge } from '../decide/age.ts'
import { ownerOfDomain as ownerAmong } from '../decide/ownership.ts'
import type { Cache } from '../runtime/reconciler.ts'

/** Organizations that name one of the domains, the owner first: the older, then the smaller name. */
export const sharingDomains = (cache: Cache, domains: readonly string[]): Organization[] =>
  [...new Set(domains.flatMap(domain => normalizeDomain(domain) ?? []))]
    .flatMap(domain => cache.by('Organization', 'domain', domain))
    .toSorted(byAge)

/** The organization whose people have addresses like this one. @param address normalized */
export const ownerOfDomain = (cache: Cache, address: string): string | undefined =>
  ownerAmong(address, domain => cache.by('Organization', 'domain', domain))
