import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { appendFile, mkdtemp, readdir, readFile, rm, stat, symlink, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fileAuditLog, readAudit } from '../../src/telemetry/audit.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roster-audit-'))
})
afterEach(() => rm(folder, { recursive: true }))
const clockAt = (time: string) => ({ now: () => Date.parse(time), at: () => () => undefined, suspect: false })

const linkOf = (path: string): string | undefined => {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}

describe('audit trail', () => {
  it('numbers the lines of a writer in the order they were given', async () => {
    await using log = fileAuditLog({ folder, clock: clockAt('2026-11-22T09:00:00Z') })
    await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        log.append({ phase: 'change', actor: 'controller', action: 'seat.give', target: `User/u${i}` }),
      ),
    )
    const lines = (await readFile(join(folder, '2026-11.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(lines.map(line => line.number)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1))
    expect(lines[7]).toMatchObject({ target: 'User/u7', time: '2026-11-22T09:00:00.000Z' })
  })
  it.runIf(existsSync('/dev/full'))(
    'on a full disk says so, leaves no file open, and goes on when there is room',
    async () => {
      const file = join(folder, '2026-11.jsonl')
      await using log = fileAuditLog({ folder, clock: clockAt('2026-11-22T09:00:00Z') })
      const entry = { phase: 'change', actor: 'a', action: 'x.y', target: 't' } as const
      await symlink('/dev/full', file)
      for (let tries = 0; tries < 5; tries++) await expect(log.append(entry)).rejects.toThrow('ENOSPC')
      const open = readdirSync('/proc/self/fd').filter(fd => linkOf(`/proc/self/fd/${fd}`) === '/dev/full')
      expect(open).toEqual([])
      await unlink(file)
      // What fitted of a line before the disk was full.
      await writeFile(file, '{"time":"2026-11-22T0')
      await log.append(entry)
      const { lines, unreadable } = await readAudit(folder)
      expect({ lines: lines.length, unreadable }).toEqual({ lines: 1, unreadable: 1 })
    },
  )
  it('is readable by its owner only', async () => {
    await using log = fileAuditLog({ folder: join(folder, 'audit'), clock: clockAt('2026-11-22T09:00:00Z') })
    await log.append({ phase: 'intent', actor: 'controller', action: 'mail.send', target: 'User/alice' })
    expect((await stat(join(folder, 'audit'))).mode & 0o777).toBe(0o700)
    expect((await stat(join(folder, 'audit', '2026-11.jsonl'))).mode & 0o777).toBe(0o600)
  })
  it('begins a new file each month, and two writers share one', async () => {
    let now = '2026-11-30T23:59:59Z'
    const clock = { now: () => Date.parse(now), at: () => () => undefined, suspect: false }
    await using one = fileAuditLog({ folder, clock })
    await using two = fileAuditLog({ folder, clock })
    await one.append({ phase: 'change', actor: 'a', action: 'x.y', target: 't' })
    await two.append({ phase: 'change', actor: 'b', action: 'x.y', target: 't' })
    now = '2026-12-01T00:00:00Z'
    await one.append({ phase: 'change', actor: 'a', action: 'x.z', target: 't' })
    expect(await readdir(folder)).toEqual(['2026-11.jsonl', '2026-12.jsonl'])
    expect((await readAudit(folder)).lines.map(line => `${line.actor}${line.number}`)).toEqual(
      expect.arrayContaining(['a1', 'b1', 'a2']),
    )
  })
  it('is filtered by person, actor, action, organization and time, and counts a line that was cut off', async () => {
    await using log = fileAuditLog({ folder, clock: clockAt('2026-11-22T09:00:00Z') })
    await log.append({
      phase: 'change',
      actor: 'source/people',
      action: 'membership.end',
      target: 'User/alice',
      organization: 'acme',
    })
    await log.append({
      phase: 'change',
      actor: 'controller',
      action: 'mail.send',
      target: 'User/bob',
      organization: 'acme',
      after: { to: 'bob@acme.example' },
    })
    await appendFile(join(folder, '2026-11.jsonl'), '{"time":"2026-11-22T09:00')
    const targets = async (filter: Parameters<typeof readAudit>[1]) =>
      (await readAudit(folder, filter)).lines.map(line => line.target)
    expect(await targets({ user: 'alice' })).toEqual(['User/alice'])
    expect(await targets({ user: 'BOB@acme.example' })).toEqual(['User/bob'])
    expect(await targets({ by: 'people' })).toEqual(['User/alice'])
    expect(await targets({ action: 'mail' })).toEqual(['User/bob'])
    expect(await targets({ organization: 'other' })).toEqual([])
    expect(await targets({ since: '2026-11-22T10:00:00Z' })).toEqual([])
    expect((await readAudit(folder)).unreadable).toBe(1)
  })
  it('fails loudly when a line cannot be written', async () => {
    await writeFile(join(folder, 'file'), '')
    await using log = fileAuditLog({ folder: join(folder, 'file', 'audit'), clock: clockAt('2026-11-22T09:00:00Z') })
    await expect(
      log.append({ phase: 'intent', actor: 'controller', action: 'mail.send', target: 'User/alice' }),
    ).rejects.toThrow()
  })
})
