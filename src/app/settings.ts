import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { load } from 'js-yaml'
import { isLoopback } from '../api/loopback.ts'
import type { PeopleTable } from '../manifests/columns.ts'
import { SETTINGS, type Settings, SettingsError } from './settingtable.ts'
import { readTables } from './tables.ts'

export { type Endpoint, SETTINGS, type Settings, SettingsError } from './settingtable.ts'

/** Where a value came from: `--smtp`, `ROSTER_SMTP`, `roster.yaml`, `default`. */
export interface Resolved {
  settings: Settings
  whence: Record<keyof Settings, string>
}

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
