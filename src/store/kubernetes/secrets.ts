import {
  SecretConflictError,
  type SecretData,
  SecretForbiddenError,
  SecretNotFoundError,
  type SecretObject,
  type SecretObjects,
  SecretRefusedError,
} from '../../ports/secretobjects.ts'
import type { KubeClient, KubeRequest } from './client.ts'
import { clusterError, StatusError } from './errors.ts'

interface RawSecret {
  metadata: { name: string; resourceVersion: string; annotations?: Record<string, string> }
  type?: string
  data?: Record<string, string>
}

/** The verb as RBAC calls it. */
type Verb = 'get' | 'create' | 'update' | 'delete'

/** RFC 1123 subdomain, as the API server wants it: a name out of a resource must not become another path, `..` or none. */
const NAME = /^[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?$/

/** The Secrets of one namespace, over the connections of a store. */
export const kubernetesSecrets = (client: KubeClient, namespace: string): SecretObjects => {
  const all = `/api/v1/namespaces/${namespace}/secrets`
  const path = (name: string) => `${all}/${name}`
  const ask = async (verb: Verb, name: string, request: KubeRequest): Promise<RawSecret> => {
    if (!NAME.test(name) || !NAME.test(namespace) || name.includes('..'))
      throw new SecretRefusedError(
        `${JSON.stringify(name)} in ${JSON.stringify(namespace)} is not the name of a Secret: small letters, digits, - and .`,
      )
    try {
      return (await client.request<RawSecret>(request)).body
    } catch (error) {
      throw error instanceof StatusError ? secretError({ verb, name, namespace }, error) : error
    }
  }
  const read = (name: string) => ask('get', name, { method: 'GET', path: path(name) })
  return {
    namespace,
    get: async name => {
      try {
        return objectOf(await read(name))
      } catch (error) {
        if (error instanceof SecretNotFoundError) return undefined
        throw error
      }
    },
    create: async (name, data) => {
      const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name }, type: 'Opaque', data: encoded(data) }
      return objectOf(await ask('create', name, { method: 'POST', path: all, body }))
    },
    replace: async (name, data, { ifVersion }) => {
      // A PUT takes away what it does not carry, and a PATCH would be one more right.
      const current = await read(name)
      if (current.metadata.resourceVersion !== ifVersion) throw changed(name, namespace)
      const body = { ...current, data: encoded(data) }
      return objectOf(await ask('update', name, { method: 'PUT', path: path(name), body }))
    },
    delete: async (name, { ifVersion } = {}) => {
      const body = {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        ...(ifVersion !== undefined && { preconditions: { resourceVersion: ifVersion } }),
      }
      try {
        await ask('delete', name, { method: 'DELETE', path: path(name), body })
      } catch (error) {
        if (!(error instanceof SecretNotFoundError)) throw error
      }
    },
  }
}

const encoded = (data: SecretData): Record<string, string> =>
  Object.fromEntries(
    Object.entries(data).map(([key, value]) => [
      key,
      Buffer.from(typeof value === 'string' ? new TextEncoder().encode(value) : value).toString('base64'),
    ]),
  )

const objectOf = ({ metadata, data = {} }: RawSecret): SecretObject => ({
  name: metadata.name,
  version: metadata.resourceVersion,
  annotations: metadata.annotations ?? {},
  data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64')])),
})

const changed = (name: string, namespace: string) =>
  new SecretConflictError(`the Secret ${name} in the namespace ${namespace} was changed since it was read`)

/** What the server says may quote a value: only its code and reason go into the error, and the right that RBAC misses. */
const secretError = (
  { verb, name, namespace }: { verb: Verb; name: string; namespace: string },
  { code, status }: StatusError,
): Error => {
  const which = `the Secret ${name} in the namespace ${namespace}`
  if (code === 404 && status.details?.kind === 'namespaces')
    return new SecretNotFoundError(
      `the namespace ${namespace} does not exist; make it with \`kubectl create namespace ${namespace}\`, or name another one`,
    )
  if (code === 404) return new SecretNotFoundError(`there is no Secret ${name} in the namespace ${namespace}`)
  if (code === 409 && status.reason === 'AlreadyExists')
    return new SecretConflictError(`there is a Secret ${name} in the namespace ${namespace} already`)
  if (code === 409) return changed(name, namespace)
  if (code === 403 && /cannot \w+ resource/.test(status.message ?? ''))
    return new SecretForbiddenError(
      `the right to ${verb} ${which} is missing; give Roster's Role in ${namespace} the verb ${verb} on secrets`,
    )
  if (code === 403)
    return new SecretForbiddenError(
      `the API server does not let us ${verb} ${which}: not a missing right, but a quota, a rule of the cluster, or the end of the namespace`,
    )
  if (code === 401 || code === 429 || code >= 500)
    return clusterError(new StatusError(code, { ...status, message: status.reason ?? `HTTP ${code}` }))
  return new SecretRefusedError(
    `the API server refuses to ${verb} ${which} (${code} ${status.reason ?? ''}); it may be immutable or larger than 1 MiB`,
  )
}
