import { constants } from 'node:fs'
import { open, realpath } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { type Retry, RosterError } from '../api/errors.ts'
import type { Reason } from '../api/names.ts'
import { NAME_PATTERN } from '../api/patterns.ts'
import type { Secret, SecretReader } from '../ports/secrets.ts'
import type { Settings } from './settings.ts'

/** A secret that is not there, or not meant for who asks. Says which, never what is in it. */
export class SecretError extends RosterError {
  readonly retry: Retry = 'backoff'
  readonly reason: Reason
  constructor(reason: 'SecretNotFound' | 'SecretAudience', message: string) {
    super(message)
    this.reason = reason
  }
}

/** What the controller itself needs: given to no resource, whatever it asks for. */
export const OWN_SECRETS = ['smtp'] as const

/** Secrets from where the settings say. */
export const fileSecrets = (settings: Pick<Settings, 'secrets'>, environment: NodeJS.ProcessEnv): SecretReader =>
  secretReader({
    environment,
    own: OWN_SECRETS,
    ...(settings.secrets !== undefined && { folder: settings.secrets }),
  })

/** The first reader's secrets, and those of the second that the first does not have. */
export const secretsOfEither = (first: SecretReader, second: SecretReader): SecretReader => ({
  read: async (ref, audience) => {
    try {
      return await first.read(ref, audience)
    } catch (error) {
      if (!(error instanceof SecretError) || error.reason !== 'SecretNotFound') throw error
    }
    return await second.read(ref, audience)
  },
})

const NAME = new RegExp(NAME_PATTERN)
const KEY = /^[-._a-zA-Z0-9]{1,253}$/
const MAX_BYTES = 1024 * 1024

/**
 * Secrets from files `FOLDER/<name>/<key>` with `.used-by` and `.hosts` beside them, or from `ROSTER_SECRET_<NAME>__<KEY>` with `__USED_BY` and `__HOSTS`
 * (upper case, dashes and dots as `_`; a name or key with two of them in a row is read from files alone, since its variable could be that of another secret).
 * A secret without an audience is given to nobody. `own` names are the controller's own: they need none, and whatever a resource says, nobody else gets them.
 */
export const secretReader = (options: {
  folder?: string
  environment: NodeJS.ProcessEnv
  own?: readonly string[]
}): SecretReader => ({
  read: async ({ name, key }, audience) => {
    if (name.length > 253 || !NAME.test(name) || !KEY.test(key) || /^\.+$/.test(key))
      throw new SecretError(
        'SecretNotFound',
        `secret ${JSON.stringify(`${name}/${key}`)} has a name that no secret can have`,
      )
    const variable = `ROSTER_SECRET_${shout(name)}__`
    const isClear = !shout(name).includes('__') && !shout(key).includes('__')
    const fromEnvironment = isClear ? options.environment[`${variable}${shout(key)}`] : undefined
    const fromFile = options.folder === undefined ? undefined : await readSecretFile(options.folder, name, key)
    if (fromEnvironment !== undefined && fromFile !== undefined)
      throw new SecretError(
        'SecretNotFound',
        `secret ${name}/${key} is given twice: as a file and as ${variable}${shout(key)}; keep one`,
      )
    const value = fromEnvironment ?? fromFile
    if (value === undefined || value === '') {
      const places = [
        ...(options.folder ? [join(options.folder, name, key)] : []),
        ...(isClear ? [`${variable}${shout(key)}`] : []),
      ]
      const remedy = places.length > 0 ? `put it into ${places.join(' or ')}` : 'put it into a file under --secrets'
      throw new SecretError('SecretNotFound', `secret ${name} has no key ${key}; ${remedy}`)
    }
    if (options.own?.includes(name)) {
      if (audience === name) return unprinted({ value, hosts: [] })
      throw new SecretError('SecretAudience', `secret ${name} is the controller's own, and not for ${audience}`)
    }
    const inEnvironment = fromEnvironment !== undefined
    const aside = async (file: string, suffix: string): Promise<string[]> => {
      const text = inEnvironment
        ? options.environment[`${variable}${suffix}`]
        : options.folder && (await readSecretFile(options.folder, name, file))
      return (text ?? '').split(/[\s,]+/).filter(word => word !== '')
    }
    if (!(await aside('.used-by', 'USED_BY')).includes(audience))
      throw new SecretError(
        'SecretAudience',
        `secret ${name} is not meant for ${audience}; name it in ${inEnvironment ? `${variable}USED_BY` : `${name}/.used-by`}`,
      )
    return unprinted({ value, hosts: await aside('.hosts', 'HOSTS') })
  },
})

/** A secret that finds its way into a log or a template by mistake shows as `[secret]`. */
export const unprinted = (secret: Secret): Secret =>
  Object.defineProperty(secret, 'toJSON', { value: () => '[secret]', enumerable: false })

/** How a name stands in a variable: `smtp-eu` as `SMTP_EU`. */
export const shout = (text: string): string => text.toUpperCase().replace(/[-.]/g, '_')

const readSecretFile = async (folder: string, name: string, key: string): Promise<string | undefined> => {
  const path = join(folder, name, key)
  try {
    const root = await realpath(folder)
    if (!(await realpath(path)).startsWith(root + sep))
      throw new SecretError('SecretNotFound', `secret ${name}/${key} is a link out of the folder of secrets`)
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const { size } = await file.stat()
      if (size > MAX_BYTES) throw new SecretError('SecretNotFound', `secret ${name}/${key} is larger than 1 MiB`)
      return (await file.readFile('utf8')).replace(/\r?\n$/, '')
    } finally {
      await file.close()
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return undefined
    throw error
  }
}
