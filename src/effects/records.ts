import { isConflict, RosterError } from '../api/errors.ts'
import type { AnyManifest, RecordResource, SpecOf } from '../api/kinds.ts'
import type { MembershipSpec } from '../api/membership.ts'
import {
  API_VERSION,
  FINALIZER,
  LABELS,
  MANAGED_BY,
  MANAGERS,
  RECORD_FINALIZER,
  type RecordKind,
} from '../api/names.ts'
import type { ResourceStore } from '../store/store.ts'
import type { Effects, Explained, MailKeeper } from './effects.ts'

/** Replaces the spec of a record as it was read. @throws ConflictError when it was written meanwhile */
export const replaceRead = async <R extends MailKeeper>(
  store: Pick<ResourceStore, 'replace'>,
  { kind, metadata: { name, resourceVersion } }: R,
  spec: R['spec'],
): Promise<R> => {
  // One kind and its own spec, which a type parameter cannot say of a union.
  const record = { kind, name, spec } as { kind: 'Membership'; name: string; spec: MembershipSpec }
  return (await store.replace(record, { ifVersion: resourceVersion })) as MailKeeper as R
}

/** Who is told of a write: the audit trail, or the plan. */
export interface Teller {
  /** Before a write that takes something or cannot be taken back; when it throws, the write does not happen. */
  intent(what: Explained): Promise<void>
  /** After such a write. */
  result(what: Explained): Promise<void>
  /** After a write that is its own proof. */
  change(what: Explained): Promise<void>
}

/** A write through {@link Effects.updateMembership} would take something from somebody. A mistake of the program: nothing was written. */
export class UnpermittedLossError extends RosterError {
  readonly retry = 'never'
  readonly reason = 'NotAllowed'
  constructor(name: string) {
    super(`Membership/${name}: this write takes access, which needs a permit`)
  }
}

/** All effects but those on the outside world. */
export type RecordEffects = Omit<Effects, 'mail' | 'mailHeldUntil'>

/** The effects that are writes of records and of Roster's own resources. Live and planned effects share them and differ in whom they tell. */
export const recordEffects = (options: {
  store: ResourceStore
  tell: Teller
  /** Whether the second state has less than the first: `takesAccess` of `decide/membership`. */
  takes: (before: MembershipSpec, after: MembershipSpec) => boolean
}): RecordEffects => {
  const { store, tell, takes } = options
  const replace = <K extends RecordKind>(kind: K, name: string, spec: SpecOf<K>, ifVersion: string) =>
    store.replace({ kind, name, spec }, { ifVersion })

  /** Makes a record, or gives the one back that somebody else made: its name derives from its key, so it is the same thing. */
  const createRecord = async <K extends RecordKind>(
    kind: K,
    name: string,
    spec: SpecOf<K>,
    labels: Record<string, string>,
  ) => {
    try {
      const made = await store.create(
        { kind, metadata: { name, labels: { [LABELS.managedBy]: MANAGED_BY, ...labels } }, spec },
        { manager: MANAGERS.controller },
      )
      return { record: made, isNew: true }
    } catch (error) {
      if (!isConflict(error)) throw error
      const found = await store.get(kind, name)
      if (!found) throw error
      return { record: found, isNew: false }
    }
  }

  /** Only Roster itself takes a record away: marked first, then let go of. Cut off in between, the next pass lets go. */
  const removeRecord = async ({ kind, metadata }: RecordResource): Promise<void> => {
    const { name, uid, resourceVersion } = metadata
    const marked = await store.delete({ kind, name }, { ifUid: uid, ifVersion: resourceVersion })
    if (!marked) return
    const others = (marked.metadata.finalizers ?? []).filter(one => one !== RECORD_FINALIZER)
    await store.setFinalizers({ kind, name }, others, { ifVersion: marked.metadata.resourceVersion })
  }

  /** Makes a record, writes it as it was read, or takes it away. */
  const writeRecord = async <K extends 'RemovalSet' | 'DirectoryRecord'>(
    kind: K,
    name: string,
    before: RecordResource | undefined,
    spec: SpecOf<K> | undefined,
    labels: Record<string, string>,
  ): Promise<void> => {
    if (!spec) {
      if (before) await removeRecord(before)
    } else if (before) await replace(kind, name, spec, before.metadata.resourceVersion)
    else await createRecord(kind, name, spec, labels)
  }

  return {
    createMembership: async (name, spec, what) => {
      const labels = { [LABELS.organization]: spec.organization }
      const { record, isNew } = await createRecord('Membership', name, spec, labels)
      if (isNew) await tell.change(what)
      return record
    },

    updateMembership: async (before, spec, what) => {
      if (takes(before.spec, spec)) throw new UnpermittedLossError(before.metadata.name)
      const written = await replace('Membership', before.metadata.name, spec, before.metadata.resourceVersion)
      await tell.change(what)
      return written
    },

    takeAccess: async (before, spec, permit, what) => {
      const explained = { ...what, actor: permit.producer, because: permit.because }
      await tell.intent(explained)
      const written = await replace('Membership', before.metadata.name, spec, before.metadata.resourceVersion)
      await tell.result(explained)
      return written
    },

    createAccount: async (name, spec, what) => {
      await tell.intent(what)
      const { record } = await createRecord('Account', name, spec, {})
      await tell.result(what)
      return record
    },

    writeSeats: async ({ name, before, spec }, what) => {
      const written = before
        ? await replace('SeatLedger', name, spec, before.metadata.resourceVersion)
        : await store.create(
            { kind: 'SeatLedger', metadata: { name, labels: { [LABELS.managedBy]: MANAGED_BY } }, spec },
            { manager: MANAGERS.controller },
          )
      await tell.change(what)
      return written
    },

    writeRemovalSet: async ({ name, before, spec }, what) => {
      const labels = spec ? { [LABELS.organization]: spec.organization } : {}
      await writeRecord('RemovalSet', name, before, spec, labels)
      await tell.change(what)
    },

    writeDirectoryRecord: async ({ name, before, spec }, what) => {
      await writeRecord('DirectoryRecord', name, before, spec, {})
      await tell.change(what)
    },

    createGenerated: async (object, what) => {
      await store.create(object, { manager: MANAGERS.controller, finalizers: [FINALIZER] })
      await tell.change(what)
    },

    updateGenerated: async (object, { ifUid }, what) => {
      const manifest = { apiVersion: API_VERSION, ...object } as unknown as AnyManifest
      await store.apply(manifest, { manager: MANAGERS.controller, ifUid })
      await tell.change(what)
    },

    removeGenerated: async ({ kind, name, uid }, what) => {
      try {
        await store.delete({ kind, name }, { ifUid: uid })
      } catch (error) {
        // Gone already is as good.
        if (error instanceof RosterError && error.reason === 'ReferenceNotFound') return
        throw error
      }
      await tell.change(what)
    },
  } satisfies RecordEffects
}

/** The kinds of act, as the audit trail names them: `mail.send`, `access.take`. */
export const actionOf = (change: { target: string; action: string }): string => `${change.target}.${change.action}`
