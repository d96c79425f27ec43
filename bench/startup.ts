import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bench, Row } from './bench.ts'

const ROUNDS = 9
const ROOT = join(import.meta.dirname, '..')
const BUNDLE = join(ROOT, 'dist', 'roster.js')
const MANIFEST = `apiVersion: roster.dev/v1alpha1
kind: Organization
metadata: {name: acme}
spec: {displayName: Acme GmbH}
`

/** The whole life of a process of the package, with the compile cache warm, against one of Node that does nothing. */
export const startup: Bench = {
  name: 'start-up',
  async run() {
    const built = spawnSync(process.execPath, [join(ROOT, 'scripts', 'build.ts')], { encoding: 'utf8' })
    if (built.status !== 0) throw new Error(`the bundle could not be built: ${built.stderr}`)
    const folder = mkdtempSync(join(tmpdir(), 'roster-bench-'))
    try {
      const file = join(folder, 'organization.yaml')
      const empty = join(folder, 'empty.mjs')
      writeFileSync(file, MANIFEST)
      writeFileSync(empty, '')
      const floor = fastest([empty])
      const row = (name: string, figure: number, aim: number): Row => ({
        name,
        figure,
        floor,
        unit: 'ms',
        against: 'bare node',
        aim,
      })
      return [
        row('roster version', fastest([BUNDLE, 'version']), 3),
        row('roster validate FILE', fastest([BUNDLE, 'validate', file]), 3),
        row('roster --help', fastest([BUNDLE, '--help']), 3),
        row('roster explain user', fastest([BUNDLE, 'explain', 'user']), 3),
      ]
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

/** Milliseconds of the fastest of some runs. */
const fastest = (args: readonly string[]): number => {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const begin = performance.now()
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    const took = performance.now() - begin
    if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}: ${stderr}`)
    best = Math.min(best, took)
  }
  return best
}
