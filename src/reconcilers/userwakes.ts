import type { DirectoryRecord } from '../api/directoryrecord.ts'
import type { GroupSpec } from '../api/group.ts'
import { ANNOTATIONS } from '../api/names.ts'
import type { Organization } from '../api/organization.ts'
import { normalizeAddress, normalizeDomain } from '../decide/address.ts'
import { holdersThatDiffer } from '../decide/held-seats.ts'
import { generatedUserName, membershipOf } from '../decide/record-names.ts'
import type { Cache, Watch } from '../runtime/reconciler.ts'
import { bearerOf, recordsNamed } from './bearers.ts'
import { organizationsConcerned, reachingDown, watch } from './context.ts'
import { addressesOf, addressesSaid, foundKey } from './indexes.ts'
import { usersAround, usersAroundUser } from './who.ts'

/** Names of the Users that somebody in a directory is, was, or may be. */
const bearersOfFound = (record: DirectoryRecord, cache: Cache): string[] => [
  ...usersAround(record, cache),
  ...addressesSaid(record.spec).map(generatedUserName),
  ...cache
    .by('Membership', 'directory', foundKey(record.spec.directory, record.spec.id))
    .flatMap(membership => membership.spec.user?.name ?? []),
]

/** Names under which the person of an address is, or would be, known. */
const usersOf = (cache: Cache, address: string): string[] => [
  ...cache.by('User', 'address', normalizeAddress(address)).map(user => user.metadata.name),
  generatedUserName(address),
]

/** Domains of an organization that it did not have before, or has no longer; all of one that comes or goes. */
const domainsThatDiffer = ({ spec }: Organization, other: Organization | undefined): string[] => {
  const kept = new Set(other?.spec.domains)
  return (spec.domains ?? []).flatMap(text => (kept.has(text) ? [] : (normalizeDomain(text) ?? [])))
}

/** Names of the Users that a holder of seats is. */
const bearersOf = (cache: Cache, holder: string): string[] => {
  const [index, value] = holder.startsWith('user/')
    ? (['uid', holder.slice('user/'.length)] as const)
    : (['address', holder.slice('address/'.length)] as const)
  return cache.by('User', index, value).map(user => user.metadata.name)
}

/** Users of a group and of the groups nested in it; all people of the organization where an expression says who. */
const membersOf = (cache: Cache, group: string): string[] => {
  const groups = new Set([group])
  const users = new Set<string>()
  for (const name of groups) {
    const { spec } = cache.get('Group', name) ?? {}
    if (!spec) continue
    for (const member of spec.members ?? []) users.add(member)
    for (const nested of spec.groups ?? []) groups.add(nested)
    for (const user of foundIn(cache, spec)) users.add(user)
    if (spec.membersWhere !== undefined) for (const user of peopleOf(cache, spec.organization)) users.add(user)
    for (const { spec: held } of cache.by('Membership', 'group', name)) if (held.user) users.add(held.user.name)
  }
  return [...users]
}

/** Users who are in a group by the directory that it is imported from. */
const foundIn = (cache: Cache, { importFrom }: GroupSpec): string[] =>
  importFrom
    ? cache
        .by('DirectoryRecord', 'group', foundKey(importFrom.directory, importFrom.name))
        .flatMap(record => bearerOf(cache, record) ?? [])
    : []

const peopleOf = (cache: Cache, organization: string): Set<string> => {
  const names = new Set(cache.by('User', 'organization', organization).map(user => user.metadata.name))
  for (const { spec } of cache.by('Membership', 'organization', organization))
    if (spec.user) names.add(spec.user.name)
    else for (const user of cache.by('User', 'address', spec.address)) names.add(user.metadata.name)
  return names
}

