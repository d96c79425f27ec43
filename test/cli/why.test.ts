import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ACME, acmePlace, type Place, steady } from './command-line.ts'

let acme: Place
beforeAll(async () => {
  acme = await acmePlace()
  for (const address of ['alice@acme.example', 'ben@acme.example', 'carol@partner.example', 'dan@partner.example'])
    await acme.accept(address)
  await acme.settle()
})
afterAll(() => acme[Symbol.dispose]())

describe('why', () => {
  test('tells everything of a person, to file and line, with what to change', async () => {
    const { code, out } = await acme.run('why', 'alice')
    expect(code).toBe(0)
    await expect(steady(out)).toMatchFileSnapshot('golden/why-alice.txt')
  })

  test('a role that comes two ways is told with both', async () => {
    const { code, out } = await acme.run('why', 'alice', 'editor', '-o', 'json')
    expect(code).toBe(0)
    const { has, facts } = JSON.parse(out)
    expect(has).toBe(true)
    expect(facts).toHaveLength(1)
    expect(facts[0].ways.map((way: { how: string; at: string }) => [way.how, way.at])).toEqual([
      ['Declared', 'people/users/alice.yaml:2'],
      ['Group', 'people/groups.yaml:2'],
    ])
  })

  test('a grant names its invitation and the command that takes it away', async () => {
    const { code, out } = await acme.run('why', 'carol@partner.example', 'billing', '-o', 'json')
    expect(code).toBe(0)
    expect(JSON.parse(out).facts[0].ways).toMatchObject([
      { how: 'Granted', at: 'Invitation/carol', change: 'roster revoke carol@partner.example billing --org acme' },
    ])
  })

  test('who has not joined does not have it yet: that is a no', async () => {
    const { code, out } = await acme.run('why', 'eve', 'editor')
    expect(code).toBe(1)
    expect(out).toContain('declared in people/people.csv:2')
    expect(out).toContain('eve does not have it yet: role editor.')
  })

  test('a role that nothing gives is missing, with what would give it', async () => {
    const { code, out } = await acme.run('why', 'dan', 'admin')
    expect(code).toBe(1)
    await expect(steady(out)).toMatchFileSnapshot('golden/why-dan-admin.txt')
  })

  test('a permission is traced through its role to the declaration', async () => {
    const { code, out } = await acme.run('why', 'ben', 'documents:write')
    expect(code).toBe(0)
    await expect(steady(out)).toMatchFileSnapshot('golden/why-ben-documents.txt')
  })

  test('a denial is told and beats the role that allows', async () => {
    const { code, out } = await acme.run('why', 'dan', 'documents:share', '-o', 'json')
    expect(code).toBe(1)
    const [fact] = JSON.parse(out).facts
    expect(fact.has).toBe(false)
    expect(fact.notes.join()).toMatch(
      /role contractor denies it \(people\/roles\.yaml:\d+\), and a denial beats everything/,
    )
  })

  test('a group says how one is in it, and how one would be', async () => {
    expect((await acme.run('why', 'alice', 'group/oncall')).code).toBe(0)
    const { code, out } = await acme.run('why', 'alice', 'group/readers')
    expect(code).toBe(1)
    expect(out).toMatch(/to put them in: write alice into the members in people\/groups\.yaml:\d+/)
  })

  test('a seat says what fits; who waits is told the place in line', async () => {
    expect((await acme.run('why', 'alice', 'pool/suite')).code).toBe(0)
    const { out } = await acme.run('get', 'pool', 'suite', '-o', 'json')
    expect(JSON.parse(out).status.waiting).toBe(1)
    const all = JSON.parse((await acme.run('describe', 'pool', 'suite', '-o', 'json')).out)
    const waiting = all.holders.find((one: { state: string }) => one.state === 'Waiting').name
    const why = await acme.run('why', waiting, 'pool/suite')
    expect(why.code).toBe(1)
    expect(why.out).toContain('10 of 10 seats are taken; first in line')
  })

  test('who does not fit the selector is told which part', async () => {
    const { code, out } = await acme.run('why', 'priya', 'pool/suite')
    expect(code).toBe(1)
    expect(out).toMatch(/the selector \(people\/licenses\.yaml:\d+\) asks for a role among admin, editor, viewer/)
  })

  test('a name with a typing error is trouble, with the name that was meant', async () => {
    expect(await acme.run('why', 'alic')).toEqual({
      code: 2,
      out: '',
      err: 'roster: nobody is called "alic"; did you mean "alice"?\n',
    })
    expect((await acme.run('why', 'alice', 'editr')).err).toContain('did you mean "editor"?')
    expect((await acme.run('why', 'alice', 'users:reed')).err).toContain('the verbs of users are')
    expect((await acme.run('why', 'alice', '--in', 'acm')).err).toContain('did you mean "acme"?')
  })

  test('names what keeps the declaration from being made so', async () => {
    using other = acme.copy()
    const file = join(other.folder, ACME, 'users', 'priya.yaml')
    const text = readFileSync(file, 'utf8')
    writeFileSync(file, text.replace('{organization: acme}', '{organization: acme, roles: [viewr]}'))
    await other.settle()
    expect((await other.run('why', 'priya')).out).toContain('! role viewr does not exist\n')
  })
})

describe('can', () => {
  test('yes is 0, no is 1, and the answer alone is on stdout', async () => {
    const yes = await acme.run('can', 'alice', 'documents:write', '--in', 'acme')
    expect([yes.code, yes.out]).toEqual([0, 'yes\n'])
    expect(yes.err).toContain('role editor allows it')
    const no = await acme.run('can', 'alice', 'users:delete', '--in', 'acme')
    expect([no.code, no.out]).toEqual([1, 'no\n'])
    expect(no.err).toContain('roles that do: admin')
  })

  test('who is suspended may do nothing, though nothing else has changed', async () => {
    using other = acme.copy()
    await other.withStore(async store => {
      const user = await store.get('User', 'alice')
      if (!user) throw new Error('alice is gone')
      const { kind, apiVersion, metadata, spec } = user
      await store.apply(
        { kind, apiVersion, metadata: { name: metadata.name }, spec: { ...spec, suspended: true } },
        { manager: 'local/test', force: true },
      )
      // As the loop does it, once the guard lets it.
      for (const record of (await store.list('Membership')).items) {
        const { settled } = record.spec
        if (record.spec.user?.name !== 'alice' || !settled) continue
        const { name, resourceVersion: ifVersion } = record.metadata
        const suspended = { ...record.spec, settled: { ...settled, suspended: true } }
        await store.replace({ kind: 'Membership', name, spec: suspended }, { ifVersion })
      }
    })
    const { code, err } = await other.run('can', 'alice', 'documents:write', '--in', 'acme')
    expect(code).toBe(1)
    expect(err).toContain('suspended everywhere')
  })

  test('what is no single permission, and a missing --in, are trouble', async () => {
    expect((await acme.run('can', 'alice', 'documents', '--in', 'acme')).code).toBe(2)
    expect((await acme.run('can', 'alice', 'documents:*', '--in', 'acme')).code).toBe(2)
    expect((await acme.run('can', 'alice', 'documents:read')).err).toContain("required option '--in <organization>'")
  })
})
