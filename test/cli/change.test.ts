import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ACME, acmePlace, openPlace, type Place } from './command-line.ts'

let acme: Place
beforeAll(async () => {
  acme = await acmePlace()
})
afterAll(() => acme[Symbol.dispose]())

const USER = (name: string, role: string) =>
  `apiVersion: roster.dev/v1alpha1
kind: User
metadata: {name: ${name}}
spec: {email: ${name}@acme.example, memberships: [{organization: acme, roles: [${role}]}]}
`

describe('validate', () => {
  test('valid is 0, invalid is 1 with file, line and column', async () => {
    expect((await acme.run('validate', ACME)).code).toBe(0)
    const { code, out } = await acme.runWith(
      { stdin: USER('zoe', 'viewer').replace('email:', 'emial:') },
      'validate',
      '-',
    )
    expect(code).toBe(1)
    expect(out).toContain('-:4:')
    expect(out).toContain('emial')
  })

  test('what is beyond the policy is invalid, by line, column and rule, and refused by plan', async () => {
    using other = acme.copy()
    const policy = join(other.folder, 'policy.yaml')
    writeFileSync(
      policy,
      'rules:\n  - {paths: ["users/**"], may: {kinds: [User], roles: [viewer]}}\n  - {may: {roles: ["*"]}}\n',
    )
    expect((await other.run('validate', ACME, '--policy', policy)).code).toBe(0)
    writeFileSync(
      policy,
      'rules:\n  - {sources: [people], paths: ["users/**"], may: {kinds: [User], roles: [viewer]}}\n',
    )
    writeFileSync(join(other.folder, ACME, 'users', 'zoe.yaml'), USER('zoe', 'editor'))
    const flags = ['--policy', policy, '--source', 'people']
    const { code, out } = await other.run('validate', ACME, ...flags, '-o', 'json')
    expect(code).toBe(1)
    const { findings } = JSON.parse(out) as {
      findings: { rule: string; file: string; line: number; message: string }[]
    }
    expect(findings.find(({ file }) => file.endsWith('users/zoe.yaml'))).toMatchObject({
      rule: 'beyond-authority',
      line: 4,
      column: 47,
      path: '/spec/memberships/0',
      message: expect.stringContaining('gives role editor, which is beyond the policy (policy.yaml:2)'),
    })
    const plan = await other.run('plan', join(ACME, 'users', 'zoe.yaml'), ...flags, '-o', 'json')
    expect(plan.code).toBe(1)
    expect(JSON.parse(plan.out).refused).toMatchObject([{ message: expect.stringContaining('no rule of policy.yaml') }])
    writeFileSync(policy, 'rules:\n  - {may: {kind: [User]}}\n')
    expect(await other.run('validate', ACME, '--policy', policy)).toMatchObject({
      code: 2,
      err: expect.stringContaining('policy.yaml:2:'),
    })
  })

  test('a format that is none is trouble', async () => {
    expect((await acme.run('validate', ACME, '-o', 'jsn')).code).toBe(2)
    expect((await acme.run('validate')).code).toBe(2)
  })
})

describe('plan', () => {
  test('no changes is 0; changes are 1 and nothing is done', async () => {
    using other = acme.copy()
    expect(await other.run('plan', ACME)).toMatchObject({ code: 0 })
    writeFileSync(join(other.folder, ACME, 'users', 'zoe.yaml'), USER('zoe', 'viewer'))
    const { code, out } = await other.run('plan', ACME, '-o', 'json')
    expect(code).toBe(1)
    const { changes } = JSON.parse(out) as { changes: { target: string; name: string; fields: { to?: string } }[] }
    expect(changes.some(one => one.target === 'resource' && one.name === 'zoe')).toBe(true)
    expect(changes.some(one => one.target === 'mail' && one.fields.to === 'zoe@acme.example')).toBe(true)
    expect((await other.run('get', 'user', 'zoe')).code).toBe(1)
  })

  test('what is invalid is told and is no plan; what is not there likewise', async () => {
    using place = openPlace()
    writeFileSync(join(place.folder, 'bad.yaml'), 'kind: [')
    expect((await place.run('plan', 'bad.yaml')).err).toContain('Nothing was done.')
    expect((await place.run('plan', 'nowhere')).code).not.toBe(0)
  })
})

describe('apply', () => {
  test('makes it so and waits; again there is nothing to do', async () => {
    using other = acme.copy()
    writeFileSync(join(other.folder, ACME, 'users', 'zoe.yaml'), USER('zoe', 'viewer'))
    const first = await other.run('apply', ACME, '--rebind')
    expect([first.code, first.out]).toEqual([0, expect.stringContaining('User/zoe created')])
    expect((await other.run('wait', 'user', 'zoe', '--for', 'state=Invited')).code).toBe(0)
    expect((await other.run('apply', ACME)).out).not.toContain('created')
  })

  test('a reference that leads nowhere is a no; a store of another mail folder is trouble', async () => {
    using other = acme.copy()
    writeFileSync(join(other.folder, ACME, 'users', 'zoe.yaml'), USER('zoe', 'viewr'))
    expect((await other.run('apply', ACME)).code).toBe(2)
    expect((await other.run('apply', ACME, '--rebind')).code).toBe(1)
  })

  test('what is gone stays until --prune says otherwise', async () => {
    using other = acme.copy()
    rmSync(join(other.folder, ACME, 'users', 'kim.yaml'))
    rmSync(join(other.folder, ACME, 'groups.yaml'))
    await other.run('apply', ACME, '--rebind')
    expect((await other.run('get', 'user', 'kim')).code).toBe(0)
    expect((await other.run('apply', ACME, '--prune')).out).toContain('User/kim deleted')
    expect((await other.run('get', 'user', 'kim')).code).toBe(1)
  })
})
