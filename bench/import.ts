import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Bench } from './bench.ts'
import type { ImportResult } from './import-run.ts'

const inProcess = async (people: number, directories: number): Promise<ImportResult> => {
  const file = join(import.meta.dirname, 'import-run.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [file, String(people), String(directories)])
  const result = JSON.parse(stdout) as ImportResult
  if (result.writes > 0) throw new Error(`a run that finds nothing new wrote ${result.writes} records and Users`)
  return result
}

/** People of directories made members by the whole controller: from nothing, and with nothing new. */
export const imports: Bench = {
  name: 'import',
  async run() {
    const [middle, large] = [await inProcess(10_000, 1), await inProcess(100_000, 1)]
    const merged = await inProcess(100_000, 3)
    return [
      {
        name: '100,000 people from nothing',
        figure: large.first,
        floor: middle.first,
        unit: 's',
        against: '10,000',
        aim: 12,
      },
      {
        name: '100,000 people of three directories that say the same, from nothing',
        figure: merged.first,
        floor: large.first,
        unit: 's',
        against: 'one directory',
        aim: 3,
      },
      {
        name: '100,000 people, nothing new, memory',
        figure: large.rss,
        floor: 512,
        unit: 'MiB',
        against: 'limit',
        aim: 1,
      },
    ]
  },
}
