import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AnyManifest, ResourceOf, SpecOf, StatusOf } from '../../api/kinds.ts'
import type { DeclaredKind, Kind, RecordKind } from '../../api/names.ts'
import { type Clock, timestamp } from '../../ports/clock.ts'
import { NotFoundError, StoreUnusableError } from '../errors.ts'
import { decideDelete, decideFinalizers } from '../semantics/deletion.ts'
import type { StoredObject } from '../semantics/object.ts'
import { ownerRows } from '../semantics/ownership.ts'
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
  StoreInfo,
  WatchEvent,
  WatchOptions,
} from '../store.ts'
import { randomId, randomUid } from '../uid.ts'
import { Changes } from './changes.ts'
import { Connection } from './connection.ts'
import { embeddedEventLog } from './eventlog.ts'
import { FILES, type Machine, prepareFolder, thisMachine } from './folder.ts'
import { EmbeddedLease } from './lease.ts'
import { Objects } from './objects.ts'
import { ensureSchema } from './schema.ts'
import { Settings } from './settings.ts'

export interface EmbeddedStoreOptions {
  /** Folder of the store, made if it is not there; `:memory:` for tests: nothing is kept, no other process sees it. */
  folder: string
  clock: Clock
  /** False: a folder without a store is an error, and nothing is made. For verbs that only look. */
  create?: boolean
  /** Random bytes, for uids and the realm. */
  random?: (bytes: number) => Uint8Array
  /** Waits so many milliseconds of real time: for locks of the file and of the lease, which no Clock drives. */
  sleep?: (milliseconds: number) => Promise<void>
  /** How long a lock of another process is waited for, in milliseconds; 10 s when absent. */
  patience?: number
  /** How long a holder that says nothing keeps the lease, in milliseconds; 15 s when absent. */
  leaseDuration?: number
  /** Deletions that are remembered for watchers: so many, so long (milliseconds); 10,000 and one day when absent. */
  keepDeletions?: { count: number; age: number }
  /** What is asked of the machine about the folder. */
  machine?: Machine
}

/** Runs before the first statement of each write, inside its transaction. @throws LeaseLostError */
type Fence = (() => void) | undefined

/** What the store of a process and the one of its lease's holder share. */
interface Core {
  connection: Connection
  objects: Objects
  changes: Changes
  settings: Settings
  lease: EmbeddedLease
  options: Required<Pick<EmbeddedStoreOptions, 'clock' | 'random' | 'keepDeletions'>>
}

const DAY = 86_400_000
/** Deletions between two looks whether old ones can be forgotten. */
const COMPACT_EVERY = 100

/**
 * Opens the store in a folder: one SQLite file, readable and writable by several processes at once.
 * @throws StoreUnusableError with a remedy: newer than this build, foreign, damaged, read-only, another's, on a network file system, locked, disk full
 */
export const openEmbeddedStore = async (options: EmbeddedStoreOptions): Promise<ResourceStore> => {
  const { clock, random = randomBytes, patience = 10_000, keepDeletions = { count: 10_000, age: DAY } } = options
  const pause = options.sleep ?? (milliseconds => sleep(milliseconds))
  const memory = options.folder === ':memory:'
  if (!memory && options.create === false && !existsSync(join(options.folder, FILES.store))) {
    throw new StoreUnusableError(
      `${options.folder} holds no store`,
      'name the folder with `--data DIR`; `roster run` or `roster apply` makes one',
    )
  }
  const folder = memory ? undefined : prepareFolder(options.folder, options.machine ?? thisMachine)
  const file = folder === undefined ? ':memory:' : join(folder, FILES.store)
  const connection = await Connection.open({ file, sleep: pause, jitter: Math.random, patience }, db =>
    ensureSchema(db, { file, realm: () => randomId(random) }),
  )
  const objects = new Objects(connection)
  const changes = new Changes(connection, objects)
  const lease = new EmbeddedLease({
    connection,
    changes,
    clock,
    sleep: pause,
    lockFile: folder === undefined ? undefined : join(folder, FILES.lease),
    duration: options.leaseDuration ?? 15_000,
    fenced: fence => new EmbeddedStore(core, fence),
  })
  const core: Core = {
    connection,
    objects,
    changes,
    settings: new Settings(connection, objects),
    lease,
    options: { clock, random, keepDeletions },
  }
  return new EmbeddedStore(core, undefined)
}

class EmbeddedStore implements ResourceStore {
  readonly events: EventLog
  readonly lease: LeaseTable
  readonly #core: Core
  readonly #fence: Fence
  #deletions = 0

