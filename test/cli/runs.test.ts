import { readdirSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { membershipName } from '../../src/decide/record-names.ts'
import { ACME, acmePlace, type Place } from './command-line.ts'

let base: Place
beforeAll(async () => {
  base = await acmePlace()
  await base.accept('alice@acme.example')
  await base.settle()
})
afterAll(() => base[Symbol.dispose]())

interface Run {
  number: number
  source: string
  created: number
  updated: number
  deleted: number
  by: string
  kinds: Record<string, number>
}
const runs = async (place: Place): Promise<Run[]> => JSON.parse((await place.run('runs', '-o', 'json')).out).runs
const apply = (place: Place, ...more: string[]) => place.run('apply', ACME, '--rebind', ...more)
const userFile = (place: Place, name: string) => join(place.folder, ACME, 'users', `${name}.yaml`)
const edit = async (file: string, change: (text: string) => string) =>
  writeFile(file, change(await readFile(file, 'utf8')))
const get = (place: Place, name: string) => place.withStore(store => store.get('User', name))

describe('runs', () => {
  test('lists what each apply did, in number and kind, once, and never a pass that changed nothing', async () => {
    using acme = base.copy()
    const [first, ...others] = await runs(acme)
    expect(others).toEqual([])
    expect(first).toMatchObject({
      number: 1,
      source: 'default',
      updated: 0,
      deleted: 0,
      by: expect.stringMatching(/^local\//),
    })
    expect(Object.values(first?.kinds ?? {}).reduce((sum, count) => sum + count)).toBe(first?.created)
    await apply(acme)
    expect(await runs(acme)).toHaveLength(1)

    await edit(userFile(acme, 'ben'), text => text.replace('givenName: Ben', 'givenName: Benjamin'))
    await rm(userFile(acme, 'kim'))
    await apply(acme, '--prune')
    expect((await runs(acme)).at(-1)).toMatchObject({
      number: 2,
      created: 0,
      updated: 1,
      deleted: 1,
      kinds: { User: 2 },
    })
    expect((await acme.run('runs')).out).toMatch(/^2 +\S+ +default +sha256:\S+ +- +local\/\S+ +0 +1 +1 +0 +0$/m)
    expect((await acme.run('runs', '--source', 'nobody')).err).toContain('No source has changed anything yet')
  })

  test('are kept to fifty, with what was before each', async () => {
    using acme = base.copy()
    const file = join(acme.folder, 'role.yaml')
    for (let round = 0; round < 53; round++) {
      await writeFile(
        file,
        `apiVersion: roster.dev/v1alpha1\nkind: Role\nmetadata: {name: r}\nspec: {organization: acme, displayName: R${round}}\n`,
      )
      await acme.run('apply', 'role.yaml', '--source', 'role', '--rebind', '--no-wait')
    }
    const all = await runs(acme)
    expect(all).toHaveLength(50)
    expect(all.at(-1)?.number).toBe(54)
    expect(readdirSync(join(acme.folder, '.roster', 'runs'))).toHaveLength(50)
  })
})

describe('undo', () => {
  test('shows first, then puts back what was changed, made and taken', async () => {
    using acme = base.copy()
    const before = { ben: (await get(acme, 'ben'))?.spec, kim: (await get(acme, 'kim'))?.spec }
    await edit(userFile(acme, 'ben'), text => text.replace('givenName: Ben', 'givenName: Benjamin'))
    await rm(userFile(acme, 'kim'))
    await writeFile(
      userFile(acme, 'zoe'),
      'apiVersion: roster.dev/v1alpha1\nkind: User\nmetadata: {name: zoe}\nspec: {email: zoe@acme.example, memberships: [{organization: acme}]}\n',
    )
    await apply(acme, '--prune')
    expect(await get(acme, 'kim')).toBeUndefined()

    const shown = await acme.run('undo', '2', '--dry-run')
    expect(shown.code, shown.err).toBe(0)
    expect(shown.out).toMatch(/2 to create · 1 to change · 2 to delete/)
    expect(shown.out).toContain('1 mail that went since then cannot be called back')
    expect((await get(acme, 'ben'))?.spec).not.toEqual(before.ben)
    expect((await acme.runWith({ answer: 'n' }, 'undo', '2')).code).toBe(1)

    const { code, out, err } = await acme.run('undo', '2', '--yes', '--rebind')
    expect(code, err).toBe(0)
    expect(out).toContain('run 2 undone: 1 back, 1 as before, 1 gone')
    expect((await get(acme, 'ben'))?.spec).toEqual(before.ben)
    expect((await get(acme, 'kim'))?.spec).toEqual(before.kim)
    expect(await get(acme, 'zoe')).toBeUndefined()
    expect((await acme.run('audit', '--action', 'run.undo')).out).toContain('run.undo')
    // An undo is a run like any other.
    expect((await runs(acme)).at(-1)).toMatchObject({ number: 3, created: 1, updated: 1, deleted: 1 })
    expect((await acme.run('undo', '3', '--dry-run')).out).toMatch(/2 to create · 1 to change · 2 to delete/)
  })

  test('leaves what was changed since, and says so', async () => {
    using acme = base.copy()
    await edit(userFile(acme, 'ben'), text => text.replace('givenName: Ben', 'givenName: Benjamin'))
    await apply(acme)
    await edit(userFile(acme, 'ben'), text => text.replace('givenName: Benjamin', 'givenName: Benno'))
    await apply(acme)
    const { code, err } = await acme.run('undo', '2', '--yes', '--rebind')
    expect(code).toBe(1)
    expect(err).toContain('User/ben was changed after run 2; it stays as it is')
    expect((await get(acme, 'ben'))?.spec.givenName).toBe('Benno')
  })

  test('does not touch what the run did not, nor what others own', async () => {
    using acme = base.copy()
    await edit(userFile(acme, 'ben'), text => text.replace('givenName: Ben', 'givenName: Benjamin'))
    await apply(acme)
    await acme.run('pause', 'user/ben')
    const untouched = (await get(acme, 'alice'))?.metadata.resourceVersion
    const { code, err } = await acme.run('undo', '2', '--yes', '--rebind')
    expect(code, err).toBe(0)
    expect((await get(acme, 'ben'))?.metadata.annotations).toHaveProperty(['roster.dev/pause'], 'true')
    expect((await get(acme, 'alice'))?.metadata.resourceVersion).toBe(untouched)
  })

  test('of what a Source watches is refused, with the way', async () => {
    using acme = base.copy()
    const source = `apiVersion: roster.dev/v1alpha1\nkind: Source\nmetadata: {name: default}\nspec: {folder: {path: ${join(acme.folder, ACME)}}}\n`
    await edit(userFile(acme, 'ben'), text => text.replace('givenName: Ben', 'givenName: Benjamin'))
    await apply(acme)
    await writeFile(join(acme.folder, 'source.yaml'), source)
    await acme.run('apply', 'source.yaml', '--source', 'admin', '--rebind')
    const { code, err } = await acme.run('undo', '2', '--yes', '--rebind')
    expect(code).toBe(1)
    expect(err).toMatch(
      /Source\/default would make it so again: revert sha256:\S+ where it reads from, or `roster pause source\/default` first/,
    )
    expect((await get(acme, 'ben'))?.spec.givenName).toBe('Benjamin')
    await acme.run('pause', 'source/default')
    expect((await acme.run('undo', '2', '--yes', '--rebind')).code).toBe(0)
    expect((await get(acme, 'ben'))?.spec.givenName).toBe('Ben')
  })

  test('goes through the guard: what it would take is held', async () => {
    using acme = base.copy()
    await edit(userFile(acme, 'alice'), text => text.replace('roles: [', 'roles: [viewer, '))
    await apply(acme)
    await edit(join(acme.folder, ACME, 'organization.yaml'), text =>
      text.replace('spec:', 'spec:\n  guard: {protected: [alice@acme.example]}'),
    )
    await apply(acme)
    const { code, err } = await acme.run('undo', '2', '--yes', '--rebind')
    expect(code).toBe(1)
    expect(err).toContain('roster approve acme')
    const record = await acme.withStore(store => store.get('Membership', membershipName('acme', 'alice@acme.example')))
    expect(record?.spec.settled?.roles).toContain('viewer')
  })

  test('says what is missing where it cannot', async () => {
    using acme = base.copy()
    expect((await acme.run('undo', '99')).err).toContain('there is no run 99')
    expect((await acme.run('undo', 'last')).err).toContain('is no number of a run')
    await rm(join(acme.folder, '.roster', 'runs'), { recursive: true })
    expect((await acme.run('undo', '1')).err).toMatch(
      /what was before run 1 is not kept in .*: another process did it, or the folder was emptied\. Instead: bring back the files of source default as they were before revision sha256:/,
    )
  })
})
