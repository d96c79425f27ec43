import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RecordedUser } from '../../src/api/directoryrecord.ts'
import { directoryRecordName } from '../../src/decide/record-names.ts'
import { ACME, acmePlace, type Place } from './command-line.ts'

let acme: Place
const say = (directory: string, id: string, user: Partial<RecordedUser>) =>
  acme.withStore(store =>
    store.create(
      {
        kind: 'DirectoryRecord',
        metadata: { name: directoryRecordName(directory, 'User', id) },
        spec: {
          directory,
          of: 'User',
          id,
          user: { active: true, ...user },
          firstSeenTime: '2026-03-02T09:00:00Z',
        },
      },
      { manager: 'controller' },
    ),
  )
beforeAll(async () => {
  acme = await acmePlace()
  await acme.withStore(async store => {
    await store.create(
      { kind: 'Organization', metadata: { name: 'partner' }, spec: { domains: ['partner.example'] } },
      { manager: 'local/ann' },
    )
    for (const [name, organization] of [
      ['hr', 'acme'],
      ['theirs', 'partner'],
    ] as const)
      await store.create(
        {
          kind: 'Directory',
          metadata: { name },
          spec: { organization, type: 'File', file: { path: 'p.csv', columns: { id: 'nr' } }, policy: 'Observe' },
        },
        { manager: 'local/ann' },
      )
  })
  await say('hr', '1', { email: 'alice@acme.example', displayName: 'Alice Smith' })
  await say('hr', '2', { email: 'bob@acme.example', givenName: 'Bob', familyName: 'Berg', login: 'bberg' })
  await say('theirs', '7 of 9', { email: 'alice@acme.example', displayName: 'Alice S.' })
})
afterAll(() => acme[Symbol.dispose]())

describe('duplicates', () => {
  test('are everybody who looks like somebody else, with the evidence and what to do', async () => {
    const { code, out, err } = await acme.run('duplicates')
    expect([code, err]).toEqual([0, ''])
    await expect(out).toMatchFileSnapshot('golden/duplicates.txt')
    expect((await acme.run('duplicates', 'bob', '--in', 'acme')).out).toContain('directory/hr 2')
    expect((await acme.run('duplicates', 'bob', '--in', 'partner')).err).toContain('Nobody looks like somebody else.')
    const json = JSON.parse((await acme.run('duplicates', 'bob', '-o', 'json')).out)
    expect(json.duplicates).toEqual([
      {
        of: expect.objectContaining({ is: 'User', name: 'bob', organizations: ['acme'] }),
        other: {
          is: 'DirectoryRecord',
          name: 'hr/2',
          directory: 'hr',
          id: '2',
          organizations: ['acme'],
          email: 'bob@acme.example',
          login: 'bberg',
          displayName: 'Bob Berg',
        },
        key: 'bob@acme.example',
        because: 'Admin',
        text: expect.stringContaining('admins are merged by decision only'),
        decidable: true,
      },
    ])
  })

  test('are decided by what is printed, once that is declared', async () => {
    const { out: same } = await acme.run('duplicates', 'bob', 'hr/2', '--decide', 'same')
    expect(same).toBe(
      `# people/users/bob.yaml:2: in spec, in place of these fields\nidentities:\n  - directory: hr\n    id: "2"\n`,
    )
    const { out: distinct } = await acme.run('duplicates', 'alice', 'theirs/7 of 9', '--decide', 'distinct')
    const declare = async (name: string, spec: string) => {
      const indented = spec
        .split('\n')
        .slice(1)
        .map(row => `  ${row}`)
      await writeFile(
        join(acme.folder, ACME, 'users', `${name}.yaml`),
        `apiVersion: roster.dev/v1alpha1\nkind: User\nmetadata: {name: ${name}}\nspec:\n  email: ${name}@acme.example\n  memberships: [{organization: acme, roles: [${name === 'bob' ? 'admin' : 'editor'}]}]\n${indented.join('\n')}\n`,
      )
    }
    await declare('bob', same)
    await declare('alice', distinct)
    await acme.settle()
    expect((await acme.run('duplicates')).err).toContain('Nobody looks like somebody else.')
    expect((await acme.run('why', 'bob', 'familyName')).out).toContain('directory/hr says so of 2')
    // The other way round takes it back.
    expect((await acme.run('duplicates', 'bob', 'hr/2', '--decide', 'distinct', '-o', 'json')).out).toContain(
      '"identities": []',
    )
  })

  test.each([
    [['duplicates', 'bob', 'hr/3', '--decide', 'same'], 'nobody in directory/hr has the id "3"'],
    [['duplicates', 'bob', 'rh/2', '--decide', 'same'], 'there is no directory "rh"; did you mean "hr"?'],
    [['duplicates', 'bob', '2', '--decide', 'same'], 'is not DIRECTORY/ID'],
    [['duplicates', 'bobo'], 'nobody is called "bobo"'],
    [['duplicates', 'bob', 'hr/2'], 'a decision is about two'],
    [['duplicates', 'bob', 'hr/2', '--decide', 'maybe'], '--decide is same or distinct'],
    [['duplicates', '--in', 'acmee'], 'there is no organization "acmee"'],
  ])('says what is wrong with %j', async (args, message) => {
    const { code, err } = await acme.run(...args)
    expect(code).toBe(2)
    expect(err).toContain(message)
  })
})