/** What else a User's pass hangs on: whom each change of something else wakes. */
export const wakingUsers: readonly Watch[] = [
  // Another User of the same address: one of the two gives way. Or one that takes this one's place.
  watch({
    kind: 'User',
    changed: ({ metadata, spec }) => [
      metadata.deletionTimestamp,
      metadata.annotations?.[ANNOTATIONS.going],
      spec.email,
      spec.aliases,
      spec.identities,
      spec.distinctFrom,
      // An alias counts by where its User belongs.
      spec.aliases && spec.memberships?.map(one => one.organization),
      spec.previousNames,
    ],
    *wakes(user, cache) {
      yield* usersAroundUser(user, cache)
      // Whoever bore this name before it was given up.
      for (const heir of cache.by('User', 'previousName', user.metadata.name)) yield heir.metadata.name
      for (const address of addressesOf(user)) {
        for (const other of cache.by('User', 'address', address))
          if (other.metadata.name !== user.metadata.name) yield other.metadata.name
        // Who it was until it was decided.
        for (const record of cache.by('DirectoryRecord', 'address', address)) yield* bearersOfFound(record, cache)
        // Whoever had this address before.
        for (const { spec } of cache.by('Membership', 'address', address)) if (spec.user) yield spec.user.name
        yield generatedUserName(address)
      }
      for (const record of recordsNamed(cache, [...(user.spec.identities ?? []), ...(user.spec.distinctFrom ?? [])]))
        yield* bearersOfFound(record, cache)
    },
  }),
  watch({
    kind: 'Membership',
    changed: ({ spec }) => {
      const { attempts, mails: _mails, series: _series, ...rest } = spec
      const last = attempts.at(-1)
      return [rest, last?.number, last?.outcome, last?.withdrawnTime]
    },
    *wakes({ spec }, cache) {
      if (spec.user) yield spec.user.name
      yield* usersOf(cache, spec.address)
    },
  }),
  watch({
    kind: 'Invitation',
    changed: ({ metadata, status }) => {
      const ready = status?.conditions?.find(condition => condition.type === 'Ready')
      return [metadata.deletionTimestamp, ready?.status, ready?.reason, ready?.message]
    },
    *wakes({ metadata, spec }, cache) {
      // Of whom it was made for too, whose address may be another by now.
      for (const user of cache.by('User', 'invitation', metadata.name)) yield user.metadata.name
      yield* usersOf(cache, spec.email)
    },
  }),
  watch({
    kind: 'Account',
    changed: ({ spec }) => [spec.proven, spec.closed, spec.sameAs],
    wakes: ({ spec }, cache) => usersOf(cache, spec.address),
  }),
  // What a directory says of them, or of somebody who may be them.
  watch({
    kind: 'DirectoryRecord',
    changed: ({ spec }) => [spec.user, spec.formerLogins, spec.missingTime, spec.groups, spec.mapping],
    wakes: bearersOfFound,
  }),
  watch({
    kind: 'Directory',
    changed: ({ metadata, spec, status }) => [
      metadata.deletionTimestamp,
      spec.policy,
      spec.import,
      status?.importedGroups,
    ],
    *wakes({ metadata }, cache) {
      for (const record of cache.by('DirectoryRecord', 'directory', metadata.name)) yield* bearersOfFound(record, cache)
      for (const { spec } of cache.by('Membership', 'importer', metadata.name)) if (spec.user) yield spec.user.name
    },
  }),
  // The guard has decided, or somebody approved.
  watch({
    kind: 'RemovalSet',
    changed: ({ spec }) => spec.state,
    *wakes({ spec }, cache) {
      for (const key of spec.removals ?? []) {
        const record = cache.get('Membership', membershipOf(key))
        if (record?.spec.user) yield record.spec.user.name
        if (record) yield* usersOf(cache, record.spec.address)
      }
    },
  }),
  watch({
    kind: 'SeatLedger',
    changed: ({ spec }) => [spec.slots, spec.waiting],
    *wakes({ spec }, cache, other) {
      for (const holder of holdersThatDiffer(spec, other?.spec)) yield* bearersOf(cache, holder)
    },
  }),
  // A pool that a licence names, or that somebody has a seat of, comes or goes, or reaches further.
  watch({
    kind: 'LicensePool',
    changed: ({ metadata, spec }) => [metadata.uid, spec.shared],
    *wakes({ metadata }, cache) {
      for (const user of cache.by('User', 'pool', metadata.name)) yield user.metadata.name
      for (const { spec } of cache.by('SeatLedger', 'pool', metadata.name))
        for (const holder of holdersThatDiffer(spec, undefined)) yield* bearersOf(cache, holder)
    },
  }),
  watch({
    kind: 'Role',
    changed: ({ spec }) => [spec.organization, spec.allow, spec.deny, spec.scope],
    *wakes({ metadata }, cache) {
      const { name } = metadata
      for (const user of cache.by('User', 'role', name)) yield user.metadata.name
      for (const { spec } of cache.by('Membership', 'role', name)) if (spec.user) yield spec.user.name
      for (const group of cache.by('Group', 'role', name)) yield* membersOf(cache, group.metadata.name)
    },
  }),
  watch({
    kind: 'Group',
    changed: ({ spec }) => [
      spec.organization,
      spec.members,
      spec.groups,
      spec.membersWhere,
      spec.importFrom,
      spec.roles,
    ],
    *wakes({ metadata, spec }, cache) {
      yield* membersOf(cache, metadata.name)
      // Of the state it is called with, which the cache may no longer hold.
      yield* spec.members ?? []
      for (const nested of spec.groups ?? []) yield* membersOf(cache, nested)
      yield* foundIn(cache, spec)
      if (spec.membersWhere !== undefined) yield* peopleOf(cache, spec.organization)
    },
  }),
  watch({
    kind: 'Organization',
    changed: ({ metadata, spec }) => [
      metadata.deletionTimestamp,
      spec.parent,
      spec.children,
      spec.timeZone,
      spec.domains,
      spec.guard?.protected,
      spec.users,
      spec.invitations?.maxAttempts,
      spec.frozen,
    ],
    *wakes(organization, cache, other) {
      // Who has an address in its domains is decided by it, and not by anybody else.
      for (const domain of domainsThatDiffer(organization, other)) {
        for (const user of cache.by('User', 'domain', domain))
          for (const address of addressesOf(user)) yield* usersOf(cache, address)
        // Or is, by decision, somebody in a directory who has one.
        for (const directory of cache.values('User', 'directory'))
          for (const user of cache.by('User', 'directory', directory)) yield user.metadata.name
      }
      for (const one of organizationsConcerned(cache, organization.metadata.name)) {
        yield* peopleOf(cache, one)
        for (const { metadata } of cache.by('Directory', 'organization', one))
          for (const record of cache.by('DirectoryRecord', 'directory', metadata.name))
            yield* bearersOfFound(record, cache)
      }
      // People above who reach down to it: where they may do something is theirs to lose.
      for (const { spec } of reachingDown(cache, organization)) {
        if (spec.user) yield spec.user.name
        else yield* usersOf(cache, spec.address)
      }
    },
  }),
]
