import { type Command, Option } from 'commander'
import type { RealmOptions } from '../app/realm.ts'
import { type Resolved, resolveSettings, SETTINGS } from '../app/settings.ts'
import type { Io } from './io.ts'
import { UsageError } from './verb.ts'

type Flag = (typeof SETTINGS)[number]['flag']
const SWITCHES: ReadonlySet<Flag> = new Set(['prune', 'rebind', 'kubernetes'])
/** Where a realm lives: given with `data`. */
const HOMES: readonly Flag[] = ['kubernetes', 'kubeconfig', 'context', 'namespace']

/** A flag that says where resources live, as it stands on a command line. */
export interface HomeFlag {
  long: string
  short: string | undefined
  key: string
  takesValue: boolean
}
export const HOME_FLAGS: readonly HomeFlag[] = SETTINGS.filter(
  ({ flag }) => flag === 'data' || HOMES.includes(flag),
).map(({ flag, key, short }) => ({
  long: `--${flag}`,
  short: short && `-${short}`,
  key,
  takesValue: !SWITCHES.has(flag),
}))

/** Adds flags of settings, `--config` among them; with `data` all that say where resources live. The defaults are shown, and set where settings are resolved. */
export const withSettings = (command: Command, ...flags: Flag[]): Command => {
  const wanted = new Set([...flags, ...(flags.includes('data') ? HOMES : [])])
  for (const definition of SETTINGS.filter(({ flag }) => wanted.has(flag))) {
    const short = definition.short === undefined ? '' : `-${definition.short}, `
    const usage = `${short}--${definition.flag}${SWITCHES.has(definition.flag) ? '' : ' <value>'}`
    const otherwise =
      definition.default === '' || SWITCHES.has(definition.flag) ? '' : ` (default: ${definition.default})`
    command.addOption(new Option(usage, `${definition.help}${otherwise}`))
  }
  return command.option('--config <file>', 'configuration file of the controller (ROSTER_CONFIG)')
}

/** Flags of every verb that can send mail. */
export const SENDING: Flag[] = [
  'data',
  'public-url',
  'listen',
  'smtp',
  'smtp-ca',
  'mail-rate',
  'mail-from',
  'mail-dir',
  'secrets',
  'credentials-namespace',
  'keys',
  'audit',
  'prune',
  'policy',
  'signers',
  'allow-private',
  'rebind',
]

export const settingsOf = (flags: Record<string, unknown>, io: Io): Resolved =>
  resolveSettings({ flags, environment: io.environment, cwd: io.cwd, config: flags['config'] as string | undefined })

/** What `openRealm` is given. */
export const realmOptions = (flags: Record<string, unknown>, io: Io, create = false): RealmOptions => ({
  settings: settingsOf(flags, io).settings,
  environment: io.environment,
  create,
})

/** `-o` with the formats that a verb has. @throws UsageError */
export const formatOf = <F extends string>(given: unknown, formats: readonly F[], otherwise: F): F => {
  if (given === undefined) return otherwise
  const found = formats.find(format => format === given)
  if (!found) throw new UsageError(`-o ${String(given)} is not among ${formats.join(', ')}`)
  return found
}

/** `-o text|json` of verbs that print no resources. @throws UsageError */
export const textOrJson = (given: unknown): 'text' | 'json' => formatOf(given, ['text', 'json'] as const, 'text')
