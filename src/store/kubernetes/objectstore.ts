import { API_VERSION, type Kind } from '../../api/names.ts'
import type { Manifest, ObjectRef } from '../../api/resource.ts'
import { ConflictError, InvalidError, StoreUnusableError } from '../errors.ts'
import { normalized } from '../semantics/fields.ts'
import { type Fields, plain, type StoredObject } from '../semantics/object.ts'
import type { Standing } from '../semantics/write.ts'
import { isRecord } from '../semantics/write.ts'
import { decideAnnotate, decideApply, decideStatus } from '../semantics/writes.ts'
import type { ApplyOptions, FieldOwner, NewObject } from '../store.ts'
import type { Answer, KubeClient, KubeRequest } from './client.ts'
import { fieldConflicts, StatusError, storeError } from './errors.ts'
import { joined, ownersOf } from './managedfields.ts'
import { objectOf, pathOf, type RawList, type RawObject } from './objects.ts'

/** Stands before the writes of a lease's holder. */
export interface Fence {
  /** Milliseconds that a write may take. @throws LeaseLostError */
  check(): number
  /** Carries a write out; a release waits for it. */
  during<T>(write: () => Promise<T>): Promise<T>
}

/** Field manager of what Roster writes in nobody's name: statuses, finalizers, records. */
const SYSTEM = 'roster'
/** Objects of one page of a list. */
const PAGE = 500
/** Milliseconds for one page. */
const LIST_TIMEOUT = 30_000
/** How often a write that names no version is tried again when others were first. */
const RACES = 10

/** What the rules of a store need of a new object; the server gives both itself. */
const BIRTH = { now: '', uid: () => '' }

/**
 * Objects in one namespace, with the promises of `ResourceStore`. The rules that other stores carry out themselves are asked here too (`semantics/`), over the object
 * as it was just read, and then the server is told, with the version that was read: so an answer names what was taken or held, nothing is written where nothing changes, and no
 * write overtakes another. A write that names no version is decided anew when somebody else was first.
 */
export class KubernetesObjects {
  readonly #client: KubeClient
  readonly #namespace: string
  readonly #fence: Fence | undefined

  constructor(client: KubeClient, fence: Fence | undefined) {
    this.#client = client
    this.#namespace = client.cluster.namespace
    this.#fence = fence
  }

  async get(kind: Kind, name: string): Promise<StoredObject | undefined> {
    const raw = await this.#read(kind, name)
    return raw && objectOf(kind, raw)
  }

  /** Page by page, all true at one version. When the server forgets that version meanwhile, from the start. */
  async list(kind: Kind, selector?: string): Promise<{ items: StoredObject[]; resourceVersion: string }> {
    const path = pathOf(this.#namespace, kind)
    for (let tries = 1; ; tries++) {
      const items: StoredObject[] = []
      let next: string | undefined
      try {
        for (;;) {
          // A list that does not fit into the server's memory of versions even at the third try is read in one piece.
          const limit = tries > 3 ? undefined : String(PAGE)
          const query = { limit, continue: next, labelSelector: selector }
          const { body } = await this.#client.request<RawList>({ method: 'GET', path, query, timeout: LIST_TIMEOUT })
          for (const raw of body.items) items.push(objectOf(kind, raw))
          next = body.metadata.continue || undefined
          if (next === undefined) return { items, resourceVersion: body.metadata.resourceVersion }
        }
      } catch (error) {
        if (!(error instanceof StatusError && error.code === 410 && next !== undefined))
          throw this.#errorOf({ kind, name: '' }, error)
      }
    }
  }

  /** The newest version of anything in the whole cluster: everything written before the call is not newer. */
  async newestVersion(limits: Pick<KubeRequest, 'timeout' | 'patience'> = {}): Promise<string> {
    const path = pathOf(this.#namespace, 'Organization')
    try {
      const { body } = await this.#client.request<RawList>({ method: 'GET', path, query: { limit: '1' }, ...limits })
      return body.metadata.resourceVersion
    } catch (error) {
      throw this.#errorOf({ kind: 'Organization', name: '' }, error)
    }
  }

  async owners(ref: ObjectRef): Promise<ReturnType<typeof ownersOf> | undefined> {
    const raw = await this.#read(ref.kind, ref.name)
    return raw && ownersOf(raw.metadata.managedFields)
  }

  async create(
    ref: ObjectRef,
    object: NewObject<Kind>,
    options: { manager: string; finalizers?: string[] },
  ): Promise<StoredObject> {
    const { labels, annotations } = object.metadata
    const metadata = { name: ref.name, labels, annotations, finalizers: [...new Set(options.finalizers ?? [])] }
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
      let live = await this.#read(ref.kind, ref.name)
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
    const raw = await this.#patch(ref, [
      { op: 'replace', path: '/metadata/resourceVersion', value: ifVersion },
      { op: 'replace', path: '/spec', value: plain(spec) },
    ])
    if (!raw) throw new ConflictError(ref, 'it is gone')
    return raw
  }

