import { checkDirectory } from '../../app/checking.ts'
import { openRealm } from '../../app/openrealm.ts'
import { directoryOf } from '../directoryname.ts'
import { checkText } from '../directorytext.ts'
import { withExamples } from '../examples.ts'
import { realmOptions, textOrJson, withSettings } from '../options.ts'
import { jsonText } from '../output.ts'
import { ticker } from '../progress.ts'
import { Exit, type Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(withSettings(command, 'data', 'secrets', 'directory-files', 'allow-private'), [
    'check directory/hr',
    'what it holds, and who of them is declared',
  ])
    .argument('<directory...>', 'directory/NAME, or directory NAME')
    .option('-o, --output <format>', 'text, json')
    .addHelpText(
      'after',
      '\nThis command connects by itself, so it needs the secrets and the network that the controller has. It changes nothing. Exit code 1: not everything could be read.',
    )
    .action(async (words: string[], flags: Record<string, unknown>) => {
      const format = textOrJson(flags['output'])
      const name = directoryOf(words, 'check')
      await using realm = await openRealm(realmOptions(flags, io))
      const shown = ticker(io)
      const checked = await checkDirectory(realm, name, {
        signal: io.signal,
        progress: ({ users, groups }) => shown.show(`reading: ${users} people and ${groups} groups`),
      })
      shown.end()
      const { directory, ...found } = checked
      if (format === 'json') io.out(jsonText({ resource: `directory/${directory.metadata.name}`, ...found }))
      else io.out(checkText(checked))
      if (checked.read?.outcome !== 'Complete') throw new Exit(1)
    })
}
