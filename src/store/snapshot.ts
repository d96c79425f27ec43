import type { AnyResource } from '../api/kinds.ts'
import type { Kind } from '../api/names.ts'
import type { FieldOwner, ResourceStore, StoreInfo } from './store.ts'

/** An object with who owns which of its fields. */
export interface OwnedObject {
  object: AnyResource
  owners: readonly FieldOwner[]
}

/** All that a store holds: for a backup. */
export interface StoreSnapshot {
  info: StoreInfo
  lease: {
    epoch: number
    /** RFC 3339. */
    clockMark: string | undefined
  }
  /** All objects of a kind. @throws GoneError when the moment of the snapshot is forgotten: take another */
  objects(kind: Kind): AsyncIterable<OwnedObject>
}

/** Of a store that nobody writes to meanwhile. */
export const snapshotOf = async (store: ResourceStore): Promise<StoreSnapshot> => {
  const [info, lease] = [await store.info(), await store.lease.read()]
  return {
    info,
    lease: { epoch: lease?.epoch ?? 0, clockMark: lease?.clockMark },
    async *objects(kind) {
      for (const object of (await store.list(kind)).items)
        yield { object, owners: await store.owners({ kind, name: object.metadata.name }) }
    },
  }
}
