import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './folder.mjs'
import { platform } from './node.mjs'
import { npm, troubleOf } from './npm.mjs'
import { Trouble } from './trouble.mjs'

const folder = join(root, 'node_modules')
const stamp = join(folder, '.roster-setup')
/** What npm itself remembers of the tree it laid; written last. */
const laid = join(folder, '.package-lock.json')

/**
 * @typedef {{version?: string, integrity?: string, link?: boolean, optional?: boolean, os?: string[], cpu?: string[], libc?: string[]}} Entry
 *   one package of a lock, by its path
 */

/**
 * How the installed libraries stand to package-lock.json. A tree that somebody's own `npm ci` laid counts as current too.
 *
 * @returns {'current' | 'missing' | 'outdated'}
 */
export function stateOfLibraries() {
  if (!existsSync(laid)) return 'missing'
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === expectedStamp()) return 'current'
  if (absentPackages().length > 0) return 'outdated'
  writeStamp()
  return 'current'
}

/**
 * Lays `node_modules` exactly as package-lock.json says, with the machine's npm, and stamps it.
 *
 * @throws {Trouble} without network, without npm, when the disk is full, when a package is missing afterwards
 */
export async function installLibraries() {
  rmSync(stamp, { force: true })
  rmSync(laid, { force: true })
  let { code, output } = await npm(['ci', ...OPTIONS, '--prefer-offline'], root)
  // What npm remembers of a package may be older than the version that the lock asks for.
  if (code !== 0 && output.includes('ETARGET')) ({ code, output } = await npm(['ci', ...OPTIONS], root))
  if (code !== 0) throw troubleOf(code, output)
  const [absent, ...others] = absentPackages()
  // npm takes an optional package that it could not fetch for one that nobody needs.
  if (absent) {
    const all = others.length > 0 ? `${absent} and ${others.length} more` : absent
    throw new Trouble(`npm left out ${all}, most likely for want of network`, 'start again')
  }
  writeStamp()
}

/** Everything, whatever the user's own configuration leaves out. */
const OPTIONS = ['--include=dev', '--include=optional']

/** Packages of the lock that this machine needs and that are not installed as the lock says. */
function absentPackages() {
  const wanted = packagesOf(join(root, 'package-lock.json'))
  const installed = packagesOf(laid)
  return Object.entries(wanted)
    .filter(([path, entry]) => path.startsWith('node_modules/') && !entry.link && isForThisMachine(entry))
    .filter(([path, { version, integrity }]) => {
      const found = installed[path]
      return !found || found.version !== version || found.integrity !== integrity || !existsSync(join(root, path))
    })
    .map(([path]) => path.replace(/^.*node_modules\//, ''))
}

/**
 * An optional package that names no platform hangs on one that does, so only those that name one can be asked for.
 *
 * @param {Entry} entry
 */
function isForThisMachine({ optional, os, cpu, libc }) {
  if (!optional) return true
  if (!os && !cpu) return false
  return (
    (os?.includes(process.platform) ?? true) &&
    (cpu?.includes(process.arch) ?? true) &&
    (libc?.includes(libcName()) ?? true)
  )
}

/** @type {string | undefined} */
let libcFound

function libcName() {
  if (!libcFound) {
    const report = /** @type {{header: {glibcVersionRuntime?: string}}} */ (process.report.getReport())
    libcFound = report.header.glibcVersionRuntime ? 'glibc' : 'musl'
  }
  return libcFound
}

/**
 * @param {string} path
 * @returns {Record<string, Entry>}
 */
function packagesOf(path) {
  return JSON.parse(readFileSync(path, 'utf8')).packages
}

function expectedStamp() {
  const lock = readFileSync(join(root, 'package-lock.json'))
  return `${createHash('sha256').update(lock).digest('hex')} ${platform}\n`
}

function writeStamp() {
  try {
    mkdirSync(folder, { recursive: true })
    writeFileSync(stamp, expectedStamp())
  } catch {
    // Without the stamp the next start compares the trees again, which takes a few milliseconds more.
  }
}
