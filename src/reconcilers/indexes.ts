import type { Account } from '../api/account.ts'
import type { Approval } from '../api/approval.ts'
import type { Directory } from '../api/directory.ts'
import type { DirectoryRecord, DirectoryRecordSpec } from '../api/directoryrecord.ts'
import type { Group } from '../api/group.ts'
import type { Invitation } from '../api/invitation.ts'
import type { LicensePool } from '../api/licensepool.ts'
import type { Membership } from '../api/membership.ts'
import type { Organization } from '../api/organization.ts'
import type { RemovalSet } from '../api/removalset.ts'
import type { Role } from '../api/role.ts'
import type { SeatLedger } from '../api/seatledger.ts'
import type { Source } from '../api/source.ts'
import type { User } from '../api/user.ts'
import { normalizeAddress, normalizeDomain } from '../decide/address.ts'
import { loginKey } from '../decide/found.ts'
import { holdersOf } from '../decide/held-seats.ts'
import { makesAdmin } from '../decide/loss.ts'
import { isJoined } from '../decide/membership.ts'
import { domainOf } from '../decide/ownership.ts'
import { reachesDown } from '../decide/permissions.ts'
import { generatedInvitationName, generatedUserName } from '../decide/record-names.ts'
import type { Indexes } from '../runtime/reconciler.ts'

/** Value of the indexes that find what concerns one address in one organization. Names of organizations hold no slash. */
export const place = (organization: string, address: string): string => `${organization}/${normalizeAddress(address)}`

/** Somebody in a Directory, by the id there. Names of directories hold no slash. */
export const foundKey = (directory: string, id: string): string => `${directory}/${id}`

/** Addresses under which a User is found: its own and its aliases, normalized. */
export const addressesOf = (user: Pick<User, 'spec'>): string[] => [
  ...new Set([user.spec.email, ...(user.spec.aliases ?? [])].map(normalizeAddress)),
]

/** Value of the index that finds what one directory says of whoever has an address. Names of directories hold no slash. */
export const entry = (directory: string, address: string): string => `${directory}/${address}`

/** Value of the indexes that find whom a declaration names in a directory, by id or by login. */
export const identity = ({ directory, id, name = '' }: { directory: string; id?: string; name?: string }): string =>
  id === undefined ? `${directory}/name/${loginKey(name)}` : `${directory}/id/${id}`

/** Addresses that a directory says somebody has; normalized, the main one first. */
export const addressesSaid = ({ user }: DirectoryRecordSpec): string[] =>
  user ? [...new Set([...(user.email === undefined ? [] : [user.email]), ...(user.aliases ?? [])])] : []

/** Logins that somebody has, or had, in a directory; as they are compared. */
export const loginsSaid = ({ user, formerLogins = [] }: DirectoryRecordSpec): string[] => [
  ...new Set([...formerLogins, ...(user?.login === undefined ? [] : [user.login])].map(loginKey)),
]

/**
 * Every index over the cache, so that no reconcile reads more than its own data.
 * An index is named after what it is asked with: `cache.by('Membership', 'organization', 'acme')`.
 */
