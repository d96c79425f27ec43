import { accessSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { capture } from './process.mjs'
import { Trouble } from './trouble.mjs'

const TRIES = 3

/**
 * Installs packages of Debian (or a system made from it) without their recommendations. Mirrors and locks have bad
 * minutes: the lists are read anew and the installation tried three times.
 *
 * @param {...string} packages
 * @throws {Trouble} when we are not root, when there is no apt-get, when the third try failed
 */
export async function aptInstall(...packages) {
  const command = `apt-get install ${packages.join(' ')}`
  if (!findProgram('apt-get')) throw new Trouble('is missing', `install it, ${packages.join(' ')} on Debian`)
  if (process.getuid?.() !== 0) throw new Trouble('is missing', `sudo ${command}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const patience = ['-o', 'DPkg::Lock::Timeout=300', '-o', 'Acquire::Retries=3']
  let output = ''
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    await capture('apt-get', [...patience, 'update'], { env })
    const result = await capture('apt-get', [...patience, 'install', '-y', '--no-install-recommends', ...packages], {
      env,
    })
    if (result.code === 0) return
    output = result.output
    await new Promise(resolve => setTimeout(resolve, attempt * 2000))
  }
  const said = output.split('\n').find(line => line.startsWith('E: ')) ?? 'no reason given'
  throw new Trouble(`could not be installed (${said.replace(/^E: /, '')})`, `try ${command} yourself`)
}

const POLICY = '/usr/sbin/policy-rc.d'

/**
 * Installs packages that would start a service, without starting it: Debian asks `policy-rc.d`, which forbids it for that time.
 *
 * @param {...string} packages
 * @throws {Trouble} as `aptInstall`
 */
export async function aptInstallStopped(...packages) {
  if (existsSync(POLICY) || process.getuid?.() !== 0) return aptInstall(...packages)
  writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    await aptInstall(...packages)
  } finally {
    rmSync(POLICY)
  }
}

/**
 * The full path of a program in `PATH`; `undefined` when it is not there.
 *
 * @param {...string} names in the order of preference
 * @returns {string | undefined}
 */
export function findProgram(...names) {
  const folders = (process.env.PATH ?? '').split(delimiter)
  for (const name of names) {
    for (const folder of folders) {
      try {
        accessSync(join(folder, name), constants.X_OK)
        return join(folder, name)
      } catch {
        // Not in this folder.
      }
    }
  }
  return undefined
}
