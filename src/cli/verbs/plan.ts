import { resolve } from 'node:path'
import { escapeText } from '../../api/escape.ts'
import { planFileOf } from '../../app/applying-plan.ts'
import { pathInside } from '../../app/authority.ts'
import { openRealmOrEmpty } from '../../app/openrealm.ts'
import { isEmptyPlan, workOut } from '../../app/plan.ts'
import { writePlanFile } from '../../app/planfile.ts'
import { readForPlan } from '../../app/revision.ts'
import { withExamples } from '../examples.ts'
import { realmOptions, SENDING, textOrJson, withSettings } from '../options.ts'
import { renderPlan } from '../plantext.ts'
import { refuse } from '../refused.ts'
import { remark } from '../remarks.ts'
import { Exit, type Verb } from '../verb.ts'
import { ROSTER_VERSION } from '../version.ts'

export const verb: Verb = (command, io) => {
  withExamples(
    withSettings(command, ...SENDING),
    ['plan people/', 'what would happen, and to whom'],
    ['plan people/ --prune', 'with what is gone there'],
    ['plan https://git.example/acme/people.git', 'a repository'],
    ['plan people/ --out people.plan', 'and keep it, for apply people/ --plan people.plan'],
  )
    .argument('<path...>', 'files, folders, - for standard input, or one Git URL')
    .option('--source <name>', 'plan as this source', 'default')
    .option('--allow-empty', 'with --prune: an empty input deletes everything of this source')
    .option('--all', 'run everything, not only what the changes reach: what is due anyway is shown too')
    .option('--out <file>', 'also write the plan into this file, for apply --plan')
    .option('-o, --output <format>', 'text, json')
    .addHelpText(
      'after',
      '\nNothing is written or sent, and nobody is contacted but the server of a Git URL. Exit code 1: there are changes; 2: something could not be worked out.',
    )
    .action(async (paths: string[], flags: Record<string, unknown>) => {
      const format = textOrJson(flags['output'])
      await using realm = await openRealmOrEmpty(realmOptions(flags, io))
      const source = String(flags['source'])
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
        signal: io.signal,
      }
      const worked = await workOut(options)
      const { plan } = worked
      const out = flags['out'] as string | undefined
      if (out !== undefined && plan.failed.length === 0) {
        await writePlanFile(resolve(io.cwd, out), await planFileOf({ ...options, program: ROSTER_VERSION }, worked))
        io.err(
          `${escapeText(`The plan is in ${out}: roster apply ${paths.join(' ')} --plan ${out} does just that.`)}\n`,
        )
      }
      io.out(renderPlan(plan, format, { color: io.terminal.color }))
      if (plan.failed.length > 0) throw new Exit(2)
      if (!isEmptyPlan(plan)) throw new Exit(1)
    })
}
