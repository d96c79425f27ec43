import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Bench, Row } from './bench.ts'
import type { PassResult } from './pass-run.ts'

const inProcess = async (scenario: string, people: number): Promise<PassResult> => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(import.meta.dirname, 'pass-run.ts'), scenario, String(people)],
    { maxBuffer: 1024 * 1024 },
  )
  return JSON.parse(stdout) as PassResult
}

/** The loop over a whole organization, each in a process of its own: how the first pass grows, what a pass costs that finds nothing to do, and memory. */
export const pass: Bench = {
  name: 'pass',
  async run() {
    const known = { small: await inProcess('known', 10_000), large: await inProcess('known', 100_000) }
    const invited = { small: await inProcess('invited', 1_000), large: await inProcess('invited', 10_000) }
    const joined = await inProcess('joined', 100_000)
    if (known.small.writes > 0 || invited.large.writes > 0)
      throw new Error(`a pass that finds nothing to do wrote ${known.small.writes} and ${invited.large.writes} times`)
    return [
      {
        name: '100,000 known people, first pass',
        figure: known.large.first,
        floor: known.small.first,
        unit: 's',
        against: '10,000',
        aim: 12,
      },
      {
        name: '10,000 people invited, first pass',
        figure: invited.large.first,
        floor: invited.small.first,
        unit: 's',
        against: '1,000',
        aim: 12,
      },
      {
        name: '10,000 known people, nothing to do',
        figure: known.small.again,
        floor: known.small.scan,
        unit: 's',
        against: 'scan and parse',
        aim: 10,
      },
      {
        name: '10,000 invited people, nothing to do',
        figure: invited.large.again,
        floor: invited.large.scan,
        unit: 's',
        against: 'scan and parse',
        aim: 10,
      },
      {
        name: '100,000 people, 99 % joined, memory',
        figure: joined.rss,
        floor: 512,
        unit: 'MiB',
        against: 'limit',
        aim: 1,
      },
    ] satisfies Row[]
  },
}
