import { exported } from '../../app/exporting.ts'
import { openRealm } from '../../app/openrealm.ts'
import { withExamples } from '../examples.ts'
import { kindOf } from '../kinds.ts'
import { formatOf, realmOptions, withSettings } from '../options.ts'
import { document } from '../output.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(
    withSettings(command, 'data'),
    ['export > realm.yaml', 'everything, records and statuses too'],
    ['export -o json --kinds users,roles', 'for another program'],
  )
    .option('--kinds <kinds>', 'only these, separated by commas')
    .option('--org <organization>', 'only of this organization, and what belongs to none')
    .option('--no-records', 'without what Roster remembers')
    .option('-o, --output <format>', 'yaml, json', 'yaml')
    .addHelpText('after', '\nNo secret is in an export, so it is no backup: `roster backup FILE` makes one.')
    .action(async (flags: Record<string, unknown>) => {
      const format = formatOf(flags['output'], ['yaml', 'json'] as const, 'yaml')
      const kinds = flags['kinds'] === undefined ? undefined : String(flags['kinds']).split(',').map(kindOf)
      await using realm = await openRealm(realmOptions(flags, io))
      const items = exported(realm, {
        ...(kinds && { kinds }),
        organization: flags['org'] as string | undefined,
        records: flags['records'] !== false,
      })
      // Item by item: a realm of ten thousand people is never one text in memory.
      io.out(
        format === 'json'
          ? '{\n  "apiVersion": "v1",\n  "kind": "List",\n  "items": ['
          : 'apiVersion: v1\nkind: List\n',
      )
      let count = 0
      for await (const item of items) {
        io.signal.throwIfAborted()
        const text = (await document(item, format)).trimEnd()
        if (format === 'json') io.out(`${count > 0 ? ',' : ''}\n${indented(text, '    ', '    ')}`)
        else io.out(`${count === 0 ? 'items:\n' : ''}${indented(text, '  - ', '    ')}\n`)
        count += 1
      }
      io.out(format === 'json' ? `${count > 0 ? '\n  ' : ''}]\n}\n` : count === 0 ? 'items: []\n' : '')
      if (io.terminal.out) io.err(`${count} resources. No secret is among them: this is no backup.\n`)
    })
}

const indented = (text: string, first: string, rest: string): string =>
  text
    .split('\n')
    .map((row, at) => (row === '' ? '' : (at === 0 ? first : rest) + row))
    .join('\n')
