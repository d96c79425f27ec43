import { openRealm } from '../../app/openrealm.ts'
import { planUndo, undo } from '../../app/undoing.ts'
import { confirmed } from '../confirm.ts'
import { withExamples } from '../examples.ts'
import { heldLines } from '../heldtext.ts'
import { realmOptions, SENDING, textOrJson, withSettings } from '../options.ts'
import { jsonText, line } from '../output.ts'
import { renderPlan } from '../plantext.ts'
import { Exit, UsageError, type Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(
    withSettings(command, ...SENDING.filter(flag => flag !== 'prune')),
    ['undo 17 --dry-run', 'what putting run 17 back would do'],
    ['undo 17', 'and does it, after asking'],
  )
    .argument('<run>', 'its number, as `roster runs` shows it')
    .option('-y, --yes', 'do not ask')
    .option('--dry-run', 'only say what it would do')
    .option('-o, --output <format>', 'text, json')
    .addHelpText(
      'after',
      '\nWhat the run changed is as before, what it made goes, what it took comes back; what was changed since stays. The guard judges it like every edit.\nMail that went cannot be called back. What a Source still declares is reverted there, or after `roster pause source/NAME`.\nExit code 1: not confirmed, refused, or something is held or stays as it is.',
    )
    .action(async (given: string, flags: Record<string, unknown>) => {
      const format = textOrJson(flags['output'])
      if (!/^[1-9]\d{0,9}$/.test(given))
        throw new UsageError(`${given} is no number of a run; \`roster runs\` lists them`)
      await using realm = await openRealm(realmOptions(flags, io))
      const undoing = await planUndo(realm, Number(given), io.signal)
      const { run, plan, stays, refused } = undoing
      const dry = flags['dryRun'] === true
      const say = dry ? io.out : io.err
      if (format === 'text') {
        say(renderPlan(plan, 'text', { color: io.terminal.color && (dry || io.terminal.err) }))
        for (const text of stays) say(line(`! ${text}`))
        if (refused !== undefined) io.err(line(`! ${refused}`))
      }
      const go =
        !dry && refused === undefined && (await confirmed(io, `Undo run ${run.number}?`, flags['yes'] === true))
      const result = go ? await undo(realm, undoing, io.signal) : undefined
      if (format === 'json') {
        const { changes, held } = plan
        io.out(
          jsonText({
            run,
            changes,
            held,
            stays,
            ...(refused !== undefined && { refused }),
            undone: go,
            ...(result && { sync: result.sync }),
          }),
        )
      } else if (result) {
        const { created, updated, pruned, failed } = result.sync
        io.out(
          line(`run ${run.number} undone: ${created.length} back, ${updated.length} as before, ${pruned.length} gone`),
        )
        for (const { message } of failed) io.err(line(`! ${message}`))
        for (const set of result.held) io.err(`${heldLines(set).join('\n')}\n`)
      }
      if (!dry && (!go || (result && result.sync.failed.length + result.held.length > 0))) throw new Exit(1)
    })
}
