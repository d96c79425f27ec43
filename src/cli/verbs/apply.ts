import { escapeText } from '../../api/escape.ts'
import { refText } from '../../api/resource.ts'
import { type ApplyResult, applyRevision } from '../../app/apply.ts'
import { pathInside } from '../../app/authority.ts'
import { openRealm } from '../../app/openrealm.ts'
import { readRevision } from '../../app/revision.ts'
import { sourceSpecOf } from '../../app/source-arguments.ts'
import { withExamples } from '../examples.ts'
import { heldLines } from '../heldtext.ts'
import type { Io } from '../io.ts'
import { laterText } from '../latertext.ts'
import { formatOf, realmOptions, SENDING, withSettings } from '../options.ts'
import { progress } from '../progress.ts'
import { refuse } from '../refused.ts'
import { remark } from '../remarks.ts'
import { Exit, type Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(
    withSettings(command, ...SENDING),
    ['apply people/', 'make it so once'],
    ['apply people/ --prune', 'and delete what is gone there'],
    ['apply - < alice.yaml', 'one manifest'],
  )
    .argument('<path...>', 'files, folders, - for standard input, or one Git URL')
    .option('--source <name>', 'act as this source', 'default')
    .option('--allow-empty', 'with --prune: an empty input deletes everything of this source')
    .option('--no-wait', 'only write; do not wait until everything that follows has happened')
    .option('--no-progress', 'no progress line')
    .option('-o, --output <format>', 'text, json')
    .addHelpText(
      'after',
      '\nBeside a running `roster run` it only writes and waits. Exit code 1: something was held, kept, refused or failed.',
    )
    .action(async (paths: string[], flags: Record<string, unknown>) => {
      const format = formatOf(flags['output'], ['text', 'json'] as const, 'text')
      await using realm = await openRealm(realmOptions(flags, io, true))
      const source = String(flags['source'])
      const [only, ...more] = paths
      const read = await readRevision(realm, { paths, cwd: io.cwd, stdin: io.stdin }, source, io.signal)
      if (read.revision.outcome !== 'Complete') return refuse(read, io, format === 'json')
      if (format !== 'json') await remark(read, paths, io)
      const bar = progress(io, 'applying', flags['progress'] !== false)
      const result = await applyRevision({
        realm,
        source,
        from:
          only === undefined || only === '-' || more.length > 0
            ? undefined
            : sourceSpecOf(only, { cwd: io.cwd, prune: false }),
        revision: read.revision,
        prune: realm.settings.prune,
        allowEmpty: flags['allowEmpty'] === true,
        wait: flags['wait'] !== false,
        pathOf: pathInside(paths, io.cwd),
        signal: io.signal,
        onStep: bar.step,
      }).finally(bar.end)
      if (format === 'json') io.out(`${JSON.stringify(result, undefined, 2)}\n`)
      else print(result, io)
      const { failed, conflicts, kept } = result.sync
      if (
        failed.length > 0 ||
        conflicts.length > 0 ||
        kept?.reason === 'EmptySource' ||
        result.held.length > 0 ||
        result.unready.some(({ stalled }) => stalled)
      )
        throw new Exit(1)
    })
}

const print = ({ sync, settled, beside, unready, later, held }: ApplyResult, io: Io): void => {
  const line = (text: string): void => io.out(`${escapeText(text)}\n`)
  for (const ref of sync.created) line(`${refText(ref)} created`)
  for (const ref of sync.updated) line(`${refText(ref)} changed`)
  for (const ref of sync.pruned) line(`${refText(ref)} deleted`)
  if (sync.unchanged > 0) line(`${sync.unchanged} unchanged`)
  for (const { ref, fields } of sync.taken)
    line(`${refText(ref)}: took back ${fields.map(({ field, manager }) => `${field} from ${manager}`).join(', ')}`)
  for (const { ref, holder, place } of sync.conflicts)
    io.err(`${escapeText(`${place}: ${refText(ref)} is kept by ${holder}; nothing of it was changed`)}\n`)
  for (const { ref, message } of sync.failed) io.err(`${escapeText(`${refText(ref)}: ${message}`)}\n`)
  if (sync.kept) io.err(`${escapeText(`${sync.kept.message}: ${sync.kept.refs.map(refText).join(', ')}`)}\n`)
  for (const { ref, reason, message } of unready)
    io.err(`${escapeText(`${refText(ref)} is not ready: ${reason}: ${message}`)}\n`)
  for (const set of held) io.err(`${heldLines(set).join('\n')}\n`)
  const [next, ...others] = later
  if (!settled)
    line(
      beside
        ? 'Written. The running controller does the rest.'
        : 'Written. No controller runs on this store: nothing follows, and no mail goes, until roster run or roster apply does.',
    )
  else if (next)
    line(
      `Nothing is left to do now. Next: ${laterText(next)}${others.length > 0 ? `; ${others.length} more later` : ''}`,
    )
}
