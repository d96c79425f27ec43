import { NAME_PATTERN } from '../api/patterns.ts'
import { SecretForbiddenError, type SecretObjects } from '../ports/secretobjects.ts'
import type { SecretReader } from '../ports/secrets.ts'
import { SecretError, unprinted } from './secrets.ts'

/** Annotations of a Secret: the resources that may use it, and the hosts that it may be sent to; separated by commas or spaces. */
export const SECRET_ANNOTATIONS = { usedBy: 'roster.dev/used-by', hosts: 'roster.dev/hosts' } as const

const NAME = new RegExp(NAME_PATTERN)

/**
 * Secrets of a cluster, read each time anew. One without an audience is given to nobody.
 * `own` names are the controller's own: they need none, and whatever a resource says, nobody else gets them.
 */
export const clusterSecretReader = (options: { objects: SecretObjects; own?: readonly string[] }): SecretReader => ({
  read: async ({ name, key }, audience) => {
    const { objects, own = [] } = options
    const { namespace } = objects
    if (name.length > 253 || !NAME.test(name))
      throw new SecretError('SecretNotFound', `secret ${JSON.stringify(name)} has a name that no secret can have`)
    if (own.includes(name) && audience !== name)
      throw new SecretError('SecretAudience', `secret ${name} is the controller's own, and not for ${audience}`)
    const found = await objects.get(name).catch((error: unknown) => {
      if (!(error instanceof SecretForbiddenError)) throw error
      throw new SecretError(
        'SecretNotFound',
        `${error.message}; with the chart: add ${name} to the value secrets.names`,
      )
    })
    if (!found)
      throw new SecretError(
        'SecretNotFound',
        `there is no Secret ${name} in the namespace ${namespace}; make it with the key ${key}`,
      )
    const words = (annotation: string) =>
      (found.annotations[annotation] ?? '').split(/[\s,]+/).filter(word => word !== '')
    if (!own.includes(name) && !words(SECRET_ANNOTATIONS.usedBy).includes(audience))
      throw new SecretError(
        'SecretAudience',
        `the Secret ${name} in the namespace ${namespace} is not meant for ${audience}; say so with ` +
          `\`kubectl annotate --namespace ${namespace} --overwrite secret ${name} ` +
          `${SECRET_ANNOTATIONS.usedBy}=${[...words(SECRET_ANNOTATIONS.usedBy).filter(isPlain), audience].join(',')}\``,
      )
    const bytes = Object.hasOwn(found.data, key) ? found.data[key] : undefined
    const value =
      bytes &&
      Buffer.from(bytes)
        .toString('utf8')
        .replace(/\r?\n$/, '')
    if (!value)
      throw new SecretError(
        'SecretNotFound',
        `the Secret ${name} in the namespace ${namespace} has no key ${JSON.stringify(key)}, or nothing in it`,
      )
    return unprinted({ value, hosts: own.includes(name) ? [] : words(SECRET_ANNOTATIONS.hosts) })
  },
})

/** Whether a word of an annotation can stand in a command that somebody may copy into a shell. */
const isPlain = (word: string): boolean => /^[-./a-z0-9]+$/.test(word)
