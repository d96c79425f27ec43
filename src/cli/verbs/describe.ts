import { describeObject } from '../../app/describe.ts'
import { openRealm } from '../../app/openrealm.ts'
import { describeText } from '../describetext.ts'
import { withExamples } from '../examples.ts'
import { missingText, refOf } from '../kinds.ts'
import { formatOf, realmOptions, withSettings } from '../options.ts'
import { document, jsonLine, line } from '../output.ts'
import { Exit, type Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(
    withSettings(command, 'data'),
    ['describe user alice', 'a person with memberships, attempts, mails and seats'],
    ['describe inv/carol', 'an invitation with every attempt'],
    ['describe pool suite', 'a pool'],
  )
    .argument('<resource...>', 'KIND NAME, or KIND/NAME; a person also by address')
    .option('-o, --output <format>', 'text, json, yaml')
    .addHelpText('after', '\nExit code 1: it does not exist.')
    .action(async (words: string[], flags: Record<string, unknown>) => {
      const format = formatOf(flags['output'], ['text', 'json', 'yaml'] as const, 'text')
      const ref = refOf(words)
      await using realm = await openRealm(realmOptions(flags, io))
      const description = await describeObject(realm, ref)
      if (!description) {
        const message = await missingText(realm, ref.kind, ref.name)
        io.err(line(message))
        if (format === 'json') io.out(jsonLine({ error: { reason: 'ReferenceNotFound', message } }))
        throw new Exit(1)
      }
      io.out(
        format === 'text' ? await describeText(description, realm.clock.now()) : await document(description, format),
      )
    })
}