  constructor(core: Core, fence: Fence) {
    this.#core = core
    this.#fence = fence
    this.lease = core.lease
    this.events = embeddedEventLog(core.connection, write => this.#write(false, write))
  }

  async get<K extends Kind>(kind: K, name: string): Promise<ResourceOf<K> | undefined> {
    const { connection, objects } = this.#core
    return (await connection.readOne(() => objects.get(kind, name))) as ResourceOf<K> | undefined
  }

  async list<K extends Kind>(kind: K, options: ListOptions = {}): Promise<List<ResourceOf<K>>> {
    const { items, version } = await this.#core.changes.list(kind)
    const labels = Object.entries(options.labels ?? {})
    const matching =
      labels.length === 0
        ? items
        : items.filter(({ metadata }) => labels.every(([key, value]) => metadata.labels?.[key] === value))
    return { items: matching as unknown as ResourceOf<K>[], resourceVersion: String(version) }
  }

  watch(options: WatchOptions): AsyncIterable<WatchEvent> {
    return this.#core.changes.watch(options)
  }

  async create<K extends Kind>(
    object: NewObject<K>,
    options: { manager: string; finalizers?: string[] },
  ): Promise<ResourceOf<K>> {
    const ref = { kind: object.kind, name: object.metadata.name }
    return resource<K>(
      await this.#change(ref, true, (standing, birth) => decideCreate(standing, object, options, birth)),
    )
  }

  async apply<K extends DeclaredKind>(desired: AnyManifest & { kind: K }, options: ApplyOptions): Promise<Applied<K>> {
    const ref = { kind: desired.kind, name: desired.metadata.name }
    return this.#write(true, () => {
      const standing = this.#core.objects.find(ref.kind, ref.name)
      const { write, taken } = decideApply(standing, desired, options, this.#birth())
      const object = resource<K>(this.#store(write, standing))
      return { object, outcome: write.is === 'unchanged' ? 'unchanged' : standing ? 'updated' : 'created', taken }
    })
  }

  async replace<K extends RecordKind>(
    record: { kind: K; name: string; spec: SpecOf<K> },
    options: { ifVersion: string },
  ): Promise<ResourceOf<K>> {
    return resource<K>(await this.#change(record, true, standing => decideReplace(standing, record, options)))
  }

  async patchStatus<K extends DeclaredKind>(
    ref: { kind: K; name: string },
    status: StatusOf<K> | undefined,
    options: { ifUid: string; ifVersion?: string },
  ): Promise<ResourceOf<K>> {
    return resource<K>(await this.#change(ref, false, standing => decideStatus(standing, ref, status, options)))
  }

  async setFinalizers<K extends Kind>(
    ref: { kind: K; name: string },
    finalizers: string[],
    options: { ifVersion: string },
  ): Promise<ResourceOf<K> | undefined> {
    const left = await this.#change(ref, true, standing => decideFinalizers(standing, ref, finalizers, options))
    return left && resource<K>(left)
  }

  async annotate<K extends Kind>(
    ref: { kind: K; name: string },
    annotations: Record<string, string | null>,
    options: { manager: string; ifUid?: string },
  ): Promise<ResourceOf<K>> {
    return resource<K>(await this.#change(ref, true, standing => decideAnnotate(standing, ref, annotations, options)))
  }

  async delete<K extends Kind>(
    ref: { kind: K; name: string },
    preconditions: { ifUid?: string; ifVersion?: string } = {},
  ): Promise<ResourceOf<K> | undefined> {
    const left = await this.#change(ref, true, (standing, birth) =>
      decideDelete(standing, ref, preconditions, birth.now),
    )
    return left && resource<K>(left)
  }

  async owners(ref: { kind: Kind; name: string }): Promise<FieldOwner[]> {
    const { connection, objects } = this.#core
    const standing = await connection.readOne(() => objects.find(ref.kind, ref.name))
    if (!standing) throw new NotFoundError(ref)
    return isRecord(ref.kind) ? [] : ownerRows(standing.owners())
  }

  info(): Promise<StoreInfo> {
    return this.#core.connection.read(() => this.#core.settings.info())
  }

  bind(binding: Binding, options: { rebind?: boolean } = {}): Promise<Binding> {
    return this.#write(true, () => this.#core.settings.bind(binding, options.rebind === true))
  }

  marks(): Promise<Marks> {
    return this.#core.connection.read(() => this.#core.settings.marks())
  }

  mark(decide: (marks: Marks) => Marks): Promise<Marks> {
    return this.#write(true, () => this.#core.settings.mark(decide))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The store of a lease's holder is a view: the file is closed by who opened it.
    if (this.#fence) return
    this.#core.changes.close()
    await this.#core.lease.close()
    await this.#core.connection.close()
  }

  /** One read of one object, one decision, one write. */
  #change(
    ref: { kind: Kind; name: string },
    durable: boolean,
    decide: (standing: Standing | undefined, birth: Birth) => Write,
  ): Promise<StoredObject | undefined> {
    return this.#write(durable, () => {
      const standing = this.#core.objects.find(ref.kind, ref.name)
      return this.#store(decide(standing, this.#birth()), standing)
    })
  }

  #store(write: Write, standing: ReturnType<Objects['find']>): StoredObject | undefined {
    const { objects, options } = this.#core
    const now = options.clock.now()
    const object = objects.store(write, standing, now)
    if (write.is === 'removed') {
      this.#deletions += 1
      if (this.#deletions % COMPACT_EVERY === 1) {
        objects.compact({ keep: options.keepDeletions.count, olderThan: now - options.keepDeletions.age })
      }
    }
    return object
  }

  #write<T>(durable: boolean, write: () => T): Promise<T> {
    const fence = this.#fence
    return this.#core.connection.write({ durable }, () => {
      fence?.()
      return write()
    })
  }

  #birth(): Birth {
    const { clock, random } = this.#core.options
    return { now: timestamp(clock.now()), uid: () => randomUid(random) }
  }
}

/** What the contract names by kind, the rows of a file hold without. */
const resource = <K extends Kind>(object: StoredObject | undefined): ResourceOf<K> => object as unknown as ResourceOf<K>
