import { resolve } from 'node:path'
import { pathInside } from '../../app/authority.ts'
import { readArguments } from '../../app/reading.ts'
import { fails, REPORT_FORMATS, renderReport } from '../../app/validate.ts'
import { withExamples } from '../examples.ts'
import { formatOf, settingsOf, withSettings } from '../options.ts'
import { Exit, UsageError, type Verb } from '../verb.ts'
import { ROSTER_VERSION } from '../version.ts'

const LEVELS = ['error', 'warning', 'info'] as const

export const verb: Verb = (command, io) => {
  withExamples(
    withSettings(command, 'policy'),
    ['validate people/', 'a folder'],
    ['validate . --strict -o github', 'in a workflow'],
    ['validate people/ --policy policy.yaml --source people', 'within what the source people may'],
    ['validate - < alice.yaml', 'standard input'],
    ['validate users/ --against realm.yaml', 'a part of what is declared: the rest is in an export'],
  )
    .argument('<path...>', 'files and folders; - is standard input')
    .option('-o, --output <format>', REPORT_FORMATS.join(', '))
    .option('--source <name>', 'with --policy: the source that the manifests are of', 'default')
    .option(
      '--against <file>',
      'what roster export wrote: what is there may be referred to, and must not be changed where it cannot',
    )
    .option('--strict', 'also fail on warnings')
    .option('--fail-level <level>', 'fail from this severity on: error, warning, info')
    .addHelpText(
      'after',
      '\nExit code 1: something is invalid.\nTables with headers of your own: `tables` in the configuration file.',
    )
    .action(async (paths: string[], flags: Record<string, unknown>) => {
      const format = formatOf(flags['output'], REPORT_FORMATS, 'pretty')
      const level = LEVELS.find(one => one === (flags['failLevel'] ?? (flags['strict'] ? 'warning' : 'error')))
      if (!level) throw new UsageError(`--fail-level ${String(flags['failLevel'])} is not among ${LEVELS.join(', ')}`)
      const { settings } = settingsOf(flags, io)
      const { policy } = settings
      const authority = policy && {
        authority: { source: String(flags['source']), policy, byPerson: false },
        pathOf: pathInside(paths, io.cwd),
      }
      const against = flags['against'] as string | undefined
      const result = await readArguments({ paths, cwd: io.cwd, stdin: io.stdin }, settings, {
        ...(authority && { authority }),
        ...(against !== undefined && { base: await exported(resolve(io.cwd, against)) }),
      })
      io.out(renderReport(result, format, { color: io.terminal.color, version: ROSTER_VERSION }))
      if (fails(result, level)) throw new Exit(1)
    })
}

const exported = async (file: string) => (await import('../../app/exportfile.ts')).readExportFile(file)
