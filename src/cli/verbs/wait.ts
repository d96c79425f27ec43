import { spanOf } from '../../app/moment.ts'
import { openRealm } from '../../app/openrealm.ts'
import { standingText, waitFor, wantedOf } from '../../app/waiting.ts'
import { withExamples } from '../examples.ts'
import { refOf } from '../kinds.ts'
import { realmOptions, textOrJson, withSettings } from '../options.ts'
import { jsonText, line } from '../output.ts'
import { Exit, type Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(
    withSettings(command, 'data'),
    ['wait user alice --for condition=Ready', 'until nothing is left to do for her now'],
    ['wait invitation/carol --for state=Accepted --timeout 24h', 'until Carol has joined'],
    ['wait user bob --for delete', 'until he is gone'],
  )
    .argument('<resource...>', 'KIND NAME, or KIND/NAME; a person also by address')
    .requiredOption('--for <what>', 'condition=TYPE[=STATUS], FIELD=VALUE (status.state=Active), create, delete')
    .option('--timeout <duration>', 'how long to wait: 30s, 5m, 2h', '30s')
    .option('-o, --output <format>', 'text, json')
    .addHelpText('after', '\nExit code 1: not in time.')
    .action(async (words: string[], flags: Record<string, unknown>) => {
      const format = textOrJson(flags['output'])
      const ref = refOf(words)
      const wanted = wantedOf(String(flags['for']))
      const timeout = AbortSignal.timeout(spanOf(String(flags['timeout'])))
      await using realm = await openRealm(realmOptions(flags, io))
      const { so, object } = await waitFor(realm, ref, wanted, AbortSignal.any([timeout, io.signal]))
      io.signal.throwIfAborted()
      const name = `${ref.kind.toLowerCase()}/${object?.metadata.name ?? ref.name}`
      const standing = standingText(wanted, object)
      if (format === 'json') io.out(jsonText({ resource: name, for: flags['for'], met: so, ...(!so && { standing }) }))
      else if (so) io.out(line(`${name}: ${String(flags['for'])}`))
      if (so) return
      io.err(line(`${name} is not so within ${String(flags['timeout'])}: ${standing}`))
      throw new Exit(1)
    })
}
