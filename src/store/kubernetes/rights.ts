import type { Right } from '../../api/right.ts'
import type { MissingRights } from '../../ports/rights.ts'
import type { KubeClient, KubeRequest } from './client.ts'
import { StatusError } from './errors.ts'

/** At most so many are kept: names of Secrets come out of resources. */
const MOST = 50
/** Milliseconds after which one that is not refused again is forgotten: nothing may want it any more. */
const LONGEST = 7_200_000

/** In the words of Kubernetes' authorizers (`apiserver/pkg/endpoints/handlers/responsewriters.Forbidden`). */
const REFUSED = /cannot (\w+) resource "([^"]+)" in API group "([^"]*)" in the namespace "([^"]+)"/
/** Objects that a rule may name, in the realm's namespace. Of any other the name says nothing about the right, and that of a credential is nobody's business. */
const NAMED = new Set(['configmaps', 'leases', 'secrets'])

/** Remembers what an API server refuses for want of a right, until a review of access says that it is there. */
export class RefusedRights implements MissingRights {
  readonly #refused = new Map<string, { right: Right; time: number }>()
  readonly #listeners = new Set<() => void>()

  /** @param client for reviews of access */
  readonly #client: () => Pick<KubeClient, 'request' | 'cluster'>
  constructor(client: () => Pick<KubeClient, 'request' | 'cluster'>) {
    this.#client = client
  }

  get missing(): readonly Right[] {
    return [...this.#refused.values()].map(({ right }) => right)
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Notes an answer that names a right; any other says nothing about rights. */
  note({ code, status }: StatusError): void {
    const right = code === 403 ? rightOf(status, this.#client().cluster.namespace) : undefined
    if (!right) return
    const key = JSON.stringify(right)
    const known = this.#refused.has(key)
    if (!known && this.#refused.size >= MOST) return
    this.#refused.set(key, { right, time: performance.now() })
    if (!known) this.#tell()
  }

  async ask(): Promise<void> {
    let changed = false
    for (const [key, { right, time }] of this.#refused)
      if (performance.now() - time > LONGEST || (await this.#isAllowed(right)))
        changed = this.#refused.delete(key) || changed
    if (changed) this.#tell()
  }

  async #isAllowed({ verb, resource: path, group, namespace, name }: Right): Promise<boolean> {
    const [resource, subresource] = path.split('/')
    const resourceAttributes = { verb, group, resource, subresource, namespace, name }
    const request: KubeRequest = {
      method: 'POST',
      path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      body: { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec: { resourceAttributes } },
    }
    try {
      const { body } = await this.#client().request<{ status?: { allowed?: boolean } }>(request)
      return body.status?.allowed === true
    } catch (error) {
      // Who may not even ask is told of what is missing all the same; it is forgotten when it is not refused again.
      if (error instanceof StatusError && error.code === 403) return false
      throw error
    }
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}

const rightOf = ({ message = '', details }: StatusError['status'], own: string): Right | undefined => {
  const [, verb, resource, group, namespace] = REFUSED.exec(message) ?? []
  if (verb === undefined || resource === undefined || group === undefined || namespace === undefined) return undefined
  const name = NAMED.has(resource) && namespace === own ? details?.name : undefined
  return { verb, resource, group, namespace, ...(name && { name }) }
}
