import { randomBytes } from 'node:crypto'
import type { AnyManifest, AnyResource, ResourceOf, SpecOf, StatusOf } from '../../api/kinds.ts'
import type { DeclaredKind, Kind, RecordKind } from '../../api/names.ts'
import { type Clock, timestamp } from '../../ports/clock.ts'
import { bindingText } from '../binding.ts'
import { BindingError, NotFoundError } from '../errors.ts'
import { decideDelete, decideFinalizers } from '../semantics/deletion.ts'
import type { Owners, StoredObject } from '../semantics/object.ts'
import { ownerRows, ownersOf } from '../semantics/ownership.ts'
import { type Birth, isRecord, type Standing, type Write } from '../semantics/write.ts'
import { decideAnnotate, decideApply, decideCreate, decideReplace, decideStatus } from '../semantics/writes.ts'
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
  StoreEvent,
  StoreInfo,
  WatchEvent,
  WatchOptions,
} from '../store.ts'
import { randomUid } from '../uid.ts'
import { ChangeLog } from './changelog.ts'
import { overlayEventLog } from './eventlog.ts'
import { OverlayLease } from './lease.ts'
import { type Snapshot, takeSnapshot } from './snapshot.ts'

export interface OverlayStoreOptions {
  clock: Clock
  /** Random bytes, for uids. A plan takes them from a seed. */
  random?: (bytes: number) => Uint8Array
  /** Instead of reading `base` once more. It stays as it is, however many overlays lie over it. */
  snapshot?: Snapshot
  /** By uid: who owns what in `snapshot`, where `base` does not know. */
  owners?: ReadonlyMap<string, Owners>
}

/**
 * A store over another one: copy-on-write, in memory. It shows `base` as it was at one version — the one this call reads — and its own writes on top; nothing
 * below is ever written. What others write to the base afterwards is not seen, except who owns a field of an object that the overlay has not written.
 */
export const overlayStore = async (base: ResourceStore, options: OverlayStoreOptions): Promise<ResourceStore> => {
  const snapshot = options.snapshot ?? (await takeSnapshot(base))
  const baseLease = await base.lease.read()
  const layer: Layer = {
    base,
    info: await base.info(),
    clock: options.clock,
    random: options.random ?? randomBytes,
    objects: options.snapshot
      ? new Map([...snapshot.objects].map(([kind, ofKind]) => [kind, new Map(ofKind)]))
      : snapshot.objects,
    unsorted: new Set(),
    owners: new Map(options.owners),
    log: new ChangeLog(snapshot.version),
    events: new Map(),
    binding: undefined,
    marks: await base.marks(),
    lease: new OverlayLease({
      clock: options.clock,
      epoch: baseLease?.epoch ?? 0,
      fenced: fence => new OverlayStore(layer, fence),
    }),
  }
  return new OverlayStore(layer, undefined)
}

/** What an overlay knows; shared with the store of its lease's holder. */
interface Layer {
  base: ResourceStore
  info: StoreInfo
  clock: Clock
  random: (bytes: number) => Uint8Array
  objects: Snapshot['objects']
  /** Kinds whose map has lost the order by name. */
  unsorted: Set<Kind>
  /** By uid, of objects written here or asked for. */
  owners: Map<string, Owners>
  log: ChangeLog
  events: Map<string, StoreEvent>
  binding: Binding | undefined
  marks: Marks
  lease: OverlayLease
}

class OverlayStore implements ResourceStore {
  readonly events: EventLog
  readonly lease: LeaseTable
  readonly #layer: Layer
  readonly #fence: (() => void) | undefined

  constructor(layer: Layer, fence: (() => void) | undefined) {
    this.#layer = layer
    this.#fence = fence
    this.lease = layer.lease
    this.events = overlayEventLog(layer.base, layer.events, () => fence?.())
  }

  async get<K extends Kind>(kind: K, name: string): Promise<ResourceOf<K> | undefined> {
    const object = this.#find(kind, name)
    return object && resource<K>(object)
  }

