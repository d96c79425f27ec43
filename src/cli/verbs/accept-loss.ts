import { acceptKeyLoss, planKeyLoss } from '../../app/keyloss.ts'
import { openRealm } from '../../app/openrealm.ts'
import { confirmed } from '../confirm.ts'
import { withExamples } from '../examples.ts'
import { realmOptions, textOrJson, withSettings } from '../options.ts'
import { jsonText, line } from '../output.ts'
import { Exit, UsageError, type Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(
    withSettings(command, 'data', 'keys', 'audit'),
    ['accept-loss keys', 'says what dies with keys that are gone, and asks'],
    ['accept-loss keys --yes', 'in a script'],
  )
    .argument('<what>', 'keys')
    .option('-y, --yes', 'do not ask')
    .option('-o, --output <format>', 'text, json')
    .addHelpText(
      'after',
      '\nA controller does not start where keys that were in use are gone. The better way is to put them back: from your own copy, since no backup holds them.\nExit codes: 1 not confirmed.',
    )
    .action(async (what: string, flags: Record<string, unknown>) => {
      const format = textOrJson(flags['output'])
      if (what !== 'keys') throw new UsageError(`${JSON.stringify(what)} is nothing that can be lost here; say keys`)
      await using realm = await openRealm(realmOptions(flags, io))
      const loss = await planKeyLoss(realm)
      for (const { name, how } of loss.lost) io.err(line(`${name} is ${how === 'missing' ? 'missing' : 'another key'}`))
      for (const { what: dead, count, remedy } of loss.dies)
        io.err(
          line(
            `- ${dead}${count === undefined ? '' : ` (${count})`} will be gone for good${remedy ? `; ${remedy}` : ''}`,
          ),
        )
      if (loss.lost.length > 0) {
        io.err('Where the keys can still be found, put them back instead.\n')
        const go = await confirmed(io, 'Go on without them?', flags['yes'] === true)
        if (!go) throw new Exit(1)
        await acceptKeyLoss(realm, loss)
      }
      if (format === 'json') io.out(jsonText({ accepted: loss.lost, gone: loss.dies }))
      else if (loss.lost.length === 0) io.out('Nothing is lost: every key that was in use is there.\n')
      else io.out('Accepted: this realm goes on with the keys that are there now. Start the controller again.\n')
    })
}
