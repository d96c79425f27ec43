import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Bench, Row } from './bench.ts'
import type { DirectoryResult } from './directory-run.ts'

const inProcess = async (people: number): Promise<DirectoryResult> => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    join(import.meta.dirname, 'directory-run.ts'),
    String(people),
  ])
  return JSON.parse(stdout) as DirectoryResult
}

/** An export of people read by the whole controller: for the first time, and with nothing new in it. */
export const directory: Bench = {
  name: 'directory',
  async run() {
    const small = await inProcess(1_000)
    const middle = await inProcess(10_000)
    const large = await inProcess(100_000)
    for (const { writes, requests } of [small, middle, large])
      if (writes > 0 || requests !== 1)
        throw new Error(`a read that finds nothing new wrote ${writes} times, in ${requests} requests`)
    return [
      {
        name: '100,000 people in a file, first read',
        figure: large.first,
        floor: middle.first,
        unit: 's',
        against: '10,000',
        aim: 12,
      },
      {
        name: '10,000 people in a file, nothing new',
        figure: middle.again,
        floor: middle.scan,
        unit: 's',
        against: 'csv-parse alone',
        aim: 10,
      },
      {
        name: '100,000 people in a file, nothing new',
        figure: large.again,
        floor: large.scan,
        unit: 's',
        against: 'csv-parse alone',
        aim: 10,
      },
      {
        name: '100,000 people in a file, nothing new, memory',
        figure: large.rss,
        floor: 512,
        unit: 'MiB',
        against: 'limit',
        aim: 1,
      },
    ] satisfies Row[]
  },
}
