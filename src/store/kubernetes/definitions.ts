import { API_VERSION, type Kind } from '../../api/names.ts'
import type { StoredObject } from '../semantics/object.ts'
import type { KubeClient } from './client.ts'
import { isDefinitionGoing, isNamespaceGoing, NamespaceDeletedError, StatusError, storeError } from './errors.ts'
import { pathOf } from './objects.ts'

/**
 * Tells a deletion that somebody ordered from one that follows from the deletion of a whole kind, or of the namespace.
 *
 * An API server whose CustomResourceDefinition is deleted deletes every object of it, and asks nobody. That is no order to end everybody's access: such an object is shown as if it were
 * not being deleted, for as long as the definition is on its way out, which it is until the last finalizer is gone.
 *
 * The server marks the definition first, and begins with its objects when it has refused new ones for a while (apiextensions-apiserver, the CRD finalizer): so what it answers to a new object,
 * after a deletion was seen, is true of that deletion. Of a namespace the same holds: it is marked, new objects are refused (the admission plugin NamespaceLifecycle), then its objects are deleted. The question is a dry run of an object that could never be, and needs no right beyond those to write.
 */
export class Definitions {
  readonly #client: KubeClient

  constructor(client: KubeClient) {
    this.#client = client
  }

  /** The objects, without the deletions that nobody ordered. */
  async shown(kind: Kind, objects: readonly StoredObject[]): Promise<StoredObject[]> {
    if (!objects.some(isDeleting) || !(await this.isGoing(kind))) return [...objects]
    return objects.map(undeleted)
  }

  async one(kind: Kind, object: StoredObject): Promise<StoredObject> {
    const [shown] = await this.shown(kind, [object])
    return shown ?? object
  }

  /**
   * An object as a watch may tell of it.
   * @throws NamespaceDeletedError where it goes with the namespace: whoever watches keeps the view there is, since what has no finalizer goes for good, and that is no order either
   */
  async told(kind: Kind, object: StoredObject): Promise<StoredObject> {
    if (!isDeleting(object)) return object
    const going = await this.#going(kind)
    if (going === 'namespace') throw new NamespaceDeletedError()
    return going === 'definition' ? undeleted(object) : object
  }

  /** Whether the definition of a kind, or the namespace, is being deleted; true of every deletion that was read before this is asked. @throws ClusterUnreachableError, ForbiddenError */
  async isGoing(kind: Kind): Promise<boolean> {
    return (await this.#going(kind)) !== undefined
  }

  async #going(kind: Kind): Promise<'definition' | 'namespace' | undefined> {
    try {
      await this.#client.request({
        method: 'POST',
        path: pathOf(this.#client.cluster.namespace, kind),
        query: { dryRun: 'All' },
        body: { apiVersion: API_VERSION, kind, metadata: { name: 'NO-NAME' } },
      })
      return undefined
    } catch (error) {
      if (!(error instanceof StatusError)) throw error
      if (isDefinitionGoing(error)) return 'definition'
      if (isNamespaceGoing(error)) return 'namespace'
      // Refused for what it is: new objects are taken.
      if (error.code === 422 || error.code === 400) return undefined
      throw storeError({ kind, name: '' }, error)
    }
  }
}

export const isDeleting = ({ metadata }: StoredObject): boolean => metadata.deletionTimestamp !== undefined

/** The object as if nobody had deleted it. */
export const undeleted = (object: StoredObject): StoredObject => {
  if (!isDeleting(object)) return object
  const { deletionTimestamp: _, ...metadata } = object.metadata
  return { ...object, metadata }
}
