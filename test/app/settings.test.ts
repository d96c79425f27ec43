import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { portalUrl, resolveSettings } from '../../src/app/settings.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roster-settings-'))
})
afterEach(() => rm(folder, { recursive: true }))
const resolved = (flags: Record<string, unknown>, environment: NodeJS.ProcessEnv = {}, config?: string) =>
  resolveSettings({ flags, environment, cwd: folder, ...(config ? { config } : {}) })

describe('settings', () => {
  it('come from flags, then variables, then the file, then the default, and say whence', async () => {
    await writeFile(join(folder, 'roster.yaml'), 'listen: 127.0.0.1:1\nopsListen: 127.0.0.1:2\nsecrets: here\n')
    const { settings, whence } = resolved(
      { data: 'mine' },
      { ROSTER_LISTEN: '127.0.0.1:3', ROSTER_DATA: 'theirs' },
      'roster.yaml',
    )
    expect(settings).toMatchObject({
      data: join(folder, 'mine'),
      listen: { host: '127.0.0.1', port: 3 },
      opsListen: { port: 2 },
      secrets: join(folder, 'here'),
      prune: false,
    })
    expect(whence).toMatchObject({
      data: '--data',
      listen: 'ROSTER_LISTEN',
      opsListen: 'roster.yaml',
      prune: 'default',
    })
  })
  it.each([
    [{ listen: '8080' }, '--listen: "8080" is not of the form host:port'],
    [{ listen: '127.0.0.1:99999' }, 'not of the form'],
    [{ listen: '0.0.0.0:80' }, '--listen 0.0.0.0 needs --public-url'],
    [{ smtp: 'smtp://mail.example' }, '--smtp needs --public-url'],
    [{ publicUrl: 'http://people.example' }, 'must begin with https://'],
    [{ publicUrl: 'https://user:password@people.example' }, 'not a public URL'],
    [{ prune: 'perhaps' }, 'neither true nor false'],
    [{ mailRate: '0' }, '1 to 9999'],
  ])('%j are refused: %s', (flags, message) => {
    expect(() => resolved(flags)).toThrow(message)
  })
  it('of an unknown name in the file are refused', async () => {
    await writeFile(join(folder, 'roster.yaml'), 'lissten: 127.0.0.1:1\n')
    expect(() => resolved({}, {}, 'roster.yaml')).toThrow('there is no setting "lissten"')
  })
  it('give the portal its own URL on loopback', () => {
    expect(portalUrl(resolved({ listen: '[::1]:0' }).settings, 4711)).toBe('http://[::1]:4711')
    expect(portalUrl(resolved({ publicUrl: 'https://people.acme.example/' }).settings)).toBe(
      'https://people.acme.example',
    )
  })
})
