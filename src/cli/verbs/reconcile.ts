import { openRealm } from '../../app/openrealm.ts'
import { requestReconcile } from '../../app/requests.ts'
import { withExamples } from '../examples.ts'
import { refOf } from '../kinds.ts'
import { loopNote } from '../loop.ts'
import { realmOptions, textOrJson, withSettings } from '../options.ts'
import { jsonText, line } from '../output.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(
    withSettings(command, 'data'),
    ['reconcile source/people', 'read the repository now, not at its next interval'],
    ['reconcile user/alice', 'look at one person again'],
  )
    .argument('<resource...>', 'KIND/NAME, or KIND NAME')
    .option('-o, --output <format>', 'text, json')
    .action(async (words: string[], flags: Record<string, unknown>) => {
      const format = textOrJson(flags['output'])
      await using realm = await openRealm(realmOptions(flags, io))
      const object = await requestReconcile(realm, refOf(words))
      const name = `${object.kind.toLowerCase()}/${object.metadata.name}`
      if (format === 'json') io.out(jsonText({ resource: name, requested: true }))
      else {
        io.out(line(`${name}: asked for`))
        await loopNote(realm, io)
      }
    })
}
