import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { load } from 'js-yaml'
import { type Retry, RosterError } from '../api/errors.ts'
import { isLoopback } from '../api/loopback.ts'
import type { Reason } from '../api/names.ts'
import type { PeopleTable } from '../manifests/columns.ts'
import { readTables } from './tables.ts'

/** A setting that cannot be used, with whence it came. */
export class SettingsError extends RosterError {
  readonly retry: Retry = 'never'
  readonly reason: Reason = 'InvalidSpec'
}

/** The controller's own configuration: how it runs, and what binds the manifests it reads. Never read from a watched repository. */
export interface Settings {
  /** Folder of the embedded store. Absolute. */
  data: string
  listen: Endpoint
  opsListen: Endpoint
  /** Without a trailing slash. Undefined: follows from `listen`, which must then be loopback. */
  publicUrl: string | undefined
  smtp: string | undefined
  /** PEM file with the authority of the mail server's certificate. Absolute. */
  smtpCa: string | undefined
  /** Most mails handed to the mail server in a second. */
  mailRate: number
  mailFrom: string | undefined
  /** Absolute. */
  mailDir: string | undefined
  secrets: string | undefined
  prune: boolean
  allowPrivate: readonly string[]
  log: 'text' | 'json'
  rebind: boolean
  /** CSV tables of people whose header is not ours. */
  tables: readonly PeopleTable[]
}
export interface Endpoint {
  host: string
  port: number
}

/** Where a value came from: `--smtp`, `ROSTER_SMTP`, `roster.yaml`, `default`. */
export interface Resolved {
  settings: Settings
  whence: Record<keyof Settings, string>
}

interface SettingDefinition {
  key: keyof Settings
  /** The flag without dashes; the variable is `ROSTER_` and this in upper case. */
  flag: string
  help: string
  default: string
  /** @throws SettingsError */
  parse: (text: string, base: string) => unknown
}

const path = (text: string, base: string): string => resolve(base, text)
const optionalPath = (text: string, base: string): string | undefined => (text === '' ? undefined : resolve(base, text))
const optionalText = (text: string): string | undefined => (text === '' ? undefined : text)
const flag = (text: string): boolean => {
  if (text === 'true' || text === '1' || text === '') return true
  if (text === 'false' || text === '0') return false
  throw new SettingsError(`${JSON.stringify(text)} is neither true nor false`)
}

/** `127.0.0.1:8080`, `:8080`, `[::1]:8080`. */
const endpoint = (text: string): Endpoint => {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s[\]]*)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (!match || port > 65_535)
    throw new SettingsError(`${JSON.stringify(text)} is not of the form host:port, such as 127.0.0.1:8080`)
  return { host: match[1] ?? (match[2] || '0.0.0.0'), port }
}

const publicUrl = (text: string): string | undefined => {
  if (text === '') return undefined
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.username || url.password || url.search || url.hash)
    throw new SettingsError(`${JSON.stringify(text)} is not a public URL such as https://people.acme.example`)
  if (url.pathname !== '/')
    throw new SettingsError(`${text} has a path; the portal needs a host name of its own, such as ${url.origin}`)
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    throw new SettingsError(`${text} must begin with https://: links and cookies would travel in the open`)
  return url.href.replace(/\/$/, '')
}

export const SETTINGS: readonly SettingDefinition[] = [
  { key: 'data', flag: 'data', help: 'folder of the store', default: '.roster', parse: path },
  { key: 'listen', flag: 'listen', help: 'host:port of the portal', default: '127.0.0.1:8080', parse: endpoint },
  {
    key: 'opsListen',
    flag: 'ops-listen',
    help: 'host:port of health and metrics',
    default: '127.0.0.1:9090',
    parse: endpoint,
  },
  {
    key: 'publicUrl',
    flag: 'public-url',
    help: 'how people reach the portal; needed off loopback and with --smtp',
    default: '',
    parse: publicUrl,
  },
  {
    key: 'smtp',
    flag: 'smtp',
    help: 'mail server: smtp://user@host:587 or smtps://…; its password is the secret smtp/password',
    default: '',
    parse: optionalText,
  },
  {
    key: 'smtpCa',
    flag: 'smtp-ca',
    help: 'file with the certificate authority of the mail server',
    default: '',
    parse: optionalPath,
  },
  {
    key: 'mailRate',
    flag: 'mail-rate',
    help: 'most mails handed over in a second',
    default: '10',
    parse: text => {
      if (!/^[1-9]\d{0,3}$/.test(text))
        throw new SettingsError(`${JSON.stringify(text)} is not a number from 1 to 9999`)
      return Number(text)
    },
  },
  {
    key: 'mailFrom',
    flag: 'mail-from',
    help: 'sender of mails where an organization names none',
    default: '',
    parse: optionalText,
  },
  {
    key: 'mailDir',
    flag: 'mail-dir',
    help: 'folder for mails while no mail server is set (default: mail in the data folder)',
    default: '',
    parse: optionalPath,
  },
  { key: 'secrets', flag: 'secrets', help: 'folder of secrets, NAME/KEY', default: '', parse: optionalPath },
  { key: 'prune', flag: 'prune', help: 'delete what a source no longer holds', default: 'false', parse: flag },
  {
    key: 'allowPrivate',
    flag: 'allow-private',
    help: 'hosts, separated by commas, that may have private addresses',
    default: '',
    parse: text =>
      text
        .split(',')
        .map(host => host.trim().toLowerCase())
        .filter(host => host !== ''),
  },
  {
    key: 'log',
    flag: 'log',
    help: 'text or json',
    default: 'text',
    parse: text => {
      if (text !== 'text' && text !== 'json')
        throw new SettingsError(`${JSON.stringify(text)} is neither text nor json`)
      return text
    },
  },
  {
    key: 'rebind',
    flag: 'rebind',
    help: 'use this store with another mail server or public URL than before',
    default: 'false',
    parse: flag,
  },
]

