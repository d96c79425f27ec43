import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { packageFiles } from '../../app/package-files.ts'
import { didYouMean } from '../../app/suggest.ts'
import { withExamples } from '../examples.ts'
import { line } from '../output.ts'
import { UsageError, type Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(
    command,
    ['schemas --dir .roster-schemas', 'write them, for the modelines of your manifests'],
    ['schemas user', 'print one'],
  )
    .argument('[kind]', 'one kind; none: all of them as one schema')
    .option('--dir <folder>', 'write all of them there, one file a kind')
    .action((kind: string | undefined, flags: Record<string, unknown>) => {
      const files = packageFiles('schemas')
      if (flags['dir'] !== undefined) {
        const folder = resolve(io.cwd, String(flags['dir']))
        mkdirSync(folder, { recursive: true })
        for (const { name, text } of files) writeFileSync(join(folder, name), text)
        io.err(line(`${files.length} schemas written to ${String(flags['dir'])}`))
        return
      }
      const wanted = (kind ?? 'all').toLowerCase().replace(/s$/, '')
      const found = files.find(({ name }) => name === `${wanted}.json`)
      const known = files.map(({ name }) => name.replace(/\.json$/, ''))
      if (!found)
        throw new UsageError(
          `there is no schema ${JSON.stringify(kind)}${didYouMean(wanted, known) || `; there are ${known.join(', ')}`}`,
        )
      io.out(found.text)
    })
}
