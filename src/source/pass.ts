import type { Grant } from '../api/grant.ts'
import type { DeclaredResource } from '../api/kinds.ts'
import type { Reason } from '../api/names.ts'
import type { ObjectRef } from '../api/resource.ts'
import type { Policy } from '../decide/authority.ts'
import type { FieldOwner, ResourceStore } from '../store/store.ts'
import type { Live } from './live.ts'
import type { SyncMemory } from './memory.ts'
import type { Others } from './others.ts'
import type { Revision } from './revision.ts'

export interface SyncOptions {
  store: ResourceStore
  /** Name of the source; its field manager is `source/<name>`. */
  source: string
  revision: Extract<Revision, { outcome: 'Complete' }>
  prune: boolean
  /**
   * A person at the command line applies it. Only they may declare Sources: who may write into a watched repository
   * could otherwise have any folder of the machine read, or another repository taken for theirs.
   */
  byPerson?: boolean
  /** `Source.spec.may`, and the controller's own policy: what is beyond them is refused, document by document. */
  authority?: { may?: Grant | undefined; policy?: Policy | undefined; pathOf?: (file: string) => string }
  /** A person said on the command line that the source may be empty. */
  allowEmpty?: boolean
  /** Leave to delete these. What it does not give back stays and is reported. */
  permit: (objects: readonly DeclaredResource[]) => Promise<{
    permitted: readonly DeclaredResource[]
    /** These are only marked: they go when the guard lets go what they have. */
    going?: readonly DeclaredResource[]
    because: string
  }>
  /** Only these objects are written, by `Kind/name`, each only while it is as it was planned: says what is not. */
  planned?: ReadonlyMap<string, (live: DeclaredResource | undefined) => string | undefined>
  /** Called after each object: progress on long work. */
  onStep?: (done: number, all: number) => void
  signal?: AbortSignal
  /** What is there; absent, the store is listed. */
  live?: Live
  /** What other sources of this process declare. Absent, each keeps what it has. */
  others?: Others
  /** What earlier passes of this process did: objects that are still as they left them are not written again. */
  memory?: SyncMemory
}

export interface SyncResult {
  created: ObjectRef[]
  updated: ObjectRef[]
  unchanged: number
  pruned: ObjectRef[]
  /** Of these, people who were marked as going now: they are deleted when the guard lets go what they have. */
  going: ObjectRef[]
  /** Objects that another source keeps. */
  conflicts: { ref: ObjectRef; holder: string; place: string }[]
  /** Objects that came from another source, which declares them no more. */
  takenOver: { ref: ObjectRef; from: string }[]
  /** Objects that it declares no more and another source does: that one takes them over. */
  moving: { ref: ObjectRef; to: string }[]
  /** Sources that have to be read before anything is pruned: it may have moved there. */
  waitsFor: readonly string[]
  /** Objects that could not be written, with the reason; they are tried again. */
  failed: { ref: ObjectRef; reason: Reason; message: string }[]
  /** No longer in the source, and not deleted. */
  kept: { refs: ObjectRef[]; reason: Reason; message: string } | undefined
  /** What was changed or taken, as it was, for whoever remembers that. */
  was: { object: DeclaredResource; place: string }[]
  /** Fields with another value that were taken from other managers. */
  taken: { ref: ObjectRef; fields: FieldOwner[] }[]
  /** Organizations that a person has frozen, and that the source would thaw: they stay frozen. */
  frozen: { ref: ObjectRef; by: string; place: string }[]
  /** Size of the inventory afterwards. */
  objects: number
}

/** How often an object that changes under our hands is read and decided anew in one pass. */
export const RACES = 3
