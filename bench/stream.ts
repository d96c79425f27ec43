import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../src/app/system-clock.ts'
import { openEmbeddedStore } from '../src/store/embedded/store.ts'
import { replay } from '../test/material/stream.ts'
import type { Bench } from './bench.ts'

const COMMITS = 1_000

/** A stream of commits over an organization of real size (1,500 people, 770 groups), each against the first revision; after each, the store is compared with the manifests. */
export const stream: Bench = {
  name: 'stream',
  run: async () => {
    const folder = await mkdtemp(join(tmpdir(), 'roster-bench-stream-'))
    const clock = systemClock()
    const store = await openEmbeddedStore({ folder, clock })
    try {
      const seconds: number[] = []
      for await (const commit of replay(store, COMMITS)) {
        const wrong = [...commit.differing, ...commit.result.failed.map(({ message }) => message)]
        if (wrong.length > 0)
          throw new Error(`commit ${seconds.length}, ${commit.what}: ${wrong.slice(0, 5).join(', ')}`)
        seconds.push(commit.seconds)
      }
      const [first = 0, ...commits] = seconds
      commits.sort((a, b) => a - b)
      const row = (name: string, at: number, aim: number) => ({
        name: `1,000 commits to 1,500 people and 770 groups, ${name}`,
        figure: (commits[Math.floor(commits.length * at)] ?? 0) * 1000,
        unit: 'ms',
        floor: first * 1000,
        against: 'the first revision',
        aim,
      })
      return [row('P50', 0.5, 0.2), row('P99', 0.99, 0.5)]
    } finally {
      clock.stop()
      await store[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    }
  },
}
