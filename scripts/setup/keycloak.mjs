import { createHash } from 'node:crypto'
import { createReadStream, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { aptInstall, findProgram } from './apt.mjs'
import { cacheFolder } from './folder.mjs'
import { capture } from './process.mjs'
import { Trouble } from './trouble.mjs'

const VERSION = '26.7.3'
const SHA256 = '27a6535553c3cdcd083872ba40629efafb3475e3b758e0c6f691395561dd0f1f'
const JAVA = 17
/** What the server is made for once, so that each start takes seconds: in memory, alone, and a SCIM server too. */
const BUILD = ['--db=dev-mem', '--features=scim-api']

/**
 * The folder of the server, made ready to start.
 *
 * @returns {string}
 */
export function keycloakFolder() {
  return cacheFolder('keycloak', `${VERSION}-1`)
}

/** @returns {boolean} */
export function keycloakPresent() {
  return existsSync(keycloakFolder()) && findProgram('java') !== undefined
}

/**
 * Brings the server into the cache of the parts: Maven fetches it with the mirrors and proxies that this machine has set,
 * and leaves nothing else behind.
 *
 * @throws {Trouble} without Java, Maven or network; for a file that is not the one we know
 */
export async function installKeycloak() {
  const missing = [
    ...((await javaMajor()) === undefined ? ['default-jre-headless'] : []),
    ...(findProgram('mvn') ? [] : ['maven']),
    ...(findProgram('unzip') ? [] : ['unzip']),
  ]
  if (missing.length > 0) await aptInstall(...missing)
  const java = await javaMajor()
  if (java === undefined || java < JAVA)
    throw new Trouble(
      `needs Java ${JAVA} or newer${java ? `, and this is ${java}` : ''}`,
      'install a newer one and start again',
    )

  const folder = keycloakFolder()
  if (existsSync(folder)) return
  const work = `${folder}.${process.pid}`
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work, { recursive: true })
  try {
    await run('could not be downloaded', 'mvn', [
      '-B',
      '-q',
      `-Dmaven.repo.local=${join(work, 'repository')}`,
      'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy',
      `-Dartifact=org.keycloak:keycloak-quarkus-dist:${VERSION}:zip`,
      `-DoutputDirectory=${work}`,
    ])
    const zip = join(work, `keycloak-quarkus-dist-${VERSION}.zip`)
    const hash = createHash('sha256')
    await pipeline(createReadStream(zip), hash)
    if (hash.digest('hex') !== SHA256)
      throw new Trouble(
        `was downloaded, and is not the ${VERSION} that we know`,
        'look which mirror Maven takes it from',
      )
    await run('could not be unpacked', 'unzip', ['-q', zip, '-d', work])
    const home = join(work, `keycloak-${VERSION}`)
    await run('could not be made ready', 'sh', [join(home, 'bin', 'kc.sh'), 'build', ...BUILD])
    // Another checkout may have been quicker.
    if (!existsSync(folder)) renameSync(home, folder)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/**
 * @param {string} what
 * @param {string} command
 * @param {string[]} args
 */
async function run(what, command, args) {
  const { code, output } = await capture(command, args)
  if (code === 0) return
  const lines = output.trim().split('\n')
  const said = lines.find(line => /ERROR/.test(line)) ?? lines.at(-1) ?? ''
  throw new Trouble(
    `${what} (${said.trim().slice(0, 300) || 'no reason given'})`,
    'look at the network and start again',
  )
}

/** @returns {Promise<number | undefined>} undefined when there is none */
async function javaMajor() {
  const { code, output } = await capture('java', ['-version'])
  const version = /version "(\d+)/.exec(output)?.[1]
  return code === 0 && version ? Number(version) : undefined
}
