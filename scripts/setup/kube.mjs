import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from './apt.mjs'
import { cacheFolder, root } from './folder.mjs'
import { capture } from './process.mjs'
import { Trouble } from './trouble.mjs'

/** The Go module that pins an API server and its etcd. */
const module = join(root, 'test', 'kube')

/** What is built, by the name that Kubernetes' own tests expect in `KUBEBUILDER_ASSETS`. */
const programs = { etcd: 'go.etcd.io/etcd/server/v3', 'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver' }

/**
 * The folder with `etcd` and `kube-apiserver`: `KUBEBUILDER_ASSETS`, where it is set; else one per version and platform
 * in the cache of the parts, since building them takes minutes.
 *
 * @returns {string}
 */
export function kubeFolder() {
  if (process.env.KUBEBUILDER_ASSETS) return process.env.KUBEBUILDER_ASSETS
  return cacheFolder('kube', `${kubeVersion()}-${process.platform}-${process.arch}`)
}

/** @returns {boolean} */
export function kubePresent() {
  return Object.keys(programs).every(name => existsSync(join(kubeFolder(), name)))
}

/**
 * Builds both from source, at low priority: five to ten minutes on two cores, once.
 *
 * @throws {Trouble} without Go, without network, or when `KUBEBUILDER_ASSETS` names a folder that lacks them
 */
export async function buildKube() {
  const folder = kubeFolder()
  if (process.env.KUBEBUILDER_ASSETS)
    throw new Trouble(`KUBEBUILDER_ASSETS is ${folder}, and etcd or kube-apiserver is not there`, 'correct or unset it')
  const go = findProgram('go')
  if (!go) throw new Trouble('needs Go to be built', 'install Go, or set KUBEBUILDER_ASSETS')
  mkdirSync(folder, { recursive: true })
  const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly -buildvcs=false' }
  for (const [name, path] of Object.entries(programs)) {
    if (existsSync(join(folder, name))) continue
    const part = join(folder, `${name}.${process.pid}`)
    const build = [go, 'build', '-trimpath', '-ldflags=-s -w', '-o', part, path]
    const nice = findProgram('nice')
    const [command = go, ...args] = nice ? [nice, '-n', '19', ...build] : build
    const { code, output } = await capture(command, args, { cwd: module, env })
    if (code !== 0) {
      const said = output.trim().split('\n').at(-1) ?? 'no reason given'
      throw new Trouble(`${name} could not be built (${said})`, `run go build ${path} in test/kube to see all of it`)
    }
    renameSync(part, join(folder, name))
  }
}

/** @returns {string} as `v1.36.3` */
function kubeVersion() {
  const found = /k8s\.io\/kubernetes (v\S+)/.exec(readFileSync(join(module, 'go.mod'), 'utf8'))
  return found?.[1] ?? 'unknown'
}
