import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Bench, Row } from './bench.ts'
import type { ScimResult } from './scim-run.ts'

const inProcess = async (people: number, latency: number): Promise<ScimResult> => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    join(import.meta.dirname, 'scim-run.ts'),
    String(people),
    String(latency),
  ])
  return JSON.parse(stdout) as ScimResult
}

/** What it says of itself and of groups, and a page behind the last full one of people and of groups. */
const BESIDE = 4

/** People of a SCIM service, and 700 groups of 100 members, read by the driver alone. */
export const scim: Bench = {
  name: 'scim',
  async run() {
    const rows: Row[] = []
    for (const [people, latency] of [
      [10_000, 20],
      [100_000, 0],
      [100_000, 20],
    ] as const) {
      const { read, fetch, requests, pages, rss } = await inProcess(people, latency)
      if (requests > pages + BESIDE) throw new Error(`${requests} requests for ${pages} pages`)
      const name = `${people.toLocaleString('en')} people, ${latency} ms a request`
      rows.push({
        name,
        figure: read,
        floor: fetch,
        unit: 's',
        against: 'fetch of the same pages',
        aim: latency === 0 ? 4 : 2,
      })
      if (people === 100_000 && latency === 0)
        rows.push({ name: `${name}, memory`, figure: rss, floor: 512, unit: 'MiB', against: 'limit', aim: 1 })
    }
    return rows
  },
}
