import { randomBytes } from 'node:crypto'
import type { AnyManifest, ResourceOf, SpecOf, StatusOf } from '../../api/kinds.ts'
import type { DeclaredKind, Kind, RecordKind } from '../../api/names.ts'
import type { Clock } from '../../ports/clock.ts'
import type { MissingRights } from '../../ports/rights.ts'
import type { SecretObjects } from '../../ports/secretobjects.ts'
import { InvalidError, NotFoundError } from '../errors.ts'
import type { StoredObject } from '../semantics/object.ts'
import { ownerRows } from '../semantics/ownership.ts'
import { checkedRef, isRecord } from '../semantics/write.ts'
import type {
  Applied,
  ApplyOptions,
  Binding,
  EventLog,
  FieldOwner,
  LeaseTable,
  List,
  ListOptions,
  Marks,
  NewObject,
  ResourceStore,
  StoreInfo,
  WatchEvent,
  WatchOptions,
} from '../store.ts'
import { KubeClient, type KubeRequest } from './client.ts'
import { type ClusterOptions, openCluster } from './cluster.ts'
import { Definitions } from './definitions.ts'
import { kubernetesEventLog } from './eventlog.ts'
import type { LeaseTimes } from './heldlease.ts'
import { KubernetesLease, LEASE_TIMES } from './lease.ts'
import { LeaseRecord } from './leaserecord.ts'
import { ownersOf } from './managedfields.ts'
import { ObjectReader } from './objectreader.ts'
import { type Fence, ObjectWriter } from './objectwriter.ts'
import { KubernetesRealm } from './realm.ts'
import { kubernetesSecrets } from './secrets.ts'
import { watchKinds } from './watch.ts'

export interface KubernetesStoreOptions extends ClusterOptions {
  clock: Pick<Clock, 'now'>
  /** False: a namespace that holds no realm is an error, found by `info`, and nothing is made. For verbs that only look. */
  create?: boolean
  /** True: also a realm that is being restored, whose loop nobody else may run. */
  restoring?: boolean
  /** Random bytes, for the realm's id. */
  random?: (bytes: number) => Uint8Array
  /** In [0, 1): spreads retries. */
  jitter?: () => number
  /** 15, 10 and 2 seconds when absent. */
  leaseTimes?: LeaseTimes
  /** Milliseconds between bookmarks of a watch while nothing happens; 15 s when absent. */
  idleBookmarks?: number
}

/** A store in a cluster, with what else its namespace keeps. */
export interface ClusterStore extends ResourceStore {
  readonly place: { readonly server: string; readonly namespace: string }
  /** The rights that requests of this store lacked. */
  readonly rights: MissingRights
  /** The Secrets of a namespace, the store's own when absent. Usable until the store is closed. */
  secrets(namespace?: string): SecretObjects
}

/** What the store of a process and the one of its lease's holder share. */
interface Core {
  client: KubeClient
  reader: ObjectReader
  definitions: Definitions
  realm: KubernetesRealm
  lease: KubernetesLease
  jitter: () => number
  closing: AbortController
  idleBookmarks: number
  /** Watches that make a bookmark when somebody asked for the newest version. */
  asked: Set<() => void>
}

/**
 * Opens one namespace of a cluster as a store. Nothing is asked of the cluster yet.
 * @throws StoreUnusableError when there is no usable kubeconfig
 */
export const openKubernetesStore = async (options: KubernetesStoreOptions): Promise<ClusterStore> => {
  const {
    clock,
    random = randomBytes,
    jitter = Math.random,
    leaseTimes = LEASE_TIMES,
    idleBookmarks = 15_000,
  } = options
  const client = new KubeClient(await openCluster(options), { random: jitter })
  const realm = new KubernetesRealm(client, {
    random,
    create: options.create !== false,
    restoring: options.restoring === true,
  })
  const lease = new KubernetesLease({
    admit: () => realm.admit(),
    record: new LeaseRecord(client),
    times: leaseTimes,
    random: jitter,
    now: () => clock.now(),
    fenced: fence => new KubernetesStore(core, fence),
  })
  const core: Core = {
    client,
    reader: new ObjectReader(client),
    definitions: new Definitions(client),
    realm,
    lease,
    jitter,
    closing: new AbortController(),
    idleBookmarks,
    asked: new Set(),
  }
  return new KubernetesStore(core, undefined)
}

class KubernetesStore implements ClusterStore {
  readonly events: EventLog
  readonly lease: LeaseTable
  readonly #core: Core
  readonly #fence: Fence | undefined
  readonly #writer: ObjectWriter

