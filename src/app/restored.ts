import { type Restored, restoredText, restoreHash, unreadSince } from '../decide/restoring.ts'
import type { AuditLog } from '../ports/audit.ts'
import type { Restoring } from '../reconcilers/frozen.ts'
import type { ResourceStore } from '../store/store.ts'
import type { Snapshot } from './snapshot.ts'

/** Whether a store came out of a backup and nobody has approved yet what it would do. */
export const restoredOf = async (store: Pick<ResourceStore, 'marks' | 'info'>): Promise<Restored | undefined> => {
  const { restored } = await store.marks()
  return restored && { ...restored, hash: restoreHash((await store.info()).realm) }
}

/** Everything that a restored realm would do, and what has to be so before an Approval lets it. */
export interface HeldRestore extends Restored {
  /** Sources and directories that were not read completely since the restore: `Source/people`. */
  unread: string[]
}

/** The same for `roster approve`, with what it still waits for. */
export const heldRestore = (restored: Restored, { cache }: Pick<Snapshot, 'cache'>): HeldRestore => ({
  ...restored,
  unread: unreadSince({ sources: cache.list('Source'), directories: cache.list('Directory') }, restored),
})

/**
 * Holds the effects of a loop until an Approval lets them go, once and for good. Only the holder of the lease asks and releases, so what it read at its start is so until then.
 * @param released called when they are let go
 */
export const restoringLoop = (
  { store, audit }: { store: Pick<ResourceStore, 'mark'>; audit: AuditLog },
  first: Restored | undefined,
  released: () => void,
): Restoring => {
  let restored = first
  return {
    current: () => restored,
    release: async approval => {
      if (restored === undefined) return
      const line = {
        actor: approval.actor,
        action: 'restore.approve',
        target: `Approval/${approval.name}`,
        because: approval.reason,
      }
      await audit.append({ ...line, phase: 'intent', before: { ...restored } })
      await store.mark(({ restored: _, ...marks }) => marks)
      restored = undefined
      await audit.append({ ...line, phase: 'result' })
      released()
    },
  }
}

/** For a plan, which shows what would happen. */
export const notRestored: Restoring = { current: () => undefined, release: async () => undefined }

/** What the command line says of it. */
export { restoredText }
