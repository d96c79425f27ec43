import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { freePort } from '../e2e/process.ts'
import { ACME, acmePlace, openPlace } from './command-line.ts'

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts')

const children: ChildProcess[] = []
// Whatever a test comes to, it leaves no process behind.
afterEach(() => {
  for (const child of children.splice(0)) if (child.exitCode === null) child.kill('SIGKILL')
})

const start = (cwd: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): ChildProcess => {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd,
    env: { PATH: process.env['PATH'], ...environment },
    stdio: 'pipe',
  })
  children.push(child)
  return child
}

const finished = async (child: ChildProcess, input = '') => {
  const said = { out: '', err: '' }
  child.stdout?.on('data', chunk => {
    said.out += chunk
  })
  child.stderr?.on('data', chunk => {
    said.err += chunk
  })
  child.stdin?.end(input)
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, ...said }
}

describe('a process', () => {
  test('writes nothing but its document to stdout, wherever the audit trail goes', async () => {
    using acme = await acmePlace()
    for (const audit of ['stdout', 'both']) {
      const environment = { ROSTER_AUDIT: audit }
      const address = `${audit}@partner.example`
      const { code, out, err } = await finished(
        start(acme.folder, ['invite', address, '--org', 'acme', '-o', 'json'], environment),
      )
      expect(code, err).toBe(0)
      expect(JSON.parse(out)).toBeTypeOf('object')
      const [line] = err.split('\n').filter(text => text.startsWith('{'))
      expect(JSON.parse(line ?? '')).toMatchObject({ audit: true, action: 'invitation.create', after: { to: address } })
    }
  })

  test('keeps data and talk apart, and ends with the code of the answer', async () => {
    using place = openPlace()
    const version = await finished(start(place.folder, ['version']))
    expect([version.code, version.err]).toEqual([0, ''])
    expect(version.out).toMatch(/^roster \d+\.\d+\.\d+ \(roster\.dev\/v1alpha1, Node 26\./)
    const invalid = await finished(start(place.folder, ['validate', '-']), 'kind: User\n')
    expect(invalid.code).toBe(1)
    expect(invalid.out).toContain('-:1:1')
    const trouble = await finished(start(place.folder, ['get', 'users']))
    expect([trouble.code, trouble.out]).toEqual([2, ''])
    expect(trouble.err).toContain('there is no store in')
  })

  test('is silent and content when nobody reads on', async () => {
    using acme = await acmePlace()
    const child = start(acme.folder, ['export'])
    child.stdout?.destroy()
    const { code, err } = await finished(child)
    expect([code, err]).toEqual([0, ''])
  })

  test('prints no colour into a pipe, nor with NO_COLOR', async () => {
    using acme = await acmePlace()
    for (const environment of [{}, { NO_COLOR: '1' }, { FORCE_COLOR: '1', NO_COLOR: '1' }]) {
      const { out } = await finished(start(acme.folder, ['why', 'alice'], environment))
      expect(out).toContain('alice')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: this is what must not be there
      expect(out).not.toMatch(/\u001b/)
    }
  })

  test('an interrupted wait ends with 130', async () => {
    using acme = await acmePlace()
    const child = start(acme.folder, ['wait', 'user', 'alice', '--for', 'state=Active', '--timeout', '5m'])
    const over = finished(child)
    // Once it has opened the store, its signal handlers have long been there.
    await expect.poll(() => child.exitCode ?? openFiles(child.pid), { timeout: 10_000 }).toContain('roster.sqlite')
    child.kill('SIGINT')
    expect((await over).code).toBe(130)
  })
})

describe('run', () => {
  test('makes it so, answers, serves verbs beside it, and stops cleanly when asked', async () => {
    using acme = await acmePlace()
    const child = start(acme.folder, [
      'run',
      ACME,
      '--listen',
      `127.0.0.1:${await freePort()}`,
      '--ops-listen',
      '127.0.0.1:0',
      '--rebind',
    ])
    const over = finished(child)
    try {
      await Promise.race([once(child.stdout as NonNullable<ChildProcess['stdout']>, 'data'), over])
      const beside = await finished(start(acme.folder, ['invite', 'new@partner.example', '--org', 'acme']))
      expect(beside.out).toMatch(/^new@partner\.example: sent; the link works until /)
      expect(beside.code).toBe(0)
      expect(beside.err).toContain('Sending to new@partner.example …')
      const declared = await finished(start(acme.folder, ['delete', 'user', 'eve', '--yes']))
      expect([declared.code, declared.err]).toEqual([
        2,
        expect.stringContaining('by source default, which would make it again'),
      ])
    } finally {
      child.kill('SIGTERM')
    }
    const { code, out, err } = await over
    expect(out).toContain('Acme GmbH')
    expect(out).toMatch(/Stopped\. 0 joined, 13 invited, nothing half done\.\n$/)
    expect([code, err]).toEqual([0, ''])
  })

  test('what cannot be started is trouble: a port in use, an address that is none', async () => {
    using place = openPlace()
    await using server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const inUse = await finished(start(place.folder, ['run', '--listen', `127.0.0.1:${port}`]))
    expect([inUse.code, inUse.err]).toEqual([2, expect.stringContaining(`${port} is in use by another program`)])
    expect((await finished(start(place.folder, ['run', '--listen', 'nowhere']))).code).toBe(2)
  })
})

/** Files that a process has open; only Linux tells. */
const openFiles = (pid: number | undefined): string => {
  const { readdirSync, readlinkSync } = process.getBuiltinModule('node:fs')
  try {
    return readdirSync(`/proc/${pid}/fd`)
      .map(fd => {
        try {
          return readlinkSync(`/proc/${pid}/fd/${fd}`)
        } catch {
          return ''
        }
      })
      .join('\n')
  } catch {
    return ''
  }
}
