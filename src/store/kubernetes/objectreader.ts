import type { Kind } from '../../api/names.ts'
import type { ObjectRef } from '../../api/resource.ts'
import { ConflictError, StoreUnusableError } from '../errors.ts'
import type { StoredObject } from '../semantics/object.ts'
import type { KubeClient, KubeRequest } from './client.ts'
import { fieldConflicts, StatusError, storeError } from './errors.ts'
import { objectOf, pathOf, type RawList, type RawObject } from './objects.ts'

/** Objects of one page of a list. */
const PAGE = 500
/** Milliseconds for one page. */
const LIST_TIMEOUT = 30_000

/** Reads the objects in one namespace, always as they are now: nothing here comes out of a cache of the API server that could be older. */
export class ObjectReader {
  readonly #client: KubeClient
  readonly #namespace: string

  constructor(client: KubeClient) {
    this.#client = client
    this.#namespace = client.cluster.namespace
  }

  async get(kind: Kind, name: string): Promise<StoredObject | undefined> {
    const raw = await this.read(kind, name)
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
          throw errorOf(this.#namespace, { kind, name: '' }, error)
      }
    }
  }

  /**
   * Page by page, with all that the server says of each, as it was at one version of the whole cluster.
   * @throws GoneError when the server has forgotten that version, after five minutes at the earliest by its own defaults
   */
  async *listAt(kind: Kind, version: string): AsyncGenerator<RawObject, void, undefined> {
    const path = pathOf(this.#namespace, kind)
    let query: Record<string, string> = { resourceVersion: version, resourceVersionMatch: 'Exact' }
    for (;;) {
      const page = { method: 'GET', path, query: { ...query, limit: String(PAGE) }, timeout: LIST_TIMEOUT } as const
      const answer = await this.#client.request<RawList>(page).catch(error => {
        throw errorOf(this.#namespace, { kind, name: '' }, error)
      })
      yield* answer.body.items
      const next = answer.body.metadata.continue
      if (!next) return
      query = { continue: next }
    }
  }

  /** The newest version of anything in the whole cluster: everything written before the call is not newer. */
  async newestVersion(limits: Pick<KubeRequest, 'timeout' | 'patience'> = {}): Promise<string> {
    const path = pathOf(this.#namespace, 'Organization')
    try {
      const { body } = await this.#client.request<RawList>({ method: 'GET', path, query: { limit: '1' }, ...limits })
      return body.metadata.resourceVersion
    } catch (error) {
      throw errorOf(this.#namespace, { kind: 'Organization', name: '' }, error)
    }
  }

  /** With all that the server says of it. */
  async read(kind: Kind, name: string): Promise<RawObject | undefined> {
    try {
      return (await this.#client.request<RawObject>({ method: 'GET', path: pathOf(this.#namespace, kind, name) })).body
    } catch (error) {
      if (error instanceof StatusError && error.code === 404 && !error.kindMissing) return undefined
      throw errorOf(this.#namespace, { kind, name }, error)
    }
  }
}

/** What a failed request about one object means to the callers of a store. */
export const errorOf = (namespace: string, ref: ObjectRef, error: unknown): unknown => {
  if (error instanceof StatusError && error.code === 404 && error.status.details?.kind === 'namespaces') {
    return new StoreUnusableError(
      `the namespace ${namespace} does not exist`,
      `make it with \`kubectl create namespace ${namespace}\`, or name another one`,
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

/** The server holds another version than the one that was read. */
export class LostRaceError extends ConflictError {
  override get name(): string {
    return 'ConflictError'
  }
}