  async list<K extends Kind>(kind: K, options: ListOptions = {}): Promise<List<ResourceOf<K>>> {
    const { objects, unsorted, log } = this.#layer
    const ofKind = objects.get(kind) ?? new Map<string, AnyResource>()
    if (unsorted.delete(kind)) {
      objects.set(kind, new Map([...ofKind].sort(([a], [b]) => (a < b ? -1 : 1))))
      return this.list(kind, options)
    }
    const labels = Object.entries(options.labels ?? {})
    const items: ResourceOf<K>[] = []
    for (const object of ofKind.values()) {
      if (labels.every(([key, value]) => object.metadata.labels?.[key] === value)) items.push(resource<K>(object))
    }
    return { items, resourceVersion: log.version }
  }

  watch(options: WatchOptions): AsyncIterable<WatchEvent> {
    return this.#layer.log.watch(options)
  }

  async create<K extends Kind>(
    object: NewObject<K>,
    options: { manager: string; finalizers?: string[] },
  ): Promise<ResourceOf<K>> {
    const standing = this.#standing(object.kind, object.metadata.name, {})
    return resource<K>(this.#store(decideCreate(standing, object, options, this.#birth())))
  }

  async apply<K extends DeclaredKind>(desired: AnyManifest & { kind: K }, options: ApplyOptions): Promise<Applied<K>> {
    const { kind, metadata } = desired
    return this.#withOwners(kind, metadata.name, standing => {
      const { write, taken } = decideApply(standing, desired, options, this.#birth())
      const object = resource<K>(this.#store(write))
      return { object, outcome: write.is === 'unchanged' ? 'unchanged' : standing ? 'updated' : 'created', taken }
    })
  }

  async replace<K extends RecordKind>(
    record: { kind: K; name: string; spec: SpecOf<K> },
    options: { ifVersion: string },
  ): Promise<ResourceOf<K>> {
    return resource<K>(this.#store(decideReplace(this.#standing(record.kind, record.name, {}), record, options)))
  }

  async patchStatus<K extends DeclaredKind>(
    ref: { kind: K; name: string },
    status: StatusOf<K> | undefined,
    options: { ifUid: string; ifVersion?: string },
  ): Promise<ResourceOf<K>> {
    return resource<K>(this.#store(decideStatus(this.#standing(ref.kind, ref.name, {}), ref, status, options)))
  }

  async setFinalizers<K extends Kind>(
    ref: { kind: K; name: string },
    finalizers: string[],
    options: { ifVersion: string },
  ): Promise<ResourceOf<K> | undefined> {
    const left = this.#store(decideFinalizers(this.#standing(ref.kind, ref.name, {}), ref, finalizers, options))
    return left && resource<K>(left)
  }

  async annotate<K extends Kind>(
    ref: { kind: K; name: string },
    annotations: Record<string, string | null>,
    options: { manager: string; ifUid?: string },
  ): Promise<ResourceOf<K>> {
    return this.#withOwners(ref.kind, ref.name, standing =>
      resource<K>(this.#store(decideAnnotate(standing, ref, annotations, options))),
    )
  }

  async delete<K extends Kind>(
    ref: { kind: K; name: string },
    preconditions: { ifUid?: string; ifVersion?: string } = {},
  ): Promise<ResourceOf<K> | undefined> {
    const standing = this.#standing(ref.kind, ref.name, {})
    const left = this.#store(decideDelete(standing, ref, preconditions, timestamp(this.#layer.clock.now())))
    return left && resource<K>(left)
  }

  async owners(ref: { kind: Kind; name: string }): Promise<FieldOwner[]> {
    return this.#withOwners(ref.kind, ref.name, standing => {
      if (!standing) throw new NotFoundError(ref)
      return ownerRows(standing.owners())
    })
  }

  async info(): Promise<StoreInfo> {
    const { info, binding, log } = this.#layer
    return { ...info, resourceVersion: log.version, ...(binding && { binding: { ...binding } }) }
  }

  /** Binds only the overlay. The base's own binding cannot be read without binding it, so the first one here always holds. */
  async bind(binding: Binding, options: { rebind?: boolean } = {}): Promise<Binding> {
    this.#fence?.()
    const { binding: bound } = this.#layer
    const wanted = { mail: binding.mail, publicUrl: binding.publicUrl }
    const differs = bound && (bound.mail !== wanted.mail || bound.publicUrl !== wanted.publicUrl)
    if (differs && !options.rebind) throw new BindingError(bindingText(bound, wanted))
    this.#layer.binding = wanted
    return { ...wanted }
  }

  async marks(): Promise<Marks> {
    return this.#layer.marks
  }

  async mark(decide: (marks: Marks) => Marks): Promise<Marks> {
    this.#fence?.()
    this.#layer.marks = decide(this.#layer.marks)
    return this.#layer.marks
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Holds nothing but memory, and the base belongs to who opened it: only the watches end.
    if (!this.#fence) this.#layer.log.close()
  }

  #find(kind: Kind, name: string): StoredObject | undefined {
    return this.#layer.objects.get(kind)?.get(name) as StoredObject | undefined
  }

  #standing(kind: Kind, name: string, owners: Owners): Standing | undefined {
    const object = this.#find(kind, name)
    return object && { object, owners: () => owners }
  }

