import { homedir } from 'node:os'
import { join } from 'node:path'
import { root, writable } from './folder.mjs'
import { plainEnvironment } from './node.mjs'
import { capture } from './process.mjs'
import { Trouble } from './trouble.mjs'

const OPTIONS = [
  '--no-audit',
  '--no-fund',
  '--loglevel=error',
  '--fetch-retries=3',
  '--fetch-retry-factor=3',
  '--fetch-retry-mintimeout=1000',
  '--fetch-retry-maxtimeout=9000',
]

/**
 * Runs the machine's npm with short waits, so that "no network" is said soon.
 *
 * @param {string[]} args
 * @param {string} cwd
 */
export function npm(args, cwd) {
  const cache = process.env.npm_config_cache ?? join(homedir(), '.npm')
  const own = writable(cache) ? [] : [`--cache=${join(root, '.cache', 'npm')}`]
  const options = { cwd, env: plainEnvironment() }
  const script = process.env.npm_execpath
  // The npm that started us, on the Node.js that it started with; any other package manager's does not read our lock.
  if (
    script?.endsWith('npm-cli.js') &&
    process.env.npm_node_execpath &&
    !process.env.npm_node_execpath.startsWith(join(root, 'node_modules'))
  ) {
    return capture(process.env.npm_node_execpath, [script, ...args, ...OPTIONS, ...own], options)
  }
  return capture('npm', [...args, ...OPTIONS, ...own], options)
}

/**
 * Why npm failed, from what it said.
 *
 * @param {number} code
 * @param {string} output
 */
export function troubleOf(code, output) {
  if (code === 127) return new Trouble('npm is not installed', 'install it (it comes with Node.js) and start again')
  if (
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|FETCH_ERROR/.test(
      output,
    )
  ) {
    return new Trouble(
      'the npm registry cannot be reached, and the libraries come from there once',
      'connect to the network (behind a proxy: npm config set proxy URL) and start again',
    )
  }
  if (/EACCES|EPERM|EROFS/.test(output)) return notWritable()
  if (/ENOSPC/.test(output)) return new Trouble('the disk is full', 'free about 600 MB and start again')
  const said = output.split('\n').find(line => /^npm error (?!code )/.test(line)) ?? output.split('\n')[0] ?? ''
  return new Trouble(`npm ci failed (${said.replace(/^npm error /, '').trim()})`, 'run npm ci to see all of it')
}

/** The trouble of a folder in which the set-up may not write. */
export function notWritable() {
  return new Trouble(
    `Roster sets itself up inside its own folder, and you may not write in ${root}`,
    'copy the folder to a place that is yours, or become its owner (chown), and start again',
  )
}
