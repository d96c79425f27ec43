import { setFrozen } from '../../app/freezing.ts'
import { openRealm } from '../../app/openrealm.ts'
import { withExamples } from '../examples.ts'
import { belowLine, frozenLine } from '../freezetext.ts'
import { loopNote } from '../loop.ts'
import { realmOptions, textOrJson, withSettings } from '../options.ts'
import { jsonText, line } from '../output.ts'
import { Exit, type Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(
    withSettings(command, 'data'),
    ['unfreeze acme', 'mails that wait are sent'],
    ['unfreeze', 'every organization that stands at the top'],
  )
    .argument('[organization]', 'name of an Organization; none: all without a parent')
    .option('-o, --output <format>', 'text, json')
    .addHelpText(
      'after',
      '\nWhat waits is sent, each mail once. News older than three days is not, and a link whose time has passed is made anew.\n`roster plan` shows before what waits.\nExit code 1: it stays frozen, by its manifest or by one above.',
    )
    .action(async (organization: string | undefined, flags: Record<string, unknown>) => {
      const format = textOrJson(flags['output'])
      await using realm = await openRealm(realmOptions(flags, io))
      const done = await setFrozen(realm, organization, false)
      if (format === 'json') io.out(jsonText({ organizations: done }))
      else {
        for (const one of done) {
          io.out(line(frozenLine(one)))
          const below = belowLine(one)
          if (below !== undefined) io.out(line(below))
        }
        if (done.some(({ changed }) => changed)) await loopNote(realm, io)
      }
      if (done.some(({ frozen, refused }) => frozen || refused !== undefined)) throw new Exit(1)
    })
}
