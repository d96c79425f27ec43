import type { Kind } from '../api/names.ts'
import { approvalReconciler } from '../reconcilers/approval.ts'
import type { World } from '../reconcilers/context.ts'
import { type DirectoryParts, directoryReconciler } from '../reconcilers/directory.ts'
import { groupReconciler } from '../reconcilers/group.ts'
import { groupsOver } from '../reconcilers/groupsover.ts'
import { guardReconciler } from '../reconcilers/guard.ts'
import { invitationReconciler } from '../reconcilers/invitation.ts'
import { licensePoolReconciler } from '../reconcilers/licensepool.ts'
import { Lines } from '../reconcilers/lines.ts'
import { organizationReconciler } from '../reconcilers/organization.ts'
import { roleReconciler } from '../reconcilers/role.ts'
import { seatLedgerReconciler } from '../reconcilers/seatledger.ts'
import { type SourceParts, sourceReconciler } from '../reconcilers/source.ts'
import { userReconciler } from '../reconcilers/user.ts'
import type { Reconciler } from '../runtime/reconciler.ts'

/** What a world is made of beside what follows from the cache. */
export type WorldParts = Omit<World, 'groups' | 'lines'>

/** The world of a loop: live, or planned. */
export const worldOf = (parts: WorldParts): World => ({
  ...parts,
  groups: groupsOver(parts.cache, () => parts.clock.now()),
  lines: new Lines(parts.cache),
})

/** What is read from outside. */
export interface Inputs {
  sources: SourceParts
  directories: DirectoryParts
}

/** Every reconciler, what others depend on first. Without `inputs`, no source and no directory is read: a plan is given its manifests. */
export const reconcilersOf = (world: World, inputs?: Inputs): Reconciler[] =>
  [
    ...(inputs ? [sourceReconciler(world, inputs.sources)] : []),
    organizationReconciler(world),
    ...(inputs ? [directoryReconciler(world, inputs.directories)] : []),
    roleReconciler(world),
    groupReconciler(world),
    userReconciler(world),
    invitationReconciler(world),
    licensePoolReconciler(world),
    seatLedgerReconciler(world),
    // What is taken is decided when everything else is at rest.
    guardReconciler(world),
    approvalReconciler(world),
  ] as unknown as Reconciler[]

/** Kinds whose runs find what somebody is to lose. */
export const DERIVING: readonly Kind[] = ['Source', 'Organization', 'Role', 'Group', 'User', 'Invitation']
