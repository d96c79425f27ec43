import type { AnyResource } from '../../api/kinds.ts'
import { ownerRows } from '../semantics/ownership.ts'
import { isRecord } from '../semantics/write.ts'
import type { StoreSnapshot } from '../snapshot.ts'
import { KubeClient } from './client.ts'
import { type ClusterOptions, openCluster } from './cluster.ts'
import { Definitions, isDeleting, undeleted } from './definitions.ts'
import { LeaseRecord, stateOf } from './leaserecord.ts'
import { ownersOf } from './managedfields.ts'
import { ObjectReader } from './objectreader.ts'
import { objectOf } from './objects.ts'
import { KubernetesRealm } from './realm.ts'

/**
 * Everything in a namespace as it was at one moment, while anybody may go on writing: an API server keeps old versions for some minutes, and all kinds are read at the same one.
 * @throws StoreUnusableError there is no realm, or it is being restored
 */
export const snapshotKubernetes = async (
  options: ClusterOptions & { now: () => number },
): Promise<StoreSnapshot & Disposable> => {
  const client = new KubeClient(await openCluster(options))
  try {
    const reader = new ObjectReader(client)
    const definitions = new Definitions(client)
    const realm = new KubernetesRealm(client, { create: false, random: () => new Uint8Array() })
    const facts = await realm.facts()
    const resourceVersion = await reader.newestVersion()
    const lease = await new LeaseRecord(client).read()
    const state = lease && stateOf(lease, options.now())
    return {
      info: { ...facts, resourceVersion },
      lease: { epoch: state?.epoch ?? 0, clockMark: state?.clockMark },
      async *objects(kind) {
        // Of a moment that is over: one answer is true of all of them.
        let isGoing: Promise<boolean> | undefined
        for await (const raw of reader.listAt(kind, resourceVersion)) {
          const stored = objectOf(kind, raw)
          if (isDeleting(stored)) isGoing ??= definitions.isGoing(kind)
          const object = (await isGoing) ? undeleted(stored) : stored
          yield {
            object: object as unknown as AnyResource,
            owners: isRecord(kind) ? [] : ownerRows(ownersOf(raw.metadata.managedFields)),
          }
        }
      },
      [Symbol.dispose]: () => client.close(),
    }
  } catch (error) {
    client.close()
    throw error
  }
}
