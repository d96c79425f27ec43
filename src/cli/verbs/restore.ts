import { resolve } from 'node:path'
import { restoreBackup } from '../../app/backing-up.ts'
import { when } from '../../app/when.ts'
import { withExamples } from '../examples.ts'
import { settingsOf, textOrJson, withSettings } from '../options.ts'
import { jsonText, line } from '../output.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(withSettings(command, 'data'), ['restore acme-2026-11-22.tar --data restored', 'into a new folder'])
    .argument('<file>', 'what `roster backup` wrote')
    .option('-o, --output <format>', 'text, json')
    .addHelpText('after', '\nOnly into a folder that is empty or not there yet.')
    .action(async (file: string, flags: Record<string, unknown>) => {
      const format = textOrJson(flags['output'])
      const { settings } = settingsOf(flags, io)
      const { time, keysMailed, ...info } = await restoreBackup(resolve(io.cwd, file), settings.data)
      if (format === 'json') io.out(jsonText({ data: settings.data, time, keysMailed, ...info }))
      else {
        io.out(line(`Restored into ${settings.data}: the store as it was ${when(time)}.`))
        io.err(
          `It is a new realm with new keys: every link in a mail and every session of before is dead, and people sign in again with their passwords.
Whoever was invited after the backup is not known here, and whoever left after it is back: run \`roster plan\` on your sources before \`roster run\`.
`,
        )
        if (keysMailed)
          io.err(
            'Licence keys that were mailed before cannot be recognized with new keys: take them out of the lists of keys before `roster run`, or somebody else gets them.\n',
          )
      }
    })
}
