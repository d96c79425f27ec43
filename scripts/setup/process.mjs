import { spawn } from 'node:child_process'
import { constants } from 'node:os'

/**
 * Runs a command to its end and gathers what it prints, both streams in one text. Stdin is closed.
 * A command that is not there is code 127. SIGINT and SIGTERM end the command first and then this process.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{cwd?: string, env?: NodeJS.ProcessEnv}} [options]
 * @returns {Promise<{code: number, output: string}>}
 */
export function capture(command, args, options = {}) {
  return new Promise(resolve => {
    // On Windows npm is a .cmd file, which only a shell starts.
    const shell = process.platform === 'win32' && !command.endsWith('.exe')
    const child = spawn(command, args, { ...options, shell, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const gather = (/** @type {Buffer} */ chunk) => {
      output += chunk
    }
    child.stdout.on('data', gather)
    child.stderr.on('data', gather)

    /** @type {NodeJS.Signals | undefined} */
    let interrupted
    const end = (/** @type {NodeJS.Signals} */ signal) => {
      interrupted = signal
      child.kill('SIGTERM')
    }
    process.on('SIGINT', end).on('SIGTERM', end)
    const finish = (/** @type {number} */ code) => {
      process.off('SIGINT', end).off('SIGTERM', end)
      if (interrupted) process.exit(128 + constants.signals[interrupted])
      resolve({ code, output })
    }
    child.on('error', error => {
      output += error.message
      finish(127)
    })
    child.on('close', (code, signal) => finish(exitCode(code, signal)))
  })
}

/**
 * Runs a command with this process's streams and resolves with its exit code; one ended by a signal is 128 + its number.
 * This process outlives it: SIGTERM is passed on, and SIGINT too unless a terminal has sent it to both already.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{cwd?: string, env?: NodeJS.ProcessEnv}} [options]
 * @returns {Promise<number>}
 */
export function attend(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: 'inherit' })
    // npm passes on a signal that the whole group has had already: the same one again within a second is no second wish.
    let last = 0
    const pass = (/** @type {NodeJS.Signals} */ signal) => {
      if (signal === 'SIGINT' && process.stdin.isTTY) return
      if (Date.now() - last < 1000) return
      last = Date.now()
      child.kill(signal)
    }
    process.on('SIGINT', pass).on('SIGTERM', pass).on('SIGHUP', pass)
    child.on('error', reject)
    child.on('exit', (code, signal) => resolve(exitCode(code, signal)))
  })
}

/**
 * @param {number | null} code
 * @param {NodeJS.Signals | null} signal
 */
function exitCode(code, signal) {
  return code ?? (signal ? 128 + constants.signals[signal] : 1)
}
