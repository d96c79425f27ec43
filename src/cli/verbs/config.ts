import { SETTINGS, variableOf } from '../../app/settings.ts'
import { withExamples } from '../examples.ts'
import { settingsOf, textOrJson, withSettings } from '../options.ts'
import { jsonText, table } from '../output.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(
    withSettings(command, ...SETTINGS.map(({ flag }) => flag)),
    ['config', 'what is in force here'],
    ['config --config roster.yaml', 'with a configuration file'],
  )
    .option('-o, --output <format>', 'text, json')
    .addHelpText('after', '\nFlags come before ROSTER_* variables, those before the file. Secrets are never shown.')
    .action((flags: Record<string, unknown>) => {
      const format = textOrJson(flags['output'])
      const { settings, whence } = settingsOf(flags, io)
      const shown = SETTINGS.map(({ key, flag }) => ({
        setting: flag,
        value: shownValue(settings[key]),
        from: whence[key],
        variable: variableOf(flag),
      }))
      const tables = {
        setting: 'tables',
        value: settings.tables.map(({ file }) => file).join(', '),
        from: whence.tables,
        variable: '',
      }
      if (format === 'json') {
        const values = Object.fromEntries(
          [...shown, tables].map(({ setting, value, from }) => [setting, { value, from }]),
        )
        io.out(jsonText({ settings: values }))
      } else
        io.out(
          table(
            ['Setting', 'Value', 'From', 'Variable'],
            [...shown, tables].map(one => [one.setting, one.value === '' ? '-' : one.value, one.from, one.variable]),
          ),
        )
    })
}

/** As it could be written again. A password in a URL is nobody's to see. */
const shownValue = (value: unknown): string => {
  if (value === undefined) return ''
  if (Array.isArray(value)) return value.join(',')
  if (typeof value === 'object' && value !== null && 'port' in value) {
    const { host, port } = value as { host: string; port: number }
    return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  }
  if (typeof value === 'object' && value !== null && 'file' in value) return String(value.file)
  const text = String(value)
  if (!URL.canParse(text) || new URL(text).password === '') return text
  const url = new URL(text)
  url.password = '***'
  return url.href
}