  /** Looks up who owns the fields, below if need be, and decides over the object as it stands after that. */
  async #withOwners<T>(kind: Kind, name: string, decide: (standing: Standing | undefined) => T): Promise<T> {
    const { owners, base } = this.#layer
    for (;;) {
      const uid = this.#find(kind, name)?.metadata.uid
      if (uid === undefined || isRecord(kind) || owners.has(uid)) {
        return decide(this.#standing(kind, name, (uid && owners.get(uid)) || {}))
      }
      const below = ownersOf(await ownersBelow(base, { kind, name }))
      // Somebody may have written it here meanwhile; then theirs hold.
      if (!owners.has(uid)) owners.set(uid, below)
    }
  }

  /** Takes a write over as the next change. @returns the object as it stands now; undefined when it is gone */
  #store(write: Write): StoredObject | undefined {
    this.#fence?.()
    if (write.is === 'unchanged') return write.object
    const { objects, owners, log, unsorted } = this.#layer
    const object = { ...write.object, metadata: { ...write.object.metadata, resourceVersion: log.next } }
    const { kind, metadata } = object
    const ofKind = objects.get(kind)
    if (!ofKind) throw new Error(`${kind} is no kind`)
    if (write.is === 'removed') {
      ofKind.delete(metadata.name)
      owners.delete(metadata.uid)
      log.append('DELETED', frozen(object) as unknown as AnyResource)
      return undefined
    }
    if (write.created) unsorted.add(kind)
    ofKind.set(metadata.name, object as unknown as AnyResource)
    if (write.owners) owners.set(metadata.uid, write.owners)
    log.append(write.created ? 'ADDED' : 'MODIFIED', frozen(object) as unknown as AnyResource)
    return object
  }

  #birth(): Birth {
    const { clock, random } = this.#layer
    return { now: timestamp(clock.now()), uid: () => randomUid(random) }
  }
}

/** Owners in the base; none where it is gone there by now. */
const ownersBelow = async (base: ResourceStore, ref: { kind: Kind; name: string }): Promise<FieldOwner[]> => {
  try {
    return await base.owners(ref)
  } catch (error) {
    if (error instanceof NotFoundError) return []
    throw error
  }
}

/** The same objects are handed out again and again: nobody can change them. */
const frozen = <T>(value: T): T => {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  Object.freeze(value)
  for (const part of Object.values(value)) frozen(part)
  return value
}

const resource = <K extends Kind>(object: AnyResource | StoredObject | undefined): ResourceOf<K> =>
  frozen(object) as unknown as ResourceOf<K>
