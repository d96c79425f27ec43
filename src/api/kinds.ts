import type { Account } from './account.ts'
import type { Approval } from './approval.ts'
import type { Directory } from './directory.ts'
import type { DirectoryRecord } from './directoryrecord.ts'
import type { Group } from './group.ts'
import type { Invitation } from './invitation.ts'
import type { LicensePool } from './licensepool.ts'
import type { Membership } from './membership.ts'
import type { DeclaredKind, Kind, RecordKind } from './names.ts'
import type { Organization } from './organization.ts'
import type { RemovalSet } from './removalset.ts'
import type { Manifest } from './resource.ts'
import type { Role } from './role.ts'
import type { SeatLedger } from './seatledger.ts'
import type { Source } from './source.ts'
import type { User } from './user.ts'

/** Kind → its type. Types only: the schemas are build-time, see `schema.ts`. */
export interface KindMap {
  Source: Source
  Organization: Organization
  Directory: Directory
  Role: Role
  Group: Group
  LicensePool: LicensePool
  User: User
  Invitation: Invitation
  Approval: Approval
  Account: Account
  Membership: Membership
  SeatLedger: SeatLedger
  RemovalSet: RemovalSet
  DirectoryRecord: DirectoryRecord
}

export type ResourceOf<K extends Kind> = KindMap[K]
export type SpecOf<K extends Kind> = KindMap[K]['spec']
export type StatusOf<K extends Kind> = NonNullable<KindMap[K]['status']>
export type AnyResource = KindMap[Kind]
export type DeclaredResource = KindMap[DeclaredKind]
export type RecordResource = KindMap[RecordKind]
export type ManifestOf<K extends Kind> = Manifest<K, SpecOf<K>>
/** A manifest of any declared kind; narrow by `kind`. */
export type AnyManifest = { [K in DeclaredKind]: ManifestOf<K> }[DeclaredKind]
