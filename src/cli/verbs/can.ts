import { openRealm } from '../../app/openrealm.ts'
import { mayPerson } from '../../app/why.ts'
import { colors } from '../color.ts'
import { withExamples } from '../examples.ts'
import { realmOptions, textOrJson, withSettings } from '../options.ts'
import { jsonText, line } from '../output.ts'
import { Exit, type Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(
    withSettings(command, 'data'),
    ['can alice documents:write --in acme', 'yes or no, and why'],
    ['can dan documents:share --in acme && deploy', 'in a script'],
  )
    .argument('<person>', 'name of a User, or an address')
    .argument('<permission>', 'area:verb, such as users:update or documents:read')
    .requiredOption('--in <organization>', 'where')
    .option('-o, --output <format>', 'text, json')
    .addHelpText(
      'after',
      '\nExit code 1: may not. What counts is the access in force; suspension and ends are judged as of now.',
    )
    .action(async (person: string, permission: string, flags: Record<string, unknown>) => {
      const format = textOrJson(flags['output'])
      await using realm = await openRealm(realmOptions(flags, io))
      const answer = await mayPerson(realm, { person, permission, organization: String(flags['in']) })
      if (format === 'json') {
        const { person: who, name, organization, has, ways, notes } = answer
        io.out(jsonText({ person: who, permission: name, organization, may: has, ways, notes }))
      } else {
        const paint = colors(io.terminal.color)
        io.out(`${answer.has ? paint.green('yes') : paint.red('no')}\n`)
        for (const text of [...answer.ways.map(way => way.text), ...answer.notes]) io.err(line(`  ${text}`))
      }
      if (!answer.has) throw new Exit(1)
    })
}
