import { API_VERSION, type Kind } from '../../api/names.ts'
import type { Manifest, ObjectRef } from '../../api/resource.ts'
import { ConflictError, InvalidError, NotFoundError } from '../errors.ts'
import { firstFinalizers } from '../semantics/deletion.ts'
import { normalized } from '../semantics/fields.ts'
import { type Fields, plain, type StoredObject } from '../semantics/object.ts'
import type { Standing } from '../semantics/write.ts'
import { isRecord } from '../semantics/write.ts'
import { decideAnnotate, decideApply, decideStatus } from '../semantics/writes.ts'
import type { ApplyOptions, FieldOwner, NewObject } from '../store.ts'
import type { Answer, KubeClient, KubeRequest } from './client.ts'
import { joined, ownersOf } from './managedfields.ts'
import { errorOf, LostRaceError, type ObjectReader } from './objectreader.ts'
import { objectOf, pathOf, type RawObject } from './objects.ts'

/** Stands before the writes of a lease's holder. */
export interface Fence {
  /** Milliseconds that a write may take. @throws LeaseLostError */
  check(): number
  /** Carries a write out; a release waits for it. */
  during<T>(write: () => Promise<T>): Promise<T>
}

/** Field manager of what Roster writes in nobody's name: statuses, finalizers, records. */
const SYSTEM = 'roster'
/** How often a write that names no version is tried again when others were first. */
const RACES = 10

/** What the rules of a store need of a new object; the server gives both itself. */
const BIRTH = { now: '', uid: () => '' }

/**
 * Writes the objects in one namespace, with the promises of `ResourceStore`. The rules that other stores carry out themselves are asked here too (`semantics/`), over the object
 * as it was just read, and then the server is told, with the version that was read: so an answer names what was taken or held, nothing is written where nothing changes, and no
 * write overtakes another. A write that names no version is decided anew when somebody else was first.
 */
export class ObjectWriter {
  readonly #client: KubeClient
  readonly #reader: ObjectReader
  readonly #namespace: string
  readonly #fence: Fence | undefined

  constructor(client: KubeClient, reader: ObjectReader, fence: Fence | undefined) {
    this.#client = client
    this.#reader = reader
    this.#namespace = client.cluster.namespace
    this.#fence = fence
  }

