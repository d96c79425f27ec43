import { escapeText } from '../../api/escape.ts'
import { spanOf } from '../../app/moment.ts'
import { openRealm } from '../../app/openrealm.ts'
import { requestSync } from '../../app/syncing.ts'
import { directoryOf } from '../directoryname.ts'
import { syncText } from '../directorytext.ts'
import { withExamples } from '../examples.ts'
import { loopNote } from '../loop.ts'
import { realmOptions, textOrJson, withSettings } from '../options.ts'
import { jsonText, line } from '../output.ts'
import { ticker } from '../progress.ts'
import { Exit, type Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(
    withSettings(command, 'data'),
    ['sync directory/hr', 'read it now, not at its next interval'],
    ['sync directory/hr --allow-empty', 'it holds nobody any more, and that is right'],
  )
    .argument('<directory...>', 'directory/NAME, or directory NAME')
    .option('--allow-empty', 'takes a directory that tells of nobody for an empty one, this once')
    .option('--timeout <duration>', 'how long to wait for the answer: 30s, 5m, 2h', '15m')
    .option('-o, --output <format>', 'text, json')
    .addHelpText('after', '\nThe controller reads it. Exit code 1: it could not be read completely, or not in time.')
    .action(async (words: string[], flags: Record<string, unknown>) => {
      const format = textOrJson(flags['output'])
      const name = directoryOf(words, 'sync')
      const timeout = AbortSignal.timeout(spanOf(String(flags['timeout'])))
      await using realm = await openRealm(realmOptions(flags, io))
      const wait = await requestSync(realm, name, { allowEmpty: flags['allowEmpty'] === true })
      if (!(await loopNote(realm, io))) {
        if (format === 'json') io.out(jsonText({ resource: `directory/${name}`, requested: true }))
        else io.out(line(`directory/${name}: asked for`))
        return
      }
      const shown = ticker(io)
      const synced = await wait(AbortSignal.any([timeout, io.signal]), ({ users, groups }) =>
        shown.show(`directory/${name}: ${users} people and ${groups} groups until now`),
      )
      shown.end()
      io.signal.throwIfAborted()
      if (synced.is !== 'read') {
        const why =
          synced.is === 'gone' ? 'is gone' : `was not read within ${String(flags['timeout'])}; it still may be`
        io.err(line(`directory/${escapeText(name)} ${why}`))
        throw new Exit(1)
      }
      const { directory } = synced
      if (format === 'json') io.out(jsonText({ resource: `directory/${name}`, ...directory.status?.lastSync }))
      else io.out(syncText(directory))
      if (directory.status?.lastSync?.outcome !== 'Complete') throw new Exit(1)
    })
}
