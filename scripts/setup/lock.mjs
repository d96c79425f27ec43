import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { Trouble } from './trouble.mjs'

/** A holder touches its lock this often, in milliseconds. */
const BEAT = 2_000
/** A lock that nobody touched for this long has no holder any more. */
const SILENCE = 60_000
const PATIENCE = 15 * 60_000

/**
 * Does `work` while no other process on this folder does: the lock is a folder, which only one process can create.
 * Its file `owner` names the holder. A lock whose holder died (its process is gone, or it was silent for a minute,
 * which is all that another host or container can see) is taken over, by exactly one of those who wait.
 *
 * @template T
 * @param {string} folder where the lock is; its parent is made when missing
 * @param {() => Promise<T>} work
 * @param {{onWait?: () => void}} [options] `onWait` is called once, when another process holds the lock
 * @returns {Promise<T>}
 */
export async function withLock(folder, work, { onWait } = {}) {
  const owner = join(folder, 'owner')
  await acquire(folder, owner, onWait)
  const beat = setInterval(() => touch(owner), BEAT)
  const release = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', release)
  try {
    return await work()
  } finally {
    clearInterval(beat)
    process.off('exit', release)
    release()
  }
}

/**
 * @param {string} folder
 * @param {string} owner
 * @param {(() => void) | undefined} onWait
 */
async function acquire(folder, owner, onWait) {
  const me = JSON.stringify({ pid: process.pid, host: hostname(), since: Date.now() })
  mkdirSync(dirname(folder), { recursive: true })
  for (let start = Date.now(), waited = false; ; await pause(200)) {
    try {
      mkdirSync(folder)
      writeFileSync(owner, me)
      return
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
    }
    if (takeOver(folder, owner, me)) return
    if (!waited) onWait?.()
    waited = true
    if (Date.now() - start > PATIENCE) {
      throw new Trouble('another set-up of this folder does not end', `stop it, or delete ${folder}, and start again`)
    }
  }
}

/**
 * Makes a dead holder's lock ours. Its heir is whoever creates the folder named after it; the owner is read again after
 * that, because the lock may have changed hands between the first look and the claim.
 *
 * @param {string} folder
 * @param {string} owner
 * @param {string} me
 */
function takeOver(folder, owner, me) {
  const dead = read(owner)
  if (!isDead(dead, owner, folder)) return false
  try {
    mkdirSync(join(folder, `after-${Buffer.from(dead).toString('hex').slice(0, 120)}`))
  } catch {
    return false
  }
  if (read(owner) !== dead) return false
  writeFileSync(`${owner}.new`, me)
  renameSync(`${owner}.new`, owner)
  return true
}

/**
 * @param {string} text what `owner` says; empty when its holder has not written it (yet)
 * @param {string} owner
 * @param {string} folder
 */
function isDead(text, owner, folder) {
  if (text === '') return silentFor(folder) > SILENCE
  const { pid, host } = JSON.parse(text)
  if (host === hostname() && !isAlive(pid)) return true
  return silentFor(owner) > SILENCE
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

/** @param {string} path */
function silentFor(path) {
  try {
    return Date.now() - statSync(path).mtimeMs
  } catch {
    return 0
  }
}

/** @param {string} path */
function read(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** @param {string} path */
function touch(path) {
  try {
    utimesSync(path, new Date(), new Date())
  } catch {
    // Someone deleted the lock by hand: the work goes on, and releasing it finds nothing.
  }
}

/** @param {unknown} error */
function codeOf(error) {
  return /** @type {NodeJS.ErrnoException} */ (error).code
}

/** @param {number} milliseconds */
function pause(milliseconds) {
  return new Promise(resolve => setTimeout(resolve, milliseconds))
}
