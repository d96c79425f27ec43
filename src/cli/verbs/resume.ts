import { openRealm } from '../../app/openrealm.ts'
import { setPaused } from '../../app/requests.ts'
import { withExamples } from '../examples.ts'
import { refOf } from '../kinds.ts'
import { realmOptions, textOrJson, withSettings } from '../options.ts'
import { jsonText, line } from '../output.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(withSettings(command, 'data'), ['resume user/alice', 'goes on where it was paused'])
    .argument('<resource...>', 'KIND/NAME, or KIND NAME')
    .option('-o, --output <format>', 'text, json')
    .action(async (words: string[], flags: Record<string, unknown>) => {
      const format = textOrJson(flags['output'])
      await using realm = await openRealm(realmOptions(flags, io))
      const { object, changed } = await setPaused(realm, refOf(words), false)
      const name = `${object.kind.toLowerCase()}/${object.metadata.name}`
      if (format === 'json') io.out(jsonText({ resource: name, paused: false, changed }))
      else io.out(line(changed ? `${name} goes on` : `${name} is not paused`))
    })
}
