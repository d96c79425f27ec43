import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the checkout. Set-up writes here and nowhere else (but for what a package manager of the system adds). */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** Roster's version, from package.json. */
export const version = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version

/**
 * Where parts are kept that take long to get: `ROSTER_CACHE` or `~/.cache/roster`. It outlives this checkout.
 *
 * @param {...string} path below it
 * @returns {string}
 */
export function cacheFolder(...path) {
  const cache = process.env.ROSTER_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'roster')
  return join(cache, ...path)
}

/**
 * Whether this user may write at `path`, or may create it where it does not exist yet.
 *
 * @param {string} path
 * @returns {boolean}
 */
export function writable(path) {
  if (!existsSync(path)) return dirname(path) !== path && writable(dirname(path))
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}