  async create(
    ref: ObjectRef,
    object: NewObject<Kind>,
    options: { manager: string; finalizers?: string[] },
  ): Promise<StoredObject> {
    const { labels, annotations } = object.metadata
    const metadata = { name: ref.name, labels, annotations, finalizers: firstFinalizers(ref.kind, options.finalizers) }
    const raw = await this.#write(ref, {
      method: 'POST',
      path: pathOf(this.#namespace, ref.kind),
      query: { fieldManager: options.manager },
      body: { apiVersion: API_VERSION, kind: ref.kind, metadata, spec: specOf(ref.kind, object.spec) },
    })
    return objectOf(ref.kind, raw.body)
  }

  async apply(
    ref: ObjectRef,
    desired: Manifest<Kind>,
    options: ApplyOptions,
  ): Promise<{ object: StoredObject; outcome: 'created' | 'updated' | 'unchanged'; taken: FieldOwner[] }> {
    const { namespace, labels, annotations } = desired.metadata
    if (namespace !== undefined && namespace !== this.#namespace)
      throw new InvalidError(
        `${ref.kind}/${ref.name} names the namespace ${namespace}; this realm is ${this.#namespace}`,
      )
    return this.#race(options.ifVersion !== undefined, async () => {
      let live = await this.#reader.read(ref.kind, ref.name)
      const standing = live && standingOf(ref.kind, live)
      const { write, taken } = decideApply(standing, desired, options, BIRTH)
      if (standing && write.is === 'unchanged') return { object: standing.object, outcome: 'unchanged', taken: [] }
      if (live) live = await this.#join(ref, live, options.manager)
      const precondition = live && { uid: live.metadata.uid, resourceVersion: live.metadata.resourceVersion }
      const { code, body } = await this.#write(ref, {
        method: 'PATCH',
        patch: 'apply',
        path: pathOf(this.#namespace, ref.kind, ref.name),
        query: { fieldManager: options.manager, force: options.force ? 'true' : undefined },
        body: {
          apiVersion: API_VERSION,
          kind: ref.kind,
          metadata: { name: ref.name, labels, annotations, ...precondition },
          spec: specOf(ref.kind, desired.spec),
        },
      })
      const object = objectOf(ref.kind, body)
      if (code === 201) return { object, outcome: 'created', taken: [] }
      const unchanged = object.metadata.resourceVersion === standing?.object.metadata.resourceVersion
      return { object, outcome: unchanged ? 'unchanged' : 'updated', taken: unchanged ? [] : taken }
    })
  }

  async replace(ref: ObjectRef, spec: unknown, ifVersion: string): Promise<StoredObject> {
    if (!isRecord(ref.kind))
      throw new InvalidError(`${ref.kind}/${ref.name} is declared; declared objects are applied, never replaced`)
    try {
      const { body } = await this.#write(ref, {
        method: 'PATCH',
        patch: 'json',
        path: pathOf(this.#namespace, ref.kind, ref.name),
        query: { fieldManager: SYSTEM },
        body: [
          { op: 'replace', path: '/metadata/resourceVersion', value: ifVersion },
          { op: 'replace', path: '/spec', value: plain(spec) },
        ],
      })
      return objectOf(ref.kind, body)
    } catch (error) {
      if (error instanceof NotFoundError) throw new ConflictError(ref, 'it is gone')
      throw error
    }
  }

  async patchStatus(
    ref: ObjectRef,
    status: unknown,
    options: { ifUid: string; ifVersion?: string },
  ): Promise<StoredObject> {
    // Whoever names the version has read the object: one request, and the server sees whether the status differs.
    // That there is none it does not see, for it shows one of its own.
    if (options.ifVersion !== undefined && status !== undefined) return this.#putStatus(ref, status, options.ifVersion)
    return this.#race(options.ifVersion !== undefined, async () => {
      const live = await this.#reader.read(ref.kind, ref.name)
      const write = decideStatus(live && standingOf(ref.kind, live), ref, status, options)
      if (write.is === 'unchanged') return write.object
      return this.#putStatus(ref, status, write.object.metadata.resourceVersion)
    })
  }

  async #putStatus(ref: ObjectRef, status: unknown, version: string): Promise<StoredObject> {
    const path = pathOf(this.#namespace, ref.kind, ref.name, 'status')
    const query = { fieldManager: SYSTEM }
    const added = [
      { op: 'replace', path: '/metadata/resourceVersion', value: version },
      { op: 'add', path: '/status', value: plain(status ?? null) },
    ]
    const { body } = await this.#write(
      ref,
      status === undefined
        ? {
            method: 'PATCH',
            patch: 'merge',
            path,
            query,
            body: { metadata: { resourceVersion: version }, status: null },
          }
        : { method: 'PATCH', patch: 'json', path, query, body: added },
    )
    return objectOf(ref.kind, body)
  }

  /** @returns undefined when the object went with its last finalizer */
  async setFinalizers(ref: ObjectRef, finalizers: string[], ifVersion: string): Promise<StoredObject | undefined> {
    const { body } = await this.#write(ref, {
      method: 'PATCH',
      patch: 'merge',
      path: pathOf(this.#namespace, ref.kind, ref.name),
      query: { fieldManager: SYSTEM },
      body: { metadata: { resourceVersion: ifVersion, finalizers: [...new Set(finalizers)] } },
    })
    return stillThere(ref.kind, body)
  }

  async annotate(
    ref: ObjectRef,
    annotations: Record<string, string | null>,
    options: { manager: string; ifUid?: string },
  ): Promise<StoredObject> {
    return this.#race(false, async () => {
      const live = await this.#reader.read(ref.kind, ref.name)
      const write = decideAnnotate(live && standingOf(ref.kind, live), ref, annotations, options)
      if (write.is === 'unchanged') return write.object
      const { body } = await this.#write(ref, {
        method: 'PATCH',
        patch: 'merge',
        path: pathOf(this.#namespace, ref.kind, ref.name),
        query: { fieldManager: options.manager },
        body: { metadata: { resourceVersion: live?.metadata.resourceVersion, annotations } },
      })
      return objectOf(ref.kind, body)
    })
  }

  /** @returns undefined when it is gone */
  async delete(
    ref: ObjectRef,
    { ifUid, ifVersion }: { ifUid?: string; ifVersion?: string },
  ): Promise<StoredObject | undefined> {
    // The lease's holder deletes what it saw, not what a successor wrote since.
    const looks = this.#fence !== undefined && ifVersion === undefined
    return this.#race(!looks, async () => {
      const seen = looks ? await this.#reader.read(ref.kind, ref.name) : undefined
      if (seen && ifUid !== undefined && seen.metadata.uid !== ifUid)
        throw new ConflictError(ref, 'it was deleted and made again since it was read')
      const preconditions = {
        uid: ifUid ?? seen?.metadata.uid,
        resourceVersion: ifVersion ?? seen?.metadata.resourceVersion,
      }
      const { body } = await this.#write(ref, {
        method: 'DELETE',
        path: pathOf(this.#namespace, ref.kind, ref.name),
        body: { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background', preconditions },
      })
      return body.kind === 'Status' ? undefined : stillThere(ref.kind, body)
    })
  }

  /** Makes what the manager created or annotated part of what it applied. */
  async #join(ref: ObjectRef, live: RawObject, manager: string): Promise<RawObject> {
    const managedFields = joined(live.metadata.managedFields ?? [], manager)
    if (!managedFields) return live
    const { body } = await this.#write(ref, {
      method: 'PATCH',
      patch: 'json',
      path: pathOf(this.#namespace, ref.kind, ref.name),
      query: { fieldManager: manager },
      body: [
        { op: 'replace', path: '/metadata/resourceVersion', value: live.metadata.resourceVersion },
        { op: 'replace', path: '/metadata/managedFields', value: managedFields },
      ],
    })
    return body
  }

  async #write(ref: ObjectRef, request: KubeRequest): Promise<Answer<RawObject>> {
    try {
      return await this.#send(request)
    } catch (error) {
      throw errorOf(this.#namespace, ref, error)
    }
  }

  #send(request: KubeRequest): Promise<Answer<RawObject>> {
    const fence = this.#fence
    if (!fence) return this.#client.request<RawObject>(request)
    return fence.during(() => this.#client.request<RawObject>({ ...request, fence: () => fence.check() }))
  }

  /** A write that names no version is decided again when another was first. */
  async #race<T>(named: boolean, attempt: () => Promise<T>): Promise<T> {
    for (let lost = 1; ; lost++) {
      this.#fence?.check()
      try {
        return await attempt()
      } catch (error) {
        if (named || lost >= RACES || !(error instanceof LostRaceError)) throw error
      }
    }
  }
}

const standingOf = (kind: Kind, raw: RawObject): Standing => ({
  object: objectOf(kind, raw),
  owners: () => ownersOf(raw.metadata.managedFields),
})

const stillThere = (kind: Kind, raw: RawObject): StoredObject | undefined =>
  raw.metadata.deletionTimestamp !== undefined && !raw.metadata.finalizers?.length ? undefined : objectOf(kind, raw)

/** An empty list of items that are owned one by one is nothing that anybody could own. */
const specOf = (kind: Kind, spec: unknown): Fields =>
  normalized(kind, { spec: plain(spec) as Fields, labels: {}, annotations: {} }).spec
