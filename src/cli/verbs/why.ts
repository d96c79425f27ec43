import { openRealm } from '../../app/openrealm.ts'
import { whyOf } from '../../app/why.ts'
import { colors } from '../color.ts'
import { withExamples } from '../examples.ts'
import { realmOptions, textOrJson, withSettings } from '../options.ts'
import { jsonText } from '../output.ts'
import { Exit, type Verb } from '../verb.ts'
import { whyText } from '../whytext.ts'

export const verb: Verb = (command, io) => {
  withExamples(
    withSettings(command, 'data'),
    ['why alice', 'everything, to file and line'],
    ['why ben editor', 'one role'],
    ['why ben documents:write', 'one permission'],
    ['why alice locale', 'one value: email, aliases, givenName, familyName, displayName, locale, suspended'],
    ['why kim pool/suite', 'one seat, or the place in line'],
  )
    .argument('<person>', 'name of a User, or an address')
    .argument(
      '[thing]',
      'a role, group/NAME, pool/NAME, a permission such as documents:read, or a value such as email or value/email; none: everything',
    )
    .option('--in <organization>', 'only there')
    .option('-o, --output <format>', 'text, json')
    .addHelpText('after', '\nExit code 1: the person has it not.')
    .action(async (person: string, question: string | undefined, flags: Record<string, unknown>) => {
      const format = textOrJson(flags['output'])
      await using realm = await openRealm(realmOptions(flags, io))
      const answer = await whyOf(realm, { person, question, organization: flags['in'] as string | undefined })
      io.out(format === 'json' ? jsonText(answer) : whyText(answer, colors(io.terminal.color)))
      if (answer.asked !== undefined && !answer.has) throw new Exit(1)
    })
}
