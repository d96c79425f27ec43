import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { partsFor } from './parts.mjs'
import { root } from './setup/folder.mjs'
import { findRunnable, nodeEnvironment } from './setup/node.mjs'
import { attend } from './setup/process.mjs'
import { runMain, Trouble } from './setup/trouble.mjs'
import { setUp } from './setup.mjs'

// `npm test -- ARGS…`: sets up, with the parts that these tests need, and runs vitest with the arguments. The last line
// is the tally, alone: `12 passed, 0 failed, 3 skipped`. Fails when a test failed, and when none was executed.
runMain(async () => {
  const args = process.argv.slice(2)
  const parts = partsFor(args)
  await setUp({ parts })
  const missing = parts.filter(part => !part.present())
  if (process.env.CI && missing.length > 0) {
    const names = missing.map(part => part.name).join(', ')
    throw new Trouble(
      `the tests need ${names}, and in CI nothing is skipped`,
      missing.map(part => part.remedy).join('; '),
    )
  }

  const folder = mkdtempSync(join(tmpdir(), 'roster-test-'))
  try {
    const tally = join(folder, 'tally.json')
    const reporters = [
      ...(args.some(arg => arg.startsWith('--reporter')) ? [] : ['--reporter=default']),
      `--reporter=${join(root, 'scripts', 'tally.mjs')}`,
    ]
    const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
    const env = { ...nodeEnvironment(), ROSTER_TALLY: tally }
    const code = await attend(findRunnable().path, [vitest, 'run', ...reporters, ...args], { cwd: root, env })
    // Interrupted: there is nothing to count, and nobody to tell.
    if (code >= 128) return code
    const { passed, failed, skipped } = readTally(tally)
    process.stdout.write(`${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}\n`)
    return code || (failed > 0 || passed === 0 ? 1 : 0)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

/**
 * @param {string} path
 * @returns {{passed: number, failed: number, skipped: number}}
 */
function readTally(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    throw new Trouble('the tests ended before they were counted', 'see above for what stopped them')
  }
}