export const indexes = {
  Membership: {
    organization: ({ spec }: Membership) => [spec.organization],
    /** By the name of the User that last claimed it. */
    user: ({ spec }: Membership) => (spec.user ? [spec.user.name] : []),
    userUid: ({ spec }: Membership) => (spec.user ? [spec.user.uid] : []),
    address: ({ spec }: Membership) => [spec.address],
    /** By the name that the User of this address has when nobody declares it. */
    generatedUser: ({ spec }: Membership) => [generatedUserName(spec.address)],
    /** By roles in force and granted. */
    role: ({ spec }: Membership) => [
      ...new Set([...(spec.settled?.roles ?? []), ...spec.grants.flatMap(grant => grant.roles)]),
    ],
    group: ({ spec }: Membership) => spec.settled?.groups ?? [],
    /** By {@link foundKey} of what it stands on. */
    directory: ({ spec: { declared } }: Membership) =>
      declared?.present && declared.directory ? [foundKey(declared.directory.name, declared.directory.id)] : [],
    /** By the Directory that it stands on. */
    importer: ({ spec: { declared } }: Membership) =>
      declared?.present && declared.directory ? [declared.directory.name] : [],
    /** By organization, only those of whom something is to be taken. */
    losing: ({ spec }: Membership) => (spec.losing ? [spec.organization] : []),
    /** By organization, only those whose mail waits for the guard. */
    asking: ({ spec }: Membership) => (spec.asking ? [spec.organization] : []),
    /** By `<organization>/<day>` (UTC) on which admins were told that nobody came. */
    noticed: ({ spec }: Membership) => [
      ...new Set(
        spec.mails
          .filter(mail => mail.key.startsWith('notice/'))
          .map(mail => `${spec.organization}/${mail.claimedTime.slice(0, 10)}`),
      ),
    ],
    /** By organization, only those that reach down from it. */
    reaching: ({ spec }: Membership) => (reachesDown(spec.settled?.permissions ?? []) ? [spec.organization] : []),
    /** By each organization below that is reached. */
    reach: ({ spec }: Membership) => spec.settled?.reach ?? [],
    /** By organization, only members whose settled access makes them an admin there. */
    admins: ({ spec }: Membership) =>
      isJoined(spec) && makesAdmin(spec.settled?.permissions ?? []) ? [spec.organization] : [],
  },
  Invitation: {
    organization: ({ spec }: Invitation) => [spec.organization],
    address: ({ spec }: Invitation) => [normalizeAddress(spec.email)],
    /** By {@link place}. */
    place: ({ spec }: Invitation) => [place(spec.organization, spec.email)],
    role: ({ spec }: Invitation) => spec.roles ?? [],
  },
  User: {
    uid: ({ metadata }: User) => [metadata.uid],
    /** By normalized address, aliases too. */
    address: (user: User) => addressesOf(user),
    /** By domain of an address, aliases too, as A-label. */
    domain: (user: User) => [...new Set(addressesOf(user).map(domainOf))],
    /** By directory in which somebody was decided to be the same person. */
    directory: ({ spec }: User) => [...new Set((spec.identities ?? []).map(one => one.directory))],
    /** By organization of a declared membership, ended ones too. */
    organization: ({ spec }: User) => [...new Set((spec.memberships ?? []).map(one => one.organization))],
    /** By name of the Invitation that a declared membership makes. */
    invitation: ({ metadata, spec }: User) =>
      (spec.memberships ?? []).map(one => generatedInvitationName(metadata.name, one.organization)),
    /** By declared role. */
    role: ({ spec }: User) => [...new Set((spec.memberships ?? []).flatMap(one => one.roles ?? []))],
    /** By pool of an explicit licence. */
    pool: ({ spec }: User) => [...new Set((spec.licenses ?? []).map(one => one.pool))],
    previousName: ({ spec }: User) => spec.previousNames ?? [],
    /** By directory and id or login of somebody who was decided to be the same person. */
    identity: ({ spec }: User) => (spec.identities ?? []).map(identity),
  },
  Group: {
    organization: ({ spec }: Group) => [spec.organization],
    member: ({ spec }: Group) => spec.members ?? [],
    /** By nested group. */
    group: ({ spec }: Group) => spec.groups ?? [],
    role: ({ spec }: Group) => spec.roles ?? [],
    /** By {@link foundKey} of the group there. */
    importFrom: ({ spec: { importFrom } }: Group) =>
      importFrom ? [foundKey(importFrom.directory, importFrom.name)] : [],
    /** By the Directory it comes from. */
    importer: ({ spec: { importFrom } }: Group) => (importFrom ? [importFrom.directory] : []),
    /** By organization, only those with an expression. */
    expressions: ({ spec }: Group) => (spec.membersWhere === undefined ? [] : [spec.organization]),
  },
  Directory: { organization: ({ spec }: Directory) => [spec.organization] },
  DirectoryRecord: {
    directory: ({ spec }: DirectoryRecord) => [spec.directory],
    /** By address of a person, further ones too. */
    address: ({ spec }: DirectoryRecord) => addressesSaid(spec),
    /** By {@link identity} of the login that a person has there, or had. */
    login: ({ spec }: DirectoryRecord) => loginsSaid(spec).map(name => identity({ directory: spec.directory, name })),
    /** By {@link entry} of each address of a person. */
    entry: ({ spec }: DirectoryRecord) => addressesSaid(spec).map(address => entry(spec.directory, address)),
    /** By {@link foundKey} of groups there that the person is in, as far as a Group imports them. */
    group: ({ spec }: DirectoryRecord) => (spec.groups ?? []).map(group => foundKey(spec.directory, group)),
    /** By the name that the User of the main address has when nobody declares it. */
    generatedUser: ({ spec }: DirectoryRecord) =>
      spec.user?.email === undefined ? [] : [generatedUserName(spec.user.email)],
  },
  Role: { organization: ({ spec }: Role) => [spec.organization] },
  LicensePool: {
    organization: ({ spec }: LicensePool) => [spec.organization],
    role: ({ spec }: LicensePool) => [
      ...new Set([...(spec.selector?.roles ?? []), ...(spec.priority ?? []).flatMap(step => step.roles ?? [])]),
    ],
    group: ({ spec }: LicensePool) => [
      ...new Set([...(spec.selector?.groups ?? []), ...(spec.priority ?? []).flatMap(step => step.groups ?? [])]),
    ],
  },
  Organization: {
    parent: ({ spec }: Organization) => (spec.parent === undefined ? [] : [spec.parent]),
    child: ({ spec }: Organization) => spec.children ?? [],
    /** By domain, as A-label. */
    domain: ({ spec }: Organization) => (spec.domains ?? []).flatMap(domain => normalizeDomain(domain) ?? []),
  },
  Source: {
    /** By what an Approval of its rewritten history names. */
    rewritten: ({ status }: Source) => (status?.rewritten ? [status.rewritten.releases] : []),
    /** `yes`: those that a Git server may have read. */
    webhook: ({ spec }: Source) => (spec.git?.webhookSecretRef ? ['yes'] : []),
  },
  /** By the Account whose credentials count. */
  Account: { sameAs: ({ spec }: Account) => (spec.sameAs === undefined ? [] : [spec.sameAs]) },
  Approval: { releases: ({ spec }: Approval) => [spec.releases] },
  RemovalSet: {
    organization: ({ spec }: RemovalSet) => [spec.organization],
    state: ({ spec }: RemovalSet) => [spec.state],
    hash: ({ spec }: RemovalSet) => (spec.hash === undefined ? [] : [spec.hash]),
    /** By `<Membership>/<digest>` of each loss; only while that may still come. */
    removal: ({ spec }: RemovalSet) =>
      spec.state === 'Held' || spec.state === 'Released' ? (spec.removals ?? []) : [],
  },
  SeatLedger: {
    pool: ({ spec }: SeatLedger) => [spec.pool],
    /** By `user/<uid>` and `address/<address>` of everybody who has a seat or is shown waiting for one. */
    holder: ({ spec }: SeatLedger) => [
      ...new Set([...spec.slots.flatMap(holdersOf), ...(spec.waiting ?? []).map(one => one.holder)]),
    ],
  },
} as const satisfies Indexes
