import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from './apt.mjs'
import { cacheFolder, root } from './folder.mjs'
import { capture } from './process.mjs'
import { Trouble } from './trouble.mjs'

/** The Go module of the program that says what Flux (kstatus) and Argo CD (a Lua check) make of an object. */
const module = join(root, 'test', 'kube', 'health')

/**
 * The full path of the program, one for each version of kstatus and of Lua.
 *
 * @returns {string}
 */
export function healthProgram() {
  const pinned = readFileSync(join(module, 'go.mod'), 'utf8')
  const version = (/** @type {string} */ path) => new RegExp(`${path} (v\\S+)`).exec(pinned)?.[1] ?? 'unknown'
  const versions = [version('sigs.k8s.io/cli-utils'), version('github.com/yuin/gopher-lua')].join('-')
  return join(cacheFolder('kube-health', `${versions}-${process.platform}-${process.arch}`), 'health')
}

/** @returns {boolean} */
export function healthPresent() {
  return existsSync(healthProgram())
}

/**
 * Builds it: some seconds, once.
 *
 * @throws {Trouble} without Go, or without network
 */
export async function buildHealth() {
  const go = findProgram('go')
  if (!go) throw new Trouble('needs Go to be built', 'install Go')
  const program = healthProgram()
  mkdirSync(join(program, '..'), { recursive: true })
  const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly -buildvcs=false' }
  const part = `${program}.${process.pid}`
  const { code, output } = await capture(go, ['build', '-trimpath', '-ldflags=-s -w', '-o', part, '.'], {
    cwd: module,
    env,
  })
  if (code !== 0) {
    const said = output.trim().split('\n').at(-1) ?? 'no reason given'
    throw new Trouble(`could not be built (${said})`, 'run go build in test/kube/health to see all of it')
  }
  renameSync(part, program)
}
