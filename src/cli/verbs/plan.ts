import { resolve } from 'node:path'
import { escapeText } from '../../api/escape.ts'
import { planFileOf } from '../../app/applying-plan.ts'
import { pathInside } from '../../app/authority.ts'
import type { OfflineRealm } from '../../app/exportedrealm.ts'
import { openRealmOrEmpty } from '../../app/openrealm.ts'
import { isEmptyPlan, workOut } from '../../app/plan.ts'
import { writePlanFile } from '../../app/planfile.ts'
import type { Realm } from '../../app/realm.ts'
import { readForPlan } from '../../app/revision.ts'
import { isGitUrl, readElsewhere, sourceOfPaths, sourceReading } from '../../app/source-arguments.ts'
import { withExamples } from '../examples.ts'
import type { Io } from '../io.ts'
import { realmOptions, SENDING, textOrJson, withSettings } from '../options.ts'
import { renderPlan } from '../plantext.ts'
import { refuse } from '../refused.ts'
import { remark } from '../remarks.ts'
import { Exit, UsageError, type Verb } from '../verb.ts'
import { ROSTER_VERSION } from '../version.ts'

export const verb: Verb = (command, io) => {
  withExamples(
    withSettings(command, ...SENDING),
    ['plan people/', 'what would happen, and to whom'],
    ['plan people/ --prune', 'with what is gone there'],
    ['plan https://git.example/acme/people.git', 'a repository'],
    ['plan people/ --against realm.yaml', 'on a machine without the store, against an export of it'],
    ['plan people/ --out people.plan', 'and keep it, for apply people/ --plan people.plan'],
  )
    .argument('<path...>', 'files, folders, - for standard input, or one Git URL')
    .option('--source <name>', 'plan as this source; by default as the Source that reads the path, else as default')
    .option('--allow-empty', 'with --prune: an empty input deletes everything of this source')
    .option('--all', 'run everything, not only what the changes reach: what is due anyway is shown too')
    .option('--out <file>', 'also write the plan into this file, for apply --plan')
    .option('--against <file>', 'instead of the store: what roster export wrote')
    .option('--offline', 'open no store, read no secret, contact nobody; without --against everything counts as new')
    .option('-o, --output <format>', 'text, json')
    .addHelpText(
      'after',
      '\nNothing is written or sent, and nobody is contacted but the server of a Git URL. Exit code 1: there are changes; 2: something could not be worked out.',
    )
    .action(async (paths: string[], flags: Record<string, unknown>) => {
      const format = textOrJson(flags['output'])
      const offline = flags['offline'] === true || flags['against'] !== undefined
      if (offline && flags['out'] !== undefined)
        throw new UsageError('--out needs the store: a plan made without it cannot be applied; -o json prints it')
      if (flags['offline'] === true) refuseUrls(paths)
      await using realm = await realmFor(flags, io, offline)
      const from = sourceOfPaths(paths, io.cwd)
      const source = (flags['source'] as string | undefined) ?? (await sourceReading(realm.store, from))
      const elsewhere = await readElsewhere(realm.store, source, from)
      if (elsewhere !== undefined)
        io.err(
          `${escapeText(`! Source/${source} reads from ${elsewhere}: roster apply refuses to write as it from here. Plan what is there, or name another source with --source.`)}\n`,
        )
      const read = await readForPlan(realm, { paths, cwd: io.cwd, stdin: io.stdin }, source, io.signal)
      if (read.revision.outcome !== 'Complete') return refuse(read, io, format === 'json')
      if (format !== 'json') await remark(read, paths, io)
      const options = {
        realm,
        source,
        revision: read.revision,
        prune: realm.settings.prune,
        allowEmpty: flags['allowEmpty'] === true,
        all: flags['all'] === true,
        pathOf: pathInside(paths, io.cwd),
        ...('unknown' in realm && { unknown: realm.unknown }),
        signal: io.signal,
      }
      const worked = await workOut(options)
      const { plan } = worked
      const out = flags['out'] as string | undefined
      if (out !== undefined && plan.failed.length === 0) {
        await writePlanFile(
          resolve(io.cwd, out),
          await planFileOf({ ...options, program: ROSTER_VERSION, from: { cwd: io.cwd, paths } }, worked),
        )
        io.err(
          `${escapeText(`The plan is in ${out}: roster apply ${paths.join(' ')} --plan ${out} does just that.`)}\n`,
        )
      }
      io.out(renderPlan(plan, format, { color: io.terminal.color }))
      if (plan.failed.length > 0) throw new Exit(2)
      if (!isEmptyPlan(plan)) throw new Exit(1)
    })
}

const realmFor = async (flags: Record<string, unknown>, io: Io, offline: boolean): Promise<Realm | OfflineRealm> => {
  const options = realmOptions(flags, io)
  if (!offline) return openRealmOrEmpty(options)
  const { offlineRealm } = await import('../../app/exportedrealm.ts')
  const against = flags['against'] as string | undefined
  if (against === undefined) return offlineRealm(options, undefined)
  const { readExportFile } = await import('../../app/exportfile.ts')
  return offlineRealm(options, { file: against, resources: await readExportFile(resolve(io.cwd, against)) })
}

const refuseUrls = (paths: readonly string[]): void => {
  const url = paths.find(isGitUrl)
  if (url !== undefined) throw new UsageError(`--offline contacts nobody: check ${url} out and name the folder`)
}
