import { openRealm } from '../../app/openrealm.ts'
import { setPaused } from '../../app/requests.ts'
import { withExamples } from '../examples.ts'
import { refOf } from '../kinds.ts'
import { realmOptions, textOrJson, withSettings } from '../options.ts'
import { jsonText, line } from '../output.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(
    withSettings(command, 'data'),
    ['pause user/alice', 'nothing is done for her, and nothing taken, until resumed'],
    ['pause source/default', 'what the source says is not applied for now'],
  )
    .argument('<resource...>', 'KIND/NAME, or KIND NAME')
    .option('-o, --output <format>', 'text, json')
    .addHelpText(
      'after',
      '\nIt stops reconciling, not the person: to stop somebody signing in, write `suspended: true`.',
    )
    .action(async (words: string[], flags: Record<string, unknown>) => {
      const format = textOrJson(flags['output'])
      await using realm = await openRealm(realmOptions(flags, io))
      const { object, changed } = await setPaused(realm, refOf(words), true)
      const name = `${object.kind.toLowerCase()}/${object.metadata.name}`
      if (format === 'json') io.out(jsonText({ resource: name, paused: true, changed }))
      else io.out(line(changed ? `${name} is paused; \`roster resume ${name}\` goes on` : `${name} is paused already`))
    })
}
