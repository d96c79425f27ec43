import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openPlace } from './command-line.ts'

describe('init', () => {
  test('writes a repository that is valid and plans', async () => {
    using place = openPlace()
    const { code, out } = await place.run('init', 'people', '--org', 'beta', '--email', 'jo.doe@beta.example')
    expect(code).toBe(0)
    await expect(out).toMatchFileSnapshot('golden/init.txt')
    expect((await place.run('validate', 'people', '--strict')).code).toBe(0)
    const plan = await place.run('plan', 'people')
    expect(plan.code).toBe(1)
    expect(plan.out).toContain('jo.doe@beta.example')
  })

  test('every manifest begins with a modeline that leads to a schema', async () => {
    using place = openPlace()
    await place.run('init')
    const user = readFileSync(join(place.folder, 'users', 'you.yaml'), 'utf8')
    const path = /^# yaml-language-server: \$schema=(\S+)$/m.exec(user)?.[1] ?? ''
    expect(JSON.parse(readFileSync(join(place.folder, 'users', path), 'utf8')).title).toBe('User')
  })

  test('never overwrites: one file that is there stops all', async () => {
    using place = openPlace()
    writeFileSync(join(place.folder, 'roles.yaml'), 'mine')
    const { code, err } = await place.run('init')
    expect([code, err]).toEqual([2, expect.stringContaining('roles.yaml is there already')])
    expect(readdirSync(place.folder)).toEqual(['roles.yaml'])
    expect(readFileSync(join(place.folder, 'roles.yaml'), 'utf8')).toBe('mine')
  })

  test('names that cannot be are refused before anything is written', async () => {
    using place = openPlace()
    expect((await place.run('init', '--org', 'Bad_Name')).code).toBe(2)
    expect((await place.run('init', '--email', 'nobody')).code).toBe(2)
    expect(readdirSync(place.folder)).toEqual([])
  })
})

describe('new', () => {
  test.each([
    [['user', 'alice@acme.example', '--org', 'acme', '--roles', 'viewer'], 'users/alice.yaml'],
    [['role', 'writer', '--org', 'acme'], 'roles/writer.yaml'],
    [['group', 'oncall', '--org', 'acme'], 'groups/oncall.yaml'],
    [['pool', 'suite', '--org', 'acme', '--seats', '5'], 'licensepools/suite.yaml'],
    [['organization', 'beta'], 'organizations/beta.yaml'],
    [['dir', 'hr', '--org', 'acme', '--file', 'people.csv'], 'directories/hr.yaml'],
    [['dir', 'corp', '--org', 'acme', '--url', 'ldaps://ldap.acme.example'], 'directories/corp.yaml'],
    [
      ['dir', 'people', '--org', 'acme', '--url', 'https://id.acme.example', '--realm', 'staff'],
      'directories/people.yaml',
    ],
    [['dir', 'code', '--org', 'acme', '--github', 'acme-gmbh'], 'directories/code.yaml'],
    [['dir', 'crm', '--org', 'acme', '--url', 'https://crm.acme.example/scim/v2'], 'directories/crm.yaml'],
    [['inv', 'Carol.X@partner.example', '--org', 'acme'], 'invitations/carol.x.yaml'],
  ])('%j', async (args, path) => {
    using place = openPlace()
    await place.run('init')
    const { code, out } = await place.run('new', ...args)
    expect([code, out]).toEqual([0, `${path}\n`])
    const text = readFileSync(join(place.folder, path), 'utf8')
    expect(text).toMatch(/^# yaml-language-server: \$schema=\.\.\/\.schemas\//)
    expect((await place.run('validate', '.')).code).toBe(0)
    const again = await place.run('new', ...args)
    expect([again.code, readFileSync(join(place.folder, path), 'utf8')]).toEqual([2, text])
  })

  test('what would be invalid is not written', async () => {
    using place = openPlace()
    for (const args of [
      ['user', 'bob'],
      ['user', 'bob@@x'],
      ['role', 'viewer'],
      ['pool', 'suite', '--org', 'acme', '--seats', 'many'],
      ['directory', 'hr', '--org', 'acme'],
      ['directory', 'hr', '--org', 'acme', '--url', 'https://acme.example'],
      ['directory', 'hr', '--org', 'acme', '--realm', 'staff'],
      ['directory', 'hr', '--org', 'acme', '--url', 'ldaps://acme.example', '--realm', 'staff'],
      ['directory', 'hr', '--org', 'acme', '--github', 'acme', '--file', 'people.csv'],
      ['directory', 'hr', '--org', 'acme', '--github', 'no organization'],
      ['membership', 'x'],
      ['usr2', 'x'],
    ]) {
      expect((await place.run('new', ...args)).code).toBe(2)
    }
    expect(readdirSync(place.folder)).toEqual([])
  })
})
