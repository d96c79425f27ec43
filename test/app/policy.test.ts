import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { pathInside } from '../../src/app/authority.ts'
import { readPolicy } from '../../src/app/policy.ts'
import { resolveSettings } from '../../src/app/settings.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'roster-policy-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const read = (text: string) => {
  const file = join(folder, 'policy.yaml')
  writeFileSync(file, text)
  const policy = readPolicy(file)
  return 'problem' in policy ? policy.problem.replaceAll(`${folder}/`, '') : policy.rules
}

describe('a policy file', () => {
  it('is read with the place of each rule', () => {
    expect(
      read(
        '# who may what\nrules:\n  - sources: [people]\n    paths: ["users/**"]\n    may: {kinds: [User], organizations: [acme-*], roles: [viewer]}\n\n  - may: {permissions: ["documents:*"]}\n',
      ),
    ).toEqual([
      {
        sources: ['people'],
        paths: ['users/**'],
        may: { kinds: ['User'], organizations: ['acme-*'], roles: ['viewer'] },
        place: 'policy.yaml:3',
      },
      { may: { permissions: ['documents:*'] }, place: 'policy.yaml:7' },
    ])
    expect(read('rules: []')).toEqual([])
  })
  it.each([
    ['', 'policy.yaml:1:1: '],
    ['rules: [', 'policy.yaml:1:'],
    ['rule: []\n', 'policy.yaml:1:1: '],
    ['rules:\n  - may: {kind: [User]}\n', 'policy.yaml:2:11: '],
    ['rules:\n  - may: {kinds: [Usr]}\n', 'policy.yaml:2:19: '],
    ['rules:\n  - sources: [people]\n', 'policy.yaml:2:5: '],
    ['rules:\n  - may: {kinds: User}\n', 'policy.yaml:2:18: '],
    ['rules:\n  - may: {permissions: ["users:fly"]}\n', 'policy.yaml:2:25: users:fly is no permission'],
    ['rules:\n  - paths: [/users]\n    may: {}\n', 'policy.yaml:2:13: '],
    ['rules: []\n---\nrules: []\n', 'policy.yaml:1:'],
    ['a: &a [*a]\n', 'policy.yaml:1:'],
  ])('%j is refused where it is wrong', (text, problem) => {
    expect(read(text)).toContain(problem)
  })
  it('that cannot be read stops the start: no policy would mean that everybody may everything', () => {
    const settings = (policy: string) =>
      resolveSettings({ flags: { policy }, environment: {}, cwd: folder }).settings.policy
    expect(() => settings('none.yaml')).toThrow('--policy: policy file')
    writeFileSync(join(folder, 'policy.yaml'), 'rules: [{may: {kinds: [User]}}]\n')
    expect(settings('policy.yaml')?.rules).toHaveLength(1)
    expect(settings('')).toBeUndefined()
  })
})

describe('the path of a file inside its source', () => {
  it.each([
    [['people'], 'people/users/a.yaml', 'users/a.yaml'],
    [['.'], 'users/a.yaml', 'users/a.yaml'],
    [['people', 'people/users'], 'people/users/a.yaml', 'a.yaml'],
    [['people/a.yaml'], 'people/a.yaml', 'people/a.yaml'],
    [['-'], '-', '-'],
  ])('of %j is for %s: %s', (paths, file, inside) => {
    expect(pathInside(paths, '/srv')(file)).toBe(inside)
  })
})
