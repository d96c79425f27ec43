import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { aptInstall, findProgram } from './apt.mjs'
import { cacheFolder, root } from './folder.mjs'
import { capture } from './process.mjs'
import { Trouble } from './trouble.mjs'

/** Pins the server and all that it needs, with hashes. */
const requirements = join(root, 'tools', 'scim', 'requirements.txt')
/** The oldest Python that it runs on. */
const OLDEST = [3, 11]

/**
 * The Python that has `scim2_server`, in a folder of its own in the cache, one for each pin.
 *
 * @returns {string}
 */
export function scimPython() {
  return join(scimFolder(), 'bin', 'python')
}

/** @returns {boolean} */
export function scimPresent() {
  return existsSync(scimPython())
}

/**
 * Brings the server into the cache: some seconds, once.
 *
 * @throws {Trouble} without Python, or without network
 */
export async function installScim() {
  const folder = scimFolder()
  const work = `${folder}.${process.pid}`
  mkdirSync(dirname(folder), { recursive: true })
  try {
    await makeEnvironment(work)
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input', '--retries', '3']
    const args = [...pip, '--require-hashes', '--only-binary', ':all:', '-r', requirements]
    const { code, output } = await capture(join(work, 'bin', 'python'), args)
    if (code !== 0)
      throw new Trouble(
        `could not be installed (${lastLineOf(output)})`,
        'connect to the network and start again, or run pip install -r tools/scim/requirements.txt to see all of it',
      )
    renameSync(work, folder)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/**
 * Debian's Python cannot make environments by itself, so it is helped once.
 *
 * @param {string} folder
 */
async function makeEnvironment(folder) {
  const remedy = `install Python ${OLDEST.join('.')} or newer with its module venv`
  if (!findProgram('python3')) await aptInstall('python3', 'python3-venv')
  let made = await capture('python3', ['-m', 'venv', folder])
  if (made.code !== 0) {
    rmSync(folder, { recursive: true, force: true })
    await aptInstall('python3-venv')
    made = await capture('python3', ['-m', 'venv', folder])
  }
  if (made.code !== 0) throw new Trouble(`needs Python, which said: ${lastLineOf(made.output)}`, remedy)
  const { output } = await capture(join(folder, 'bin', 'python'), ['-c', 'import sys; print(*sys.version_info[:2])'])
  const [major = 0, minor = 0] = output.trim().split(' ').map(Number)
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor))
    throw new Trouble(`needs a newer Python than ${major}.${minor}`, remedy)
}

/** @param {string} output */
function lastLineOf(output) {
  return (output.trim().split('\n').at(-1) ?? '').replace(/^ERROR: /, '') || 'no reason given'
}

function scimFolder() {
  const pinned = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12)
  return cacheFolder('scim2-server', `${pinned}-${process.platform}-${process.arch}`)
}
