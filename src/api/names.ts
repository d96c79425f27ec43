/**
 * Every string that a machine reads: groups, labels, annotations, finalizers, conditions, reasons, permissions, exit codes.
 * Nothing here is a sentence for people, and none of these strings is written anywhere else.
 */

export const GROUP = 'roster.dev'
export const VERSION = 'v1alpha1'
export const API_VERSION = `${GROUP}/${VERSION}` as const

/** The resources that admins declare, in the order in which they are applied; removal goes the other way round. */
export const DECLARED_KINDS = [
  'Source',
  'Organization',
  'Directory',
  'Role',
  'Group',
  'LicensePool',
  'User',
  'Invitation',
  'Approval',
] as const
/** What Roster remembers. Never in a manifest, never applied, never pruned, always in a backup. */
export const RECORD_KINDS = ['Account', 'Membership', 'SeatLedger', 'RemovalSet', 'DirectoryRecord'] as const
export const KINDS = [...DECLARED_KINDS, ...RECORD_KINDS] as const

export type DeclaredKind = (typeof DECLARED_KINDS)[number]
export type RecordKind = (typeof RECORD_KINDS)[number]
export type Kind = (typeof KINDS)[number]

export const LABELS = {
  managedBy: 'app.kubernetes.io/managed-by',
  source: `${GROUP}/source`,
  organization: `${GROUP}/organization`,
  /** On resources that Roster made itself; the value is the kind it was made for. */
  generated: `${GROUP}/generated`,
} as const
/** Value of {@link LABELS.managedBy}. */
export const MANAGED_BY = 'roster'

export const ANNOTATIONS = {
  pause: `${GROUP}/pause`,
  requestedAt: `${GROUP}/requestedAt`,
  resendRequestedAt: `${GROUP}/resendRequestedAt`,
  /** `file:line` of the document inside its source. */
  sourcePath: `${GROUP}/source-path`,
  /** Revision of the source in which this document last changed. */
  revision: `${GROUP}/revision`,
  /** Commit that changed the document's file last, and the name of its author, where a source knows them. */
  commit: `${GROUP}/commit`,
  author: `${GROUP}/author`,
  /** Instead of both: a commit since which the file did not change, where the history was read no further back. */
  unchangedSince: `${GROUP}/unchanged-since`,
  /** A source takes this over from the one that it names, and is not done yet. */
  takenFrom: `${GROUP}/taken-from`,
  /** With the same value as `requestedAt`: a directory that was read as empty is taken for empty, this once. */
  allowEmpty: `${GROUP}/allowEmpty`,
  orphan: `${GROUP}/orphan`,
  /** A source no longer declares this person, and waits for the guard before it deletes them. */
  going: `${GROUP}/going`,
  /** Somebody was asked whether this one person is to be removed, and said yes; the value is who. */
  removalConfirmed: `${GROUP}/removalConfirmed`,
} as const

export const FINALIZER = `${GROUP}/cleanup`
/** On every record from its first moment: a fact does not go because somebody deletes it, or its kind. Only `roster uninstall` takes it off. */
export const RECORD_FINALIZER = `${GROUP}/record`
/** Every finalizer of ours: what `roster uninstall` lets go of, and what a restore brings back. */
export const FINALIZERS: readonly string[] = [FINALIZER, RECORD_FINALIZER]

/**
 * The status that an API server shows of what no pass has looked at yet. Without it kstatus (Flux, `kubectl wait` in scripts) takes a thing just made for done.
 * A store knows it as no status.
 */
export const UNOBSERVED = { observedGeneration: -1 } as const

/** Field managers, and at the same time the actors of the audit trail: who wrote a field. */
export const MANAGERS = {
  controller: 'controller',
  source: (name: string) => `source/${name}`,
  directory: (name: string) => `directory/${name}`,
  user: (name: string) => `user/${name}`,
  local: (osUser: string) => `local/${osUser}`,
  /** Of fields that nobody owned when they were restored. */
  unknown: 'unknown',
} as const

export const CONDITIONS = [
  'Ready',
  'Reconciling',
  'Stalled',
  'Accepted',
  'Expired',
  'Joined',
  'Connected',
  'Synced',
  'Exhausted',
  'OverAllocated',
  'DuplicateDeclared',
  'DuplicateSuspected',
  'Conflict',
  'AddressUnproven',
  'ClockSuspect',
  'RemovalsHeld',
  'Frozen',
  'Stale',
  'RightsMissing',
] as const
export type ConditionType = (typeof CONDITIONS)[number]

/** Reasons of conditions and Events: one CamelCase word each, never a sentence (Kubernetes API conventions). */
export const REASONS = [
  // Ready=True: nothing left for Roster to do now; whom it waits for
  'Succeeded',
  'WaitingForPerson',
  'WaitingForSeat',
  'WaitingForTime',
  'WaitingForApproval',
  'Paused',
  'Frozen',
  // Reconciling
  'Progressing',
  'Retrying',
  'Deleting',
  // Stalled: somebody must act
  'ReferenceNotFound',
  'ReferenceCycle',
  'DuplicateDeclared',
  'DuplicateSuspected',
  'InUse',
  'InvalidSpec',
  'NotAllowed',
  'SecretNotFound',
  'SecretAudience',
  'DeliveryRefused',
  'DeliveryUnknown',
  'GaveUp',
  'Conflict',
  'KeysExhausted',
  'ExpressionFailed',
  'ParentNotConfirmed',
  // Invitation
  'RateLimited',
  'NotYet',
  'Suspended',
  'AlreadyMember',
  'Sent',
  'Refused',
  'Unknown',
  'Expired',
  'Declined',
  'Accepted',
  'Left',
  'Ended',
  'Queued',
  'Withdrawn',
  'AddressUnproven',
  'SendFailed',
  'Resent',
  // Source
  'Applied',
  'Unreachable',
  'CredentialsRefused',
  'InvalidManifests',
  'EmptySource',
  'PathNotFound',
  'RevisionNotFound',
  'HistoryRewritten',
  'HistoryReleased',
  'NotSigned',
  'Pruned',
  'PruneHeld',
  'TakenBack',
  'TakenOver',
  // Directory
  'Incomplete',
  'EmptyDirectory',
  'Stale',
  'Seen',
  // LicensePool
  'NoFreeSeat',
  'SeatsReduced',
  'SeatGiven',
  'SeatFreed',
  'KeyMailed',
  // Organization, Role, Group
  'NoAdmin',
  'RoleChanged',
  'MemberWithoutMembership',
  'Joined',
  'Granted',
  'AccessTaken',
  'ClockJumped',
  'RecordsLost',
  'Unfrozen',
  // RemovalSet, Approval
  'RemovalsHeld',
  'RemovalsReleased',
] as const
export type Reason = (typeof REASONS)[number]

/** Our own permission areas; every other area is the customer's product's, and answered by `roster can`. */
export const PERMISSION_AREAS = [
  'organizations',
  'users',
  'groups',
  'roles',
  'invitations',
  'licenses',
  'directories',
  'cloudAccounts',
  'devices',
  'services',
  'reports',
  'audit',
  'guard',
  'settings',
] as const
export const PERMISSION_VERBS = ['read', 'create', 'update', 'delete', 'resend', 'sync', 'use', 'approve'] as const
/** Active holders of one of these in an organization are its admins. */
export const ADMIN_PERMISSIONS = ['users:update', 'roles:update'] as const

/** Exit codes of every command. */
export const EXIT = { yes: 0, no: 1, trouble: 2, interrupted: 130 } as const
