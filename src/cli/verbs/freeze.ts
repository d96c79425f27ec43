import { setFrozen } from '../../app/freezing.ts'
import { openRealm } from '../../app/openrealm.ts'
import { withExamples } from '../examples.ts'
import { frozenLine } from '../freezetext.ts'
import { realmOptions, textOrJson, withSettings } from '../options.ts'
import { jsonText, line } from '../output.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(
    withSettings(command, 'data'),
    ['freeze acme', 'no mail leaves for acme and all below it, from the next one on'],
    ['freeze', 'the same for every organization that stands at the top'],
  )
    .argument('[organization]', 'name of an Organization; none: all without a parent')
    .option('-o, --output <format>', 'text, json')
    .addHelpText(
      'after',
      '\nFor when something went wrong and is still going on. It sets `frozen` of the Organization; what is decided here goes on: people sign in, join, and lose access.\nA Source does not take it back, whatever its manifests say.',
    )
    .action(async (organization: string | undefined, flags: Record<string, unknown>) => {
      const format = textOrJson(flags['output'])
      await using realm = await openRealm(realmOptions(flags, io))
      const done = await setFrozen(realm, organization, true)
      if (format === 'json') io.out(jsonText({ organizations: done }))
      else for (const one of done) io.out(line(frozenLine(one)))
    })
}