  constructor(core: Core, fence: Fence | undefined) {
    this.#core = core
    this.#fence = fence
    this.#writer = new ObjectWriter(core.client, core.reader, fence)
    this.lease = core.lease
    this.events = kubernetesEventLog(core.client, request => this.#send(request))
  }

  async get<K extends Kind>(kind: K, name: string): Promise<ResourceOf<K> | undefined> {
    checkedRef(kind, name)
    const found = await this.#core.reader.get(kind, name)
    return found && this.#shown<K>(kind, found)
  }

  async list<K extends Kind>(kind: K, options: ListOptions = {}): Promise<List<ResourceOf<K>>> {
    const labels = Object.entries(options.labels ?? {}).map(([key, value]) => `${key}=${value}`)
    const { items, resourceVersion } = await this.#core.reader.list(kind, labels.join(',') || undefined)
    const shown = await this.#core.definitions.shown(kind, items)
    return { items: shown as unknown as ResourceOf<K>[], resourceVersion }
  }

  watch(options: WatchOptions): AsyncIterable<WatchEvent> {
    const { client, definitions, jitter, closing, asked, idleBookmarks: idle } = this.#core
    const signal = AbortSignal.any([options.signal, closing.signal])
    const newestVersion = () => this.#core.reader.newestVersion({ timeout: 5_000, patience: 5_000 })
    const onAsked = (listener: () => void) => {
      asked.add(listener)
      return () => void asked.delete(listener)
    }
    return watchKinds({ ...options, signal, client, definitions, random: jitter, newestVersion, onAsked, idle })
  }

  async create<K extends Kind>(
    object: NewObject<K>,
    options: { manager: string; finalizers?: string[] },
  ): Promise<ResourceOf<K>> {
    const ref = checkedRef(object.kind, object.metadata.name)
    return resource<K>(await this.#writer.create(ref, object as NewObject<Kind>, options))
  }

  async apply<K extends DeclaredKind>(desired: AnyManifest & { kind: K }, options: ApplyOptions): Promise<Applied<K>> {
    const ref = checkedRef(desired.kind, desired.metadata.name)
    const applied = await this.#writer.apply(ref, desired, options)
    return { ...applied, object: await this.#shown<K>(ref.kind, applied.object) }
  }

  async replace<K extends RecordKind>(
    record: { kind: K; name: string; spec: SpecOf<K> },
    options: { ifVersion: string },
  ): Promise<ResourceOf<K>> {
    const ref = checkedRef(record.kind, record.name)
    return this.#shown<K>(ref.kind, await this.#writer.replace(ref, record.spec, options.ifVersion))
  }

  async patchStatus<K extends DeclaredKind>(
    wanted: { kind: K; name: string },
    status: StatusOf<K> | undefined,
    options: { ifUid: string; ifVersion?: string },
  ): Promise<ResourceOf<K>> {
    const ref = checkedRef(wanted.kind, wanted.name)
    if (isRecord(ref.kind)) throw new InvalidError(`${ref.kind}/${ref.name} is a record; records have no status`)
    return this.#shown<K>(ref.kind, await this.#writer.patchStatus(ref, status, options))
  }

  async setFinalizers<K extends Kind>(
    wanted: { kind: K; name: string },
    finalizers: string[],
    options: { ifVersion: string },
  ): Promise<ResourceOf<K> | undefined> {
    const ref = checkedRef(wanted.kind, wanted.name)
    const left = await this.#writer.setFinalizers(ref, finalizers, options.ifVersion)
    return left && this.#shown<K>(ref.kind, left)
  }

  async annotate<K extends Kind>(
    wanted: { kind: K; name: string },
    annotations: Record<string, string | null>,
    options: { manager: string; ifUid?: string },
  ): Promise<ResourceOf<K>> {
    const ref = checkedRef(wanted.kind, wanted.name)
    return this.#shown<K>(ref.kind, await this.#writer.annotate(ref, annotations, options))
  }

  async delete<K extends Kind>(
    wanted: { kind: K; name: string },
    preconditions: { ifUid?: string; ifVersion?: string } = {},
  ): Promise<ResourceOf<K> | undefined> {
    const left = await this.#writer.delete(checkedRef(wanted.kind, wanted.name), preconditions)
    return left && resource<K>(left)
  }

  async owners(wanted: { kind: Kind; name: string }): Promise<FieldOwner[]> {
    const ref = checkedRef(wanted.kind, wanted.name)
    const raw = await this.#core.reader.read(ref.kind, ref.name)
    if (!raw) throw new NotFoundError(ref)
    return isRecord(ref.kind) ? [] : ownerRows(ownersOf(raw.metadata.managedFields))
  }

  async info(): Promise<StoreInfo> {
    const facts = await this.#core.realm.facts()
    const resourceVersion = await this.#core.reader.newestVersion()
    for (const listener of this.#core.asked) listener()
    return { ...facts, resourceVersion }
  }

  bind(binding: Binding, options: { rebind?: boolean } = {}): Promise<Binding> {
    return this.#core.realm.bind(binding, options.rebind === true, request => this.#send(request))
  }

  marks(): Promise<Marks> {
    return this.#core.realm.marks()
  }

  mark(decide: (marks: Marks) => Marks): Promise<Marks> {
    return this.#core.realm.mark(decide, request => this.#send(request))
  }

  get place(): ClusterStore['place'] {
    const { server, namespace } = this.#core.client.cluster
    return { server, namespace }
  }

  get rights(): MissingRights {
    return this.#core.client.rights
  }

  secrets(namespace: string = this.place.namespace): SecretObjects {
    return kubernetesSecrets(this.#core.client, namespace)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The store of a lease's holder is a view: connections are closed by who opened them.
    if (this.#fence) return
    this.#core.closing.abort()
    await this.#core.lease.close()
    this.#core.client.close()
  }

  /** Without a deletion that nobody ordered. */
  async #shown<K extends Kind>(kind: Kind, object: StoredObject): Promise<ResourceOf<K>> {
    return resource<K>(await this.#core.definitions.one(kind, object))
  }

  async #send<T>(request: KubeRequest): Promise<T> {
    const { client } = this.#core
    const fence = this.#fence
    if (!fence) return (await client.request<T>(request)).body
    return (await fence.during(() => client.request<T>({ ...request, fence: () => fence.check() }))).body
  }
}

/** What the contract names by kind, the cluster holds without. */
const resource = <K extends Kind>(object: StoredObject): ResourceOf<K> => object as unknown as ResourceOf<K>
