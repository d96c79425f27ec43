import { existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { KINDS } from '../../src/api/names.ts'
import { acmePlace, openPlace, type Place } from './command-line.ts'

let acme: Place
beforeAll(async () => {
  acme = await acmePlace()
  await acme.accept('alice@acme.example')
  await acme.settle()
})
afterAll(() => acme[Symbol.dispose]())

describe('export', () => {
  test('is one document with everything, in YAML and in JSON alike', async () => {
    const yaml = load((await acme.run('export')).out) as { kind: string; items: { kind: string }[] }
    const json = JSON.parse((await acme.run('export', '-o', 'json')).out)
    expect(yaml.kind).toBe('List')
    expect(yaml.items.length).toBeGreaterThan(40)
    expect(json.items.map((one: { kind: string }) => one.kind)).toEqual(yaml.items.map(one => one.kind))
    expect(new Set(yaml.items.map(one => one.kind))).toEqual(
      new Set([
        'Organization',
        'Role',
        'Group',
        'LicensePool',
        'User',
        'Invitation',
        'Account',
        'Membership',
        'SeatLedger',
      ]),
    )
  })

  test('of nothing is an empty list; an unknown kind is trouble', async () => {
    expect(load((await acme.run('export', '--kinds', 'sources')).out)).toMatchObject({ items: [] })
    expect(JSON.parse((await acme.run('export', '--kinds', 'sources', '-o', 'json')).out).items).toEqual([])
    expect((await acme.run('export', '--kinds', 'sourcs')).err).toContain('did you mean')
  })
})

describe('uninstall', () => {
  test('lets go of every object and of nothing else, once it is confirmed', async () => {
    using other = acme.copy()
    const specs = async () => JSON.parse((await other.run('export', '-o', 'json')).out).items
    const before = (await specs()).map((one: { spec: unknown }) => one.spec)
    expect((await other.run('uninstall')).code).toBe(2)
    expect((await specs()).some((one: { metadata: { finalizers?: string[] } }) => one.metadata.finalizers)).toBe(true)
    const done = await other.run('uninstall', '--yes')
    expect(done.code).toBe(0)
    expect(done.err).toContain('stay until you delete them')
    expect((await specs()).filter((one: { metadata: { finalizers?: string[] } }) => one.metadata.finalizers)).toEqual(
      [],
    )
    expect((await specs()).map((one: { spec: unknown }) => one.spec)).toEqual(before)
    expect(JSON.parse((await other.run('uninstall', '--yes', '-o', 'json')).out)).toEqual({
      released: 0,
      gone: 0,
      failed: [],
    })
  })
})

describe('backup and restore', () => {
  test('what was there is there again, in a new realm and a later epoch', async () => {
    using other = acme.copy()
    const made = await other.run('backup', 'acme.tar')
    expect(made.code).toBe(0)
    expect(statSync(join(other.folder, 'acme.tar')).mode & 0o777).toBe(0o600)
    const restored = await other.run('restore', 'acme.tar', '--data', 'again')
    expect(restored.code).toBe(0)
    expect(restored.err).toContain('every link in a mail and every session of before is dead')
    const specs = async (...args: string[]) =>
      JSON.parse((await other.run('export', '-o', 'json', ...args)).out).items.map((one: { spec: unknown }) => one.spec)
    expect(await specs('--data', 'again')).toEqual(await specs())
    const before = await other.withStore(store => store.info())
    const info = JSON.parse((await other.run('restore', 'acme.tar', '--data', 'third', '-o', 'json')).out)
    expect(info.realm).not.toBe(before.realm)
    expect(info.epoch).toBe(before.epoch + 1)
    expect(existsSync(join(other.folder, 'again', 'keys'))).toBe(false)
    expect(readdirSync(other.folder).filter(name => name.startsWith('.roster-'))).toEqual([])
  })

  test('it acts on nobody until somebody has approved what it would do', async () => {
    using other = acme.copy()
    await other.run('backup', 'acme.tar')
    const there = ['--data', 'again']
    const restored = await other.run('restore', 'acme.tar', ...there)
    expect(restored.err).toContain('`roster approve --reason …` shows what would happen')
    await other.run('invite', 'new@partner.example', '--org', 'acme', ...there)
    const mails = () => (existsSync(join(other.folder, 'mail')) ? readdirSync(join(other.folder, 'mail')) : [])
    const settle = () => other.run('apply', 'people', ...there, '--mail-dir', 'mail', '--rebind')
    expect((await settle()).err).toContain('this realm was restored from a backup of')
    expect(mails()).toEqual([])
    expect((await other.run('get', 'organizations', ...there)).out).toContain('WaitingForApproval')
    expect((await other.run('plan', 'people', ...there)).out).toContain('! this realm was restored from a backup of')

    const shown = await other.run('approve', '--reason', 'Looked through', ...there)
    expect(shown.code).toBe(0)
    expect(shown.err).toContain('this realm was restored from a backup of')
    expect(shown.err).toContain('new@partner.example')
    expect(shown.out).toMatch(/^kind: Approval$/m)
    expect(shown.out).not.toMatch(/organization/)
    expect((await other.run('approve', 'acme', '--reason', 'Looked through', ...there)).code).toBe(1)

    expect((await other.run('approve', '--reason', 'Looked through', '--apply', '--yes', ...there)).code).toBe(0)
    expect((await settle()).err).not.toContain('restored')
    expect(mails().filter(file => file.startsWith('new-partner.example'))).toHaveLength(1)
    expect((await other.run('approve', '--reason', 'Again', ...there)).err).toContain('Nothing is held')
    const audit = await other.run('audit', '--action', 'restore', ...there)
    expect(audit.out).toMatch(/restore\.approve .*Looked through/)
  })

  test('nothing is overwritten: neither a file nor a folder', async () => {
    using other = acme.copy()
    await other.run('backup', 'acme.tar')
    const before = readFileSync(join(other.folder, 'acme.tar'))
    expect((await other.run('backup', 'acme.tar')).err).toContain('exists already')
    expect(readFileSync(join(other.folder, 'acme.tar'))).toEqual(before)
    expect((await other.run('restore', 'acme.tar')).err).toContain('is not empty')
  })

  test('a damaged, a cut off and a foreign file are refused, and nothing is left behind', async () => {
    using other = acme.copy()
    await other.run('backup', 'acme.tar')
    const file = join(other.folder, 'acme.tar')
    const whole = readFileSync(file)
    const damaged = Buffer.from(whole)
    damaged[8 * 1024] = (damaged[8 * 1024] ?? 0) ^ 0xff
    writeFileSync(file, damaged)
    expect((await other.run('restore', 'acme.tar', '--data', 'a')).err).toContain('damaged')
    writeFileSync(file, whole)
    truncateSync(file, whole.length / 2)
    expect((await other.run('restore', 'acme.tar', '--data', 'b')).err).toContain('cut off')
    writeFileSync(file, 'not at all')
    expect((await other.run('restore', 'acme.tar', '--data', 'c')).err).toContain('is no backup of Roster')
    expect((await other.run('restore', 'gone.tar', '--data', 'd')).err).toContain('does not exist')
    for (const folder of ['a', 'b', 'c', 'd'])
      expect(existsSync(join(other.folder, folder, 'roster.sqlite'))).toBe(false)
  })

  test('without a store there is nothing to back up', async () => {
    using empty = openPlace()
    expect((await empty.run('backup', 'x.tar')).err).toContain('there is no store')
    expect(readdirSync(empty.folder)).toEqual([])
  })
})

describe('config', () => {
  test('says what is in force and whence, and shows no password', async () => {
    const environment = { ROSTER_MAIL_RATE: '3', ROSTER_PUBLIC_URL: 'https://people.acme.example' }
    const { code, out } = await acme.runWith(
      { environment },
      ...['config', '--smtp', 'smtp://roster:hunter2@mail.acme.example:587', '-o', 'json'],
    )
    expect(code).toBe(0)
    const { settings } = JSON.parse(out)
    expect(settings['mail-rate']).toEqual({ value: '3', from: 'ROSTER_MAIL_RATE' })
    expect(settings['public-url']).toEqual({ value: 'https://people.acme.example', from: 'ROSTER_PUBLIC_URL' })
    expect(settings.smtp.from).toBe('--smtp')
    expect(out).not.toContain('hunter2')
  })

  test('a setting that cannot be is trouble and names whence it came', async () => {
    const { code, err } = await acme.runWith({ environment: { ROSTER_LISTEN: 'nowhere' } }, 'config')
    expect([code, err]).toEqual([2, expect.stringContaining('ROSTER_LISTEN: "nowhere" is not of the form host:port')])
  })
})

describe('crds and schemas', () => {
  test('are printed as documents that parse', async () => {
    const { out } = await acme.run('crds')
    expect(out.match(/^kind: CustomResourceDefinition$/gm)).toHaveLength(KINDS.length)
    expect(JSON.parse((await acme.run('schemas', 'user')).out).title).toBe('User')
    expect(JSON.parse((await acme.run('schemas')).out)).toBeTypeOf('object')
  })

  test('go into a folder; an unknown one is trouble', async () => {
    using other = openPlace()
    expect((await other.run('schemas', '--dir', 'x/y')).code).toBe(0)
    expect(readdirSync(join(other.folder, 'x', 'y'))).toContain('user.json')
    expect((await other.run('schemas', 'usr')).err).toContain('did you mean "user"?')
  })
})

describe('completion', () => {
  const complete = async (...words: string[]) => (await acme.run('__complete', ...words)).out.trim().split('\n')

  test.each(['bash', 'zsh', 'fish', 'powershell'])('%s has a script that asks for what may follow', async shell => {
    const { code, out } = await acme.run('completion', shell)
    expect(code).toBe(0)
    expect(out).toContain('roster __complete')
  })

  test('verbs, kinds, names, flags and their values', async () => {
    expect(await complete('des')).toEqual(['describe'])
    expect(await complete('describe', 'lic')).toEqual(['licensepools'])
    expect(await complete('describe', 'user', 'al')).toEqual(['alice'])
    expect(await complete('describe', 'user/al')).toEqual(['user/alice'])
    expect(await complete('why', 'alice', 'edi')).toEqual(['editor'])
    expect(await complete('why', '--i')).toEqual(['--in'])
    expect(await complete('invite', '--org', '')).toEqual(['acme'])
    expect(await complete('get', 'users', '-o', 'js')).toEqual(['json'])
    expect(await complete('explain', 'user.memberships.r')).toEqual(['user.memberships.roles'])
  })

  test('where nothing is known it is silent and no trouble', async () => {
    using empty = openPlace()
    expect(await empty.run('__complete', 'describe', 'user', '')).toEqual({ code: 0, out: '', err: '' })
    expect(await empty.run('__complete', 'nonsense', 'x')).toEqual({ code: 0, out: '', err: '' })
    expect((await acme.run('completion', 'bsh')).err).toContain('did you mean "bash"?')
  })
})
