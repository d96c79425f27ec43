import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { withLock } from '../../scripts/setup/lock.mjs'

const lockModule = new URL('../../scripts/setup/lock.mjs', import.meta.url).href

describe('the lock of a set-up', () => {
  let folder: string
  let lock: string

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'roster-lock-'))
    lock = join(folder, 'cache', 'setup.lock')
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  /** A process that holds the lock a moment and writes to `log` when it comes in and when it goes out. */
  const holder = (log: string) => {
    const program = `
      import { appendFileSync } from 'node:fs'
      import { withLock } from ${JSON.stringify(lockModule)}
      await withLock(${JSON.stringify(lock)}, async () => {
        appendFileSync(${JSON.stringify(log)}, 'in ')
        await new Promise(resolve => setTimeout(resolve, 20))
        appendFileSync(${JSON.stringify(log)}, 'out ')
      })`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' })
    return new Promise<number | null>(resolve => child.on('exit', resolve))
  }

  /** A lock left behind, as its owner wrote it. */
  const leave = (pid: number, host: string) => {
    mkdirSync(lock, { recursive: true })
    writeFileSync(join(lock, 'owner'), JSON.stringify({ pid, host, since: 0 }))
  }

  it('lets one process in at a time', async () => {
    const log = join(folder, 'log')
    expect(await Promise.all(Array.from({ length: 6 }, () => holder(log)))).toEqual([0, 0, 0, 0, 0, 0])
    expect(readFileSync(log, 'utf8')).toBe('in out '.repeat(6))
    expect(existsSync(lock)).toBe(false)
  })

  it('of a process that died is taken over by one of those who wait', async () => {
    const log = join(folder, 'log')
    const dead = spawn(process.execPath, ['-e', ''])
    await new Promise(resolve => dead.on('exit', resolve))
    leave(dead.pid as number, hostname())
    await Promise.all(Array.from({ length: 6 }, () => holder(log)))
    expect(readFileSync(log, 'utf8')).toBe('in out '.repeat(6))
  })

  it('of another host counts as dead after a minute of silence', async () => {
    leave(1, 'elsewhere')
    const past = new Date(Date.now() - 61_000)
    utimesSync(join(lock, 'owner'), past, past)
    expect(await withLock(lock, async () => 'done')).toBe('done')
  })

  it('that is held is waited for, and said once', async () => {
    leave(process.pid, hostname())
    let said = 0
    const onWait = () => {
      said++
      setTimeout(() => rmSync(lock, { recursive: true }), 300)
    }
    expect(await withLock(lock, async () => 'done', { onWait })).toBe('done')
    expect(said).toBe(1)
  })

  it('is let go when the work throws', async () => {
    await expect(withLock(lock, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(existsSync(lock)).toBe(false)
  })
})
