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
    [{ listen: '127.0.0.1:0' }, 'needs a port'],
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
  it.each([
    ['{file: hr.csv}', 'tables must be a list'],
    ['[hr.csv]', 'tables[0] is no {file, columns}'],
    ['[{file: hr.csv, columns: null}]', 'tables[0] is no {file, columns}'],
    ['[{file: hr.csv, columns: {email: 5}}]', 'tables[0].columns.email must be a text'],
    ['[{file: hr.csv, columns: {emial: Mail}}]', 'tables[0].columns has no "emial"'],
    ['[{file: hr.csv, columns: {email: Mail}, defaults: {rolls: x}}]', 'tables[0].defaults has no "rolls"'],
    ['[{file: hr.csv, columns: {email: Mail}, delimiter: ""}]', 'tables[0].delimiter must be one character'],
    ['[{file: hr.csv, columns: {email: Mail}, separator: ";"}]', 'tables[0] has no "separator"'],
  ])('with tables: %s in the file are refused: %s', async (tables, message) => {
    await writeFile(join(folder, 'roster.yaml'), `tables: ${tables}\n`)
    expect(() => resolved({}, {}, 'roster.yaml')).toThrow(`configuration file roster.yaml: ${message}`)
  })
  it('name tables with their columns', async () => {
    const tables = [
      {
        file: 'hr.csv',
        columns: { email: 'Mail', 'label:site': 'Ort' },
        defaults: { organization: 'acme' },
        delimiter: ';',
      },
    ]
    await writeFile(join(folder, 'roster.yaml'), JSON.stringify({ tables }))
    expect(resolved({}, {}, 'roster.yaml').settings.tables).toEqual(tables)
  })
  it('name hosts with private addresses however they are spelled', () => {
    expect(resolved({ allowPrivate: 'Git.Acme.example, [::1],' }).settings.allowPrivate).toEqual([
      'git.acme.example',
      '[::1]',
    ])
  })
  it('give the portal its own URL on loopback', () => {
    expect(portalUrl(resolved({ listen: '[::1]:4711' }).settings)).toBe('http://[::1]:4711')
    expect(portalUrl(resolved({ publicUrl: 'https://people.acme.example/' }).settings)).toBe(
      'https://people.acme.example',
    )
  })
})
