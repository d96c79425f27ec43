import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { membershipName } from '../../src/decide/record-names.ts'
import { ACME, acmePlace, type Place } from './command-line.ts'

let base: Place
beforeAll(async () => {
  base = await acmePlace()
  for (const address of ['alice@acme.example', 'bob@acme.example', 'eve@acme.example', 'carol@partner.example'])
    await base.accept(address)
  await base.settle()
})
afterAll(() => base[Symbol.dispose]())

/** Lets the loop run without applying the manifests of the people anew. */
const pass = async (place: Place): Promise<void> => {
  const role = 'apiVersion: roster.dev/v1alpha1\nkind: Role\nmetadata: {name: other}\nspec: {organization: acme}\n'
  await writeFile(join(place.folder, 'other.yaml'), role)
  const { code, err } = await place.run('apply', 'other.yaml', '--source', 'other', '--rebind')
  expect(code, err).not.toBe(2)
}
const record = (place: Place, address: string) =>
  place.withStore(async store => (await store.get('Membership', membershipName('acme', address)))?.spec)
const entries = (place: Place, name: string) =>
  place.withStore(async store => (await store.get('User', name))?.spec.memberships)

describe('offboard', () => {
  test('says what it takes everywhere, and changes nothing before somebody says yes', async () => {
    using acme = base.copy()
    const { code, err } = await acme.runWith({ answer: 'n' }, 'offboard', 'eve')
    expect(code).toBe(1)
    expect(err).toMatch(/remove +eve +loses editor/)
    expect(err).toMatch(/frees 1 seat of suite/)
    expect(err).toContain('people/people.csv:2 declares acme, and `roster apply` of that brings it back')
    expect(err).toContain('Nothing was changed.')
    expect(await entries(acme, 'eve')).toEqual([{ organization: 'acme', roles: ['editor'] }])
    expect((await acme.run('offboard', 'eve')).code).toBe(2)
  })

  test('ends it, through the loop, with its seat and its sign-in', async () => {
    using acme = base.copy()
    const { code, out, err } = await acme.run('offboard', 'eve', '--yes')
    expect(code, err).toBe(0)
    expect(err).toContain('No controller runs on this store')
    expect(out).toContain('eve: written')
    await pass(acme)
    expect((await record(acme, 'eve@acme.example'))?.ended).toBeDefined()
    expect((await acme.run('get', 'user', 'eve')).out).toMatch(/eve .*Ended/)
    expect((await acme.run('why', 'eve', 'editor')).code).toBe(1)
    const audit = await acme.run('audit', '--action', 'user.offboard', '-o', 'jsonl')
    expect(JSON.parse(audit.out.split('\n')[0] ?? '')).toMatchObject({
      target: 'User/eve',
      after: { memberships: [{ organization: 'acme', state: 'Ended' }] },
    })
    expect((await acme.run('offboard', 'eve', '--yes')).err).toContain('has nothing that could be ended')
  })

  test('at a date ends nothing before, and keeps what is declared until then', async () => {
    using acme = base.copy()
    const { code, err } = await acme.run('offboard', 'alice', '--on', '2999-12-31', '--yes')
    expect(code, err).toBe(0)
    expect(err).toContain('At the end of 2999-12-31 this follows for alice')
    expect(err).toMatch(/remove +alice/)
    await pass(acme)
    const [entry] = (await entries(acme, 'alice')) ?? []
    expect(entry).toMatchObject({ organization: 'acme', until: '2999-12-31' })
    expect(entry?.roles).toContain('editor')
    const spec = await record(acme, 'alice@acme.example')
    expect(spec?.ended).toBeUndefined()
    // The end of that day in Berlin.
    expect(spec?.declared?.until).toBe('2999-12-31T23:00:00.000Z')
    expect((await acme.run('offboard', 'alice', '--on', '2000-01-01')).err).toContain('is over in acme')
    expect((await acme.run('offboard', 'alice', '--on', 'tomorrow')).err).toContain('is no date')
  })

  test('of somebody whom nobody declares writes a declaration that no invitation overrules', async () => {
    using acme = base.copy()
    const { code, err } = await acme.run('offboard', 'carol@partner.example', '--yes')
    expect(code, err).toBe(0)
    await pass(acme)
    expect((await record(acme, 'carol@partner.example'))?.ended).toBeDefined()
    expect(await entries(acme, 'carol')).toEqual([{ organization: 'acme', state: 'Ended' }])
  })

  test('kills an open invitation that somebody wrote', async () => {
    using acme = base.copy()
    await acme.run('invite', 'new@partner.example', '--org', 'acme')
    await pass(acme)
    const { code, err } = await acme.run('offboard', 'new@partner.example', '--yes')
    expect(err).toMatch(/the open invitation new-\w+ of new@partner\.example to acme is deleted/)
    expect(code).toBe(0)
    await pass(acme)
    const left = await acme.withStore(async store => (await store.list('Invitation')).items)
    expect(left.filter(({ spec }) => spec.email === 'new@partner.example')).toEqual([])
  })

  test('of what a Source declares prints the edit of the file, and changes nothing', async () => {
    using acme = base.copy()
    const source = `apiVersion: roster.dev/v1alpha1\nkind: Source\nmetadata: {name: default}\nspec: {folder: {path: ${join(acme.folder, ACME)}}}\n`
    await writeFile(join(acme.folder, 'source.yaml'), source)
    await acme.run('apply', 'source.yaml', '--source', 'admin', '--rebind')
    const { code, out, err } = await acme.run('offboard', 'alice', '--yes')
    expect(code).toBe(1)
    expect(err).toMatch(/^A Source declares alice; nothing is changed here/m)
    expect(out).toBe('# people/users/alice.yaml:2\nmemberships:\n  - organization: acme\n    state: Ended\n')
    expect((await entries(acme, 'alice'))?.[0]?.state).toBeUndefined()
    expect((await acme.run('offboard', 'eve', '--yes')).out).toBe('# people/people.csv:2\n# take this row out\n')
    const json = JSON.parse((await acme.run('offboard', 'alice', '-o', 'json')).out)
    expect(json).toMatchObject({
      person: 'alice',
      edits: [{ organization: 'acme', by: 'manifest', place: 'people/users/alice.yaml:2' }],
      done: [],
    })
    expect(json.changes.length).toBeGreaterThan(0)
    expect(await readFile(join(acme.folder, ACME, 'users', 'alice.yaml'), 'utf8')).not.toContain('Ended')
  })

  test('names where somebody is still written down', async () => {
    using acme = base.copy()
    const { err } = await acme.run('offboard', 'bob', '--dry-run')
    expect(err).toMatch(/still contact of acme: people\/organization\.yaml:\d+/)
  })

  test('is held by the guard like any other edit, and says so', async () => {
    using acme = base.copy()
    const file = join(acme.folder, ACME, 'organization.yaml')
    await writeFile(
      file,
      (await readFile(file, 'utf8')).replace('spec:', 'spec:\n  guard: {protected: [eve@acme.example]}'),
    )
    await acme.settle()
    const { err } = await acme.run('offboard', 'eve', '--dry-run')
    expect(err).toMatch(/eve/)
    expect(err).toContain('roster approve acme')
    await acme.run('offboard', 'eve', '--yes')
    await pass(acme)
    expect((await record(acme, 'eve@acme.example'))?.ended).toBeUndefined()
  })
})
