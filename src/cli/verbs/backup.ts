import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { backUp } from '../../app/backing-up.ts'
import { hasStore } from '../../app/embeddedrealm.ts'
import { NoStoreError } from '../../app/realm.ts'
import { withExamples } from '../examples.ts'
import { settingsOf, textOrJson, withSettings } from '../options.ts'
import { jsonText, line } from '../output.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(withSettings(command, 'data'), ['backup acme-2026-11-22.tar', 'while the controller runs'])
    .argument('<file>', 'a file that is not there yet')
    .option('-o, --output <format>', 'text, json')
    .addHelpText(
      'after',
      '\nIn it: every resource and record, password hashes. Not in it: sessions, keys, mails, the audit trail, your secrets. Keep it as safe as the data folder.',
    )
    .action(async (file: string, flags: Record<string, unknown>) => {
      const format = textOrJson(flags['output'])
      const { settings } = settingsOf(flags, io)
      if (!hasStore(settings)) throw new NoStoreError(`there is no store in ${settings.data}`)
      const target = resolve(io.cwd, file)
      const info = await backUp(settings.data, target, new Date().toISOString())
      const { size } = statSync(target)
      if (format === 'json') io.out(jsonText({ file: target, bytes: size, ...info }))
      else {
        io.out(line(`${file}: ${bytesText(size)}, as of version ${info.resourceVersion}`))
        io.err('The audit trail and your secrets are not in it: copy those folders too.\n')
      }
    })
}

const bytesText = (bytes: number): string =>
  bytes < 1024 * 1024 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`
