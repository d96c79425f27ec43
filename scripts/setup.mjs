import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root, version, writable } from './setup/folder.mjs'
import { installLibraries, stateOfLibraries } from './setup/libraries.mjs'
import { withLock } from './setup/lock.mjs'
import { findNode, majorOf, SETUP_NODE } from './setup/node.mjs'
import { notWritable } from './setup/npm.mjs'
import { createProgress } from './setup/progress.mjs'
import { runMain, Trouble } from './setup/trouble.mjs'

/**
 * Makes this folder ready to run: the libraries of package-lock.json, Node 26 among them, and the given parts. Writes
 * inside the folder only, but for parts, which the system's package manager adds. Does nothing, quickly, when all is
 * there; two at once wait for each other.
 *
 * A part that cannot be installed is said and is no error: who needs it decides (see `test/parts.ts`).
 *
 * @param {{parts?: import('./parts.mjs').Part[], quiet?: boolean, out?: NodeJS.WriteStream}} [options]
 *   where to print (default stderr), and whether to print nothing
 * @throws {Trouble} in one line with its remedy: a Node.js too old, no npm, no network, no permission to write
 */
export async function setUp({ parts = [], quiet = false, out = process.stderr } = {}) {
  if (majorOf(process.version) < SETUP_NODE) {
    throw new Trouble(
      `setting up needs Node.js ${SETUP_NODE} or newer, and this is ${process.version.slice(1)}`,
      'install a newer one (nodejs.org) and start again',
    )
  }
  const progress = createProgress({ quiet, out })
  const isReady = () => stateOfLibraries() === 'current' && parts.every(part => part.present())
  if (isReady()) return

  const lock = join(root, '.cache', 'setup.lock')
  if (!writable(join(root, 'node_modules')) || !writable(lock)) throw notWritable()
  await withLock(lock, () => setUpAlone(parts, progress), {
    onWait: () => progress.say('Another set-up of this folder is running: waiting for it.'),
  })
}

/**
 * @param {import('./parts.mjs').Part[]} parts
 * @param {ReturnType<typeof createProgress>} progress
 */
async function setUpAlone(parts, progress) {
  const state = stateOfLibraries()
  if (state !== 'current') {
    const why = state === 'missing' ? 'First start: setting up once' : 'Its libraries have changed: setting up again'
    progress.say(`Roster ${version}. ${why}, inside this folder only.`)
    await progress.step('libraries', installLibraries)
    const node = findNode()
    const yours = machineNode()
    const kept = node.pinned && yours ? ` (yours, ${yours}, stays as it is)` : ''
    progress.say(`  ✓ Node ${majorOf(node.version)}${kept}`)
    if (spawnSync('git', ['--version']).error) progress.say('  – git is not installed: only sources in Git need it')
  }
  for (const part of parts) {
    if (part.present()) continue
    try {
      await progress.step(part.name, part.install)
    } catch (error) {
      if (!(error instanceof Trouble)) throw error
      progress.say(`  – ${part.name}: ${error.message}`)
    }
  }
}

/** The version of the machine's Node.js, as npm tells it (we may be running on the pinned one already). */
function machineNode() {
  return /\bnode\/v(\S+)/.exec(process.env.npm_config_user_agent ?? '')?.[1] ?? process.version.slice(1)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  runMain(async () => {
    await setUp()
    return 0
  })
}