  async patchStatus(
    ref: ObjectRef,
    status: unknown,
    options: { ifUid: string; ifVersion?: string },
  ): Promise<StoredObject> {
    // Whoever names the version has read the object: one request, and the server sees whether the status differs.
    if (options.ifVersion !== undefined) return this.#putStatus(ref, status, options.ifVersion)
    return this.#race(false, async () => {
      const live = await this.#read(ref.kind, ref.name)
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
      const live = await this.#read(ref.kind, ref.name)
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
    return this.#race(ifVersion !== undefined, async () => {
      // The lease's holder deletes what it saw, not what a successor wrote since.
      const seen = this.#fence && ifVersion === undefined ? await this.#read(ref.kind, ref.name) : undefined
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

  async #read(kind: Kind, name: string): Promise<RawObject | undefined> {
    try {
      return (await this.#client.request<RawObject>({ method: 'GET', path: pathOf(this.#namespace, kind, name) })).body
    } catch (error) {
      if (error instanceof StatusError && error.code === 404 && !error.kindMissing) return undefined
      throw this.#errorOf({ kind, name }, error)
    }
  }

  /** A JSON patch of a record. @returns undefined when it is not there */
  async #patch(ref: ObjectRef, body: unknown[]): Promise<StoredObject | undefined> {
    try {
      const path = pathOf(this.#namespace, ref.kind, ref.name)
      const request = { method: 'PATCH', patch: 'json', path, query: { fieldManager: SYSTEM }, body } as const
      return objectOf(ref.kind, (await this.#send(request)).body)
    } catch (error) {
      if (error instanceof StatusError && error.code === 404 && !error.kindMissing) return undefined
      throw this.#errorOf(ref, error)
    }
  }

  /** Makes what the manager created or annotated part of what it applied. */
  async #join(ref: ObjectRef, live: RawObject, manager: string): Promise<RawObject> {
    const managedFields = joined(live.metadata.managedFields ?? [], manager)
    if (!managedFields) return live
    const { body } = await this.#write(ref, {
      method: 'PATCH',
      patch: 'json',
      path: pathOf(this.#namespace, ref.kind, ref.name),
      query: { fieldManager: SYSTEM },
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
      throw this.#errorOf(ref, error)
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

  #errorOf(ref: ObjectRef, error: unknown): unknown {
    if (error instanceof StatusError && error.code === 404 && error.status.details?.kind === 'namespaces') {
      return new StoreUnusableError(
        `the namespace ${this.#namespace} does not exist`,
        `make it with \`kubectl create namespace ${this.#namespace}\`, or name another one`,
      )
    }
    const fields = fieldConflicts(error)
    if (fields.length > 0) {
      const held = fields.map(({ field, manager }) => `${field} (${manager})`).join(', ')
      return new ConflictError(ref, `other managers hold ${held}`, fields)
    }
    const meant = storeError(ref, error)
    return meant instanceof ConflictError ? new LostRaceError(ref, 'it was changed since it was read') : meant
  }
}

/** The server holds another version than the one that was read. */
class LostRaceError extends ConflictError {
  override get name(): string {
    return 'ConflictError'
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
