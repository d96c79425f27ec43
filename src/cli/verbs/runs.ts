import { openRealm } from '../../app/openrealm.ts'
import { listRuns } from '../../app/runs.ts'
import { withExamples } from '../examples.ts'
import { formatOf, realmOptions, withSettings } from '../options.ts'
import { age, document, table } from '../output.ts'
import { UsageError, type Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(
    withSettings(command, 'data'),
    ['runs', 'what each pass of a source did, newest last'],
    ['runs --source people --limit 5', 'the last five of one source'],
  )
    .option('--source <name>', 'of one source')
    .option('--limit <number>', 'only the newest so many', '50')
    .option('-o, --output <format>', 'table, wide, json, yaml')
    .addHelpText(
      'after',
      '\nA run is a pass of a Source, or a `roster apply`, that changed something, held something or failed. The last 50 are remembered.\n`roster undo RUN` shows what putting one back would do.',
    )
    .action(async (flags: Record<string, unknown>) => {
      const format = formatOf(flags['output'], ['table', 'wide', 'json', 'yaml'] as const, 'table')
      const limit = Number(flags['limit'])
      if (!Number.isInteger(limit) || limit < 1) throw new UsageError(`--limit ${String(flags['limit'])} is no number`)
      await using realm = await openRealm(realmOptions(flags, io))
      const source = flags['source'] as string | undefined
      const runs = (await listRuns(realm.store))
        .filter(run => source === undefined || run.source === source)
        .slice(0, limit)
        .reverse()
      if (format === 'json' || format === 'yaml') return io.out(await document({ runs }, format))
      if (runs.length === 0) return io.err('No source has changed anything yet.\n')
      const now = realm.clock.now()
      io.out(
        table(
          [
            'Run',
            'Age',
            'Source',
            'Revision',
            'Author',
            'By',
            'Created',
            'Changed',
            'Deleted',
            'Held',
            'Failed',
            ...(format === 'wide' ? ['Kinds'] : []),
          ],
          runs.map(run => [
            String(run.number),
            age(run.time, now),
            run.source,
            format === 'wide' ? run.revision : run.revision.slice(0, 19),
            authorText(run, format === 'wide'),
            run.by,
            ...[run.created, run.updated, run.deleted, run.held, run.failed].map(String),
            ...(format === 'wide'
              ? [
                  Object.entries(run.kinds)
                    .map(([kind, count]) => `${count} ${kind}`)
                    .join(', '),
                ]
              : []),
          ]),
        ),
      )
    })
}

/** Who wrote the commit; wide, who committed it too, where that is another one: who merged it. */
const authorText = ({ author, committer }: { author?: string; committer?: string }, wide: boolean): string =>
  author === undefined
    ? '-'
    : !wide || committer === undefined || committer === author
      ? author
      : `${author}, committed by ${committer}`
