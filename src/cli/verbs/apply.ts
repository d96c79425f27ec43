import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { escapeText } from '../../api/escape.ts'
import { refText } from '../../api/resource.ts'
import { type ApplyResult, applyRevision } from '../../app/apply.ts'
import { type AppliedPlan, applyPlan } from '../../app/applying-plan.ts'
import { pathInside } from '../../app/authority.ts'
import { openRealm } from '../../app/openrealm.ts'
import { StalePlanError } from '../../app/plan-stale.ts'
import { type PlanFile, readPlanFile } from '../../app/planfile.ts'
import { restoredText } from '../../app/restored.ts'
import { readRevision } from '../../app/revision.ts'
import { isGitUrl, sourceOfPaths, sourceReading } from '../../app/source-arguments.ts'
import { withExamples } from '../examples.ts'
import { heldLines } from '../heldtext.ts'
import type { Io } from '../io.ts'
import { laterText } from '../latertext.ts'
import { formatOf, realmOptions, SENDING, withSettings } from '../options.ts'
import { progress } from '../progress.ts'
import { refuse } from '../refused.ts'
import { remark } from '../remarks.ts'
import { refuseStale } from '../staletext.ts'
import { Exit, UsageError, type Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(
    withSettings(command, ...SENDING),
    ['apply people/', 'make it so once'],
    ['apply people/ --prune', 'and delete what is gone there'],
    ['apply - < alice.yaml', 'one manifest'],
    ['apply people/ --plan people.plan', 'exactly what plan --out wrote down, or nothing'],
  )
    .argument(
      '[path...]',
      'files, folders, - for standard input, or one Git URL; with --plan by default those it was made of',
    )
    .option('--source <name>', 'act as this source; by default as the Source that reads the path, else as default')
    .option('--allow-empty', 'with --prune: an empty input deletes everything of this source')
    .option('--plan <file>', 'do exactly what this plan says, as its source and with its options, or refuse')
    .option('--no-wait', 'only write; do not wait until everything that follows has happened')
    .option('--no-progress', 'no progress line')
    .option('-o, --output <format>', 'text, json')
    .addHelpText(
      'after',
      '\nBeside a running `roster run` it only writes and waits. Exit code 1: something was held, kept, refused or failed.',
    )
    .action(async (given: string[], flags: Record<string, unknown>) => {
      const format = formatOf(flags['output'], ['text', 'json'] as const, 'text')
      const file = await planOf(command, flags, io)
      const { paths, cwd } = given.length > 0 ? { paths: given, cwd: io.cwd } : await pathsOf(file, io)
      await using realm = await openRealm(realmOptions(flags, io, !file?.realm))
      const from = sourceOfPaths(paths, cwd)
      const source = file?.source ?? (flags['source'] as string | undefined) ?? (await sourceReading(realm.store, from))
      const read = await readRevision(realm, { paths, cwd, stdin: io.stdin }, source, io.signal)
      if (read.revision.outcome !== 'Complete') return refuse(read, io, format === 'json')
      if (format !== 'json') await remark(read, paths, io)
      const bar = progress(io, 'applying', flags['progress'] !== false)
      const options = {
        realm,
        from,
        revision: read.revision,
        wait: flags['wait'] !== false,
        pathOf: pathInside(paths, cwd),
        signal: io.signal,
        onStep: bar.step,
      }
      const result: ApplyResult & Partial<AppliedPlan> = await (file
        ? applyPlan(file, options)
        : applyRevision({
            ...options,
            source,
            prune: realm.settings.prune,
            allowEmpty: flags['allowEmpty'] === true,
          })
      )
        .catch((error: unknown) => {
          if (!(error instanceof StalePlanError)) throw error
          bar.end()
          return refuseStale(error, io, format === 'json')
        })
        .finally(bar.end)
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

/** The plan that is to be carried out. It says for itself what else could be said on the command line. */
const planOf = async (command: Command, flags: Record<string, unknown>, io: Io): Promise<PlanFile | undefined> => {
  if (flags['plan'] === undefined) return undefined
  const given = ['source', 'allowEmpty', 'prune'].filter(flag => command.getOptionValueSource(flag) === 'cli')
  if (given.length > 0)
    throw new UsageError('--plan stands for --source, --prune and --allow-empty as they were planned: leave them out')
  return readPlanFile(resolve(io.cwd, String(flags['plan'])))
}

/** The paths that a plan was made of, where they are folders and files that are here. */
const pathsOf = async (file: PlanFile | undefined, io: Io): Promise<{ paths: string[]; cwd: string }> => {
  if (!file) throw new UsageError('name what is to be applied: files, folders, - or one Git URL')
  if (!file.from) throw new UsageError('name the path that the plan was made of: the plan does not say')
  const { cwd, paths } = file.from
  // A file names no server that is to be contacted.
  const local = paths.every(path => path !== '-' && !isGitUrl(path))
  const there = local && (await Promise.all(paths.map(path => exists(resolve(cwd, path))))).every(Boolean)
  if (!there) throw new UsageError(`the plan was made of ${paths.join(' ')} in ${cwd}: name the path of that here`)
  const where = cwd === io.cwd ? '' : ` in ${cwd}`
  io.err(`${escapeText(`Applying ${paths.join(' ')}${where}, of which the plan was made.`)}\n`)
  return { paths: [...paths], cwd }
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

const print = (result: ApplyResult & Partial<AppliedPlan>, io: Io): void => {
  const { sync, settled, beside, unready, later, held, differing, restored } = result
  const line = (text: string): void => io.out(`${escapeText(text)}\n`)
  for (const ref of sync.created) line(`${refText(ref)} created`)
  for (const ref of sync.updated) line(`${refText(ref)} changed`)
  for (const ref of sync.pruned) line(`${refText(ref)} deleted`)
  if (sync.unchanged > 0) line(`${sync.unchanged} unchanged`)
  for (const { ref, fields } of sync.taken)
    line(`${refText(ref)}: took back ${fields.map(({ field, manager }) => `${field} from ${manager}`).join(', ')}`)
  for (const { ref, by, place } of sync.frozen)
    line(`${place}: ${by} has frozen ${ref.name}; it stays frozen until \`roster unfreeze ${ref.name}\``)
  for (const { ref, holder, place } of sync.conflicts)
    io.err(`${escapeText(`${place}: ${refText(ref)} is kept by ${holder}; nothing of it was changed`)}\n`)
  if (sync.conflicts.some(({ holder }) => holder.startsWith('source ')))
    io.err('What moved here from another source is handed over by roster run, which reads both; apply reads one.\n')
  for (const { ref, message } of sync.failed) io.err(`${escapeText(`${refText(ref)}: ${message}`)}\n`)
  if (sync.kept) io.err(`${escapeText(`${sync.kept.message}: ${sync.kept.refs.map(refText).join(', ')}`)}\n`)
  for (const { ref, reason, message } of unready)
    io.err(`${escapeText(`${refText(ref)} is not ready: ${reason}: ${message}`)}\n`)
  for (const { name, organization, what, planned, is } of differing ?? [])
    io.err(
      `${escapeText(`! ${name}${organization === undefined ? '' : ` in ${organization}`}: ${what}: planned ${planned}, is ${is}`)}\n`,
    )
  if (differing?.length === 0) line('All that was planned to follow has followed.')
  for (const set of held) io.err(`${heldLines(set).join('\n')}\n`)
  if (restored) io.err(`! ${escapeText(restoredText(restored))}\n`)
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
