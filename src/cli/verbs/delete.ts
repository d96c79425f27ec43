import { deleteObject, planDeletion } from '../../app/deleting.ts'
import { openRealm } from '../../app/openrealm.ts'
import { confirmed } from '../confirm.ts'
import { withExamples } from '../examples.ts'
import { refOf } from '../kinds.ts'
import { realmOptions, textOrJson, withSettings } from '../options.ts'
import { jsonText, line } from '../output.ts'
import { renderPlan } from '../plantext.ts'
import { Exit, type Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(
    withSettings(command, 'data'),
    ['delete invitation carol', 'kills the link, after saying what that takes away'],
    ['delete user/eve --yes', 'in a script'],
  )
    .argument('<resource...>', 'KIND NAME, or KIND/NAME')
    .option('-y, --yes', 'do not ask')
    .option('--dry-run', 'only say what it takes away')
    .option('-o, --output <format>', 'text, json')
    .addHelpText(
      'after',
      '\nWhat a source declares is deleted there; this names file and line. Exit code 1: not confirmed.',
    )
    .action(async (words: string[], flags: Record<string, unknown>) => {
      const format = textOrJson(flags['output'])
      await using realm = await openRealm(realmOptions(flags, io))
      const { object, plan, consequences } = await planDeletion(realm, refOf(words), io.signal)
      const name = `${object.kind.toLowerCase()}/${object.metadata.name}`
      const dry = flags['dryRun'] === true
      // What was asked for is data; what is said before a deletion is talk.
      const say = dry ? io.out : io.err
      if (format === 'text') {
        say(renderPlan(plan, 'text', { color: io.terminal.color && (dry || io.terminal.err) }))
        for (const text of consequences) say(line(`! ${text}`))
      }
      const go = !dry && (await confirmed(io, `Delete ${name}?`, flags['yes'] === true))
      const done = go ? await deleteObject(realm, object, io.signal) : undefined
      if (format === 'json') {
        const { changes } = JSON.parse(renderPlan(plan, 'json', { color: false })) as { changes: unknown }
        io.out(jsonText({ resource: name, deleted: go, ...done, changes, consequences }))
      } else if (done) io.out(line(done.gone ? `${name} deleted` : `${name} is being deleted: ${done.why}`))
      if (!go && !dry) throw new Exit(1)
    })
}