/** The variable that sets the same as a flag. */
export const variableOf = (flagName: string): string => `ROSTER_${flagName.toUpperCase().replaceAll('-', '_')}`

/**
 * Settings in force: flags, then `ROSTER_*` variables, then the file, then the default. Paths in the file are relative to it, others to `cwd`.
 * @throws SettingsError naming the flag, variable or line
 */
export const resolveSettings = (given: {
  flags: Readonly<Record<string, unknown>>
  environment: NodeJS.ProcessEnv
  cwd: string
  config?: string | undefined
}): Resolved => {
  const file = given.config ?? given.environment['ROSTER_CONFIG']
  const fromFile = file === undefined ? {} : readConfig(resolve(given.cwd, file))
  const settings: Record<string, unknown> = { tables: tablesOf(fromFile['tables'], file) }
  const whence: Record<string, string> = { tables: fromFile['tables'] ? (file ?? 'default') : 'default' }
  for (const { key, flag: name, default: otherwise, parse } of SETTINGS) {
    const camel = name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
    const variable = variableOf(name)
    const [text, from, base] = ((): [string, string, string] => {
      if (given.flags[camel] !== undefined) return [String(given.flags[camel]), `--${name}`, given.cwd]
      if (given.environment[variable] !== undefined) return [given.environment[variable], variable, given.cwd]
      if (fromFile[camel] !== undefined && file) return [String(fromFile[camel]), file, resolve(given.cwd, file, '..')]
      return [otherwise, 'default', given.cwd]
    })()
    try {
      settings[key] = parse(text, base)
    } catch (error) {
      throw error instanceof SettingsError ? new SettingsError(`${from}: ${error.message}`) : error
    }
    whence[key] = from
  }
  const resolved = { settings: settings as unknown as Settings, whence: whence as Record<keyof Settings, string> }
  check(resolved.settings)
  return resolved
}

/** The portal's URL: as set, or the listener's own where that is loopback. @throws SettingsError off loopback without one */
export const portalUrl = (settings: Settings): string => {
  if (settings.publicUrl !== undefined) return settings.publicUrl
  const { host, port } = settings.listen
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

const check = (settings: Settings): void => {
  if (settings.publicUrl === undefined && settings.smtp !== undefined)
    throw new SettingsError('--smtp needs --public-url: a link in a mail must lead to a portal that people can reach')
  if (settings.publicUrl === undefined && !isLoopback(settings.listen.host))
    throw new SettingsError(
      `--listen ${settings.listen.host} needs --public-url: links must say how people reach the portal`,
    )
  if (settings.publicUrl === undefined && settings.listen.port === 0)
    throw new SettingsError(
      `--listen needs a port other than 0, or --public-url: links must lead to the same place always`,
    )
}

const tablesOf = (value: unknown, file: string | undefined): readonly PeopleTable[] => {
  const tables = value === undefined ? [] : readTables(value)
  if ('problem' in tables) throw new SettingsError(`configuration file ${file}: ${tables.problem}`)
  return tables
}

const readConfig = (file: string): Record<string, unknown> => {
  let value: unknown
  try {
    value = load(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new SettingsError(
      `configuration file ${file} cannot be read: ${error instanceof Error ? error.message.split('\n')[0] : 'unknown'}`,
    )
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new SettingsError(`configuration file ${file} must be a mapping of settings`)
  const known = new Set([
    'tables',
    ...SETTINGS.map(({ flag: name }) => name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())),
  ])
  for (const key of Object.keys(value))
    if (!known.has(key))
      throw new SettingsError(
        `configuration file ${file}: there is no setting ${JSON.stringify(key)}; there are ${[...known].sort().join(', ')}`,
      )
  return value as Record<string, unknown>
}
