import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { aptInstall, aptInstallStopped, findProgram } from './setup/apt.mjs'
import { root } from './setup/folder.mjs'
import { buildHealth, healthPresent } from './setup/health.mjs'
import { installKeycloak, keycloakPresent } from './setup/keycloak.mjs'
import { buildKube, kubePresent } from './setup/kube.mjs'
import { installKubectl, kubectlPath } from './setup/kubectl.mjs'
import { installScim, scimPresent } from './setup/scim.mjs'

/**
 * A real program that tests run against, and that is no library of the project.
 *
 * @typedef {object} Part
 * @property {string} name as `describeWith` in test/parts.ts calls it
 * @property {string[]} requiredFor the test folders that need it, as `test/portal`
 * @property {string} remedy how to get it by hand, in one line
 * @property {() => boolean} present whether it is on this machine; quick, called often
 * @property {() => Promise<void>} install brings it; throws a `Trouble` when it cannot
 */

/** @type {Part[]} */
export const parts = [
  {
    name: 'git',
    requiredFor: ['test/source', 'test/e2e'],
    remedy: 'apt-get install git',
    present: () => existsSync(join(gitFolder(), 'git-http-backend')),
    install: () => aptInstall('git', 'ca-certificates'),
  },
  {
    name: 'sshd',
    requiredFor: ['test/source'],
    remedy: 'apt-get install openssh-server',
    present: () => existsSync('/usr/sbin/sshd'),
    install: () => aptInstall('openssh-server', 'openssh-client'),
  },
  {
    name: 'slapd',
    requiredFor: ['test/directories'],
    remedy: 'apt-get install slapd',
    present: () => existsSync('/usr/sbin/slapd'),
    install: () => aptInstallStopped('slapd'),
  },
  {
    name: 'keycloak',
    requiredFor: ['test/directories/keycloak'],
    remedy: 'install Java 17, Maven and unzip, and start again',
    present: keycloakPresent,
    install: installKeycloak,
  },
  {
    name: 'scim2-server',
    requiredFor: ['test/directories/scim'],
    remedy: 'install Python 3.11 or newer with its module venv (apt-get install python3-venv) and start again',
    present: scimPresent,
    install: installScim,
  },
  {
    name: 'chromium',
    requiredFor: ['test/portal', 'test/e2e'],
    remedy: 'apt-get install chromium',
    present: () => chromiumPath() !== undefined,
    install: () => aptInstall('chromium'),
  },
  {
    name: 'kube-apiserver',
    requiredFor: ['test/store/kubernetes', 'test/chart', 'test/e2e'],
    remedy: 'install Go and start again, or set KUBEBUILDER_ASSETS to a folder with kube-apiserver and etcd',
    present: kubePresent,
    install: buildKube,
  },
  {
    name: 'kube-health',
    requiredFor: ['test/store/kubernetes'],
    remedy: 'install Go and start again',
    present: healthPresent,
    install: buildHealth,
  },
  {
    name: 'kubectl',
    requiredFor: ['test/store/kubernetes', 'test/chart', 'test/setup'],
    remedy: 'install kubectl 1.35 or newer',
    present: () => kubectlPath('kubectl') !== undefined,
    install: installKubectl,
  },
  {
    name: 'helm',
    requiredFor: ['test/chart'],
    remedy: 'install helm 4',
    present: () => kubectlPath('helm') !== undefined,
    install: installKubectl,
  },
  {
    name: 'promtool',
    requiredFor: ['test/monitoring'],
    remedy: 'apt-get install prometheus (promtool comes with it)',
    present: () => findProgram('promtool') !== undefined,
    install: () => aptInstall('prometheus'),
  },
]

/**
 * The browser that tests drive: `ROSTER_CHROMIUM`, or the first in `PATH`.
 *
 * @returns {string | undefined}
 */
export function chromiumPath() {
  return (
    process.env.ROSTER_CHROMIUM ?? findProgram('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable')
  )
}

/**
 * The part of that name.
 *
 * @param {string} name
 * @returns {Part}
 */
export function partNamed(name) {
  const part = parts.find(part => part.name === name)
  if (!part) throw new Error(`no part is called ${name}: the list is scripts/parts.mjs`)
  return part
}

/**
 * The parts that a run of the tests with these arguments can need: those of folders that exist and that the arguments'
 * paths, where there are any, do not leave out.
 *
 * @param {string[]} args as given to `npm test --`
 * @returns {Part[]}
 */
export function partsFor(args) {
  if (args.join(' ').match(/--project[= ]unit\b/)) return []
  const paths = args.map(arg => arg.replace(/^\.\//, '')).filter(arg => arg.startsWith('test'))
  const meant = (/** @type {string} */ folder) =>
    paths.some(path => `${path}/`.startsWith(`${folder}/`) || folder.startsWith(path))
  return parts.filter(part =>
    part.requiredFor.some(folder => existsSync(join(root, folder)) && (paths.length === 0 || meant(folder))),
  )
}

/** @type {string | undefined} */
let gitFolderFound

function gitFolder() {
  if (!gitFolderFound)
    gitFolderFound = spawnSync('git', ['--exec-path'], { encoding: 'utf8' }).stdout?.trim() || undefined
  return gitFolderFound ?? '/nonexistent'
}
