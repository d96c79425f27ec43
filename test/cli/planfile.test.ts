import { mkdirSync, readFileSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { PlanFile } from '../../src/app/planfile.ts'
import { smtpPeer } from '../peers/smtp.ts'
import { ACME, acmePlace, openPlace, type Place } from './command-line.ts'

const PLAN = 'people.plan'

const edit = (place: Place, file: string, from: string, to: string): void => {
  const path = join(place.folder, ACME, file)
  const text = readFileSync(path, 'utf8')
  if (!text.includes(from)) throw new Error(`${file} holds no ${from}`)
  writeFileSync(path, text.replace(from, to))
}
const givePriyaARole = (place: Place): void =>
  edit(place, 'users/priya.yaml', '{organization: acme}', '{organization: acme, roles: [viewer]}')
const role = (name: string): string =>
  `apiVersion: roster.dev/v1alpha1\nkind: Role\nmetadata: {name: ${name}}\nspec: {organization: acme, allow: ["a:read"]}\n`
const fileOf = (place: Place): PlanFile => JSON.parse(readFileSync(join(place.folder, PLAN), 'utf8'))
const versionOf = (place: Place): Promise<string> =>
  place.withStore(async store => (await store.info()).resourceVersion)

/** Plans an edit, lets something happen, and tries to apply what was planned. Whatever is refused has written nothing. */
const refusedAfter = async (
  happens: (place: Place) => unknown,
  change: (place: Place) => void = givePriyaARole,
  ...flags: string[]
): Promise<{ err: string; moved: unknown[] }> => {
  using place = await acmePlace()
  change(place)
  expect((await place.run('plan', ACME, '--out', PLAN, ...flags)).code).toBe(1)
  await happens(place)
  const version = await versionOf(place)
  const { code, out, err } = await place.run('apply', ACME, '--plan', PLAN)
  expect(code, err).toBe(1)
  expect(out).toBe('')
  const json = await place.run('apply', ACME, '--plan', PLAN, '-o', 'json')
  expect(json.code).toBe(1)
  expect(await versionOf(place)).toBe(version)
  return { err, moved: JSON.parse(json.out).moved }
}

describe('a plan in a file', () => {
  it('is done exactly, once', async () => {
    using place = await acmePlace()
    givePriyaARole(place)
    rmSync(join(place.folder, ACME, 'users', 'kim.yaml'))
    edit(place, 'groups.yaml', 'members: [kim]', 'members: []')
    const planned = await place.run('plan', ACME, '--prune', '--out', PLAN)
    expect(planned.code).toBe(1)
    expect(planned.err).toContain(`The plan is in ${PLAN}: roster apply ${ACME} --plan ${PLAN} does just that.`)
    expect(statSync(join(place.folder, PLAN)).mode & 0o777).toBe(0o600)
    const { writes, plan } = fileOf(place)
    expect(writes.map(({ action, kind, name }) => `${action} ${kind}/${name}`)).toEqual([
      'update Group/readers',
      'update User/priya',
      'delete User/kim',
    ])

    const applied = await place.run('apply', ACME, '--plan', PLAN)
    expect(applied, applied.err).toMatchObject({ code: 0, err: '' })
    expect(applied.out).toContain('Group/readers changed\nUser/priya changed\nUser/kim deleted\n')
    expect(applied.out).toContain('All that was planned to follow has followed.\n')
    expect((await place.run('plan', ACME, '--prune')).code).toBe(0)
    const again = await place.run('apply', ACME, '--plan', PLAN)
    expect(again.code).toBe(1)
    expect(again.err).toContain('User/priya needs no write any more: it is as declared already')
    expect(plan.hash).toMatch(/^sha256:[0-9a-f]{64}$/)
  })

  it('can be the first of a realm, and then makes it', async () => {
    using place = await acmePlace()
    rmSync(join(place.folder, '.roster'), { recursive: true })
    expect((await place.run('plan', ACME, '--out', PLAN)).code).toBe(1)
    expect(fileOf(place).realm).toBeNull()
    expect((await place.run('apply', ACME, '--plan', PLAN)).code).toBe(0)
    expect((await place.run('plan', ACME)).code).toBe(0)
  })

  it('that has nothing to do is written, too, and does nothing', async () => {
    using place = await acmePlace()
    expect((await place.run('plan', ACME, '--out', PLAN)).code).toBe(0)
    const version = await versionOf(place)
    expect((await place.run('apply', ACME, '--plan', PLAN, '--no-wait')).code).toBe(0)
    expect(await versionOf(place)).toBe(version)
  })

  it('is not stale because Roster itself wrote a status or remembered something that changes no consequence', async () => {
    using place = await acmePlace()
    givePriyaARole(place)
    await place.run('plan', ACME, '--out', PLAN)
    const { uid } = fileOf(place).writes[0] ?? {}
    await place.withStore(store =>
      store.patchStatus({ kind: 'User', name: 'priya' }, undefined, { ifUid: uid as string }),
    )
    expect((await place.run('apply', ACME, '--plan', PLAN)).code).toBe(0)
  })

  it('names each file that is another one', async () => {
    const { err, moved } = await refusedAfter(place => {
      edit(place, 'users/priya.yaml', 'acme, roles: [viewer]}', 'acme, roles: [admin]}')
      rmSync(join(place.folder, ACME, 'users', 'kim.yaml'))
      writeFileSync(join(place.folder, ACME, 'more.yaml'), role('more'))
    })
    expect(err).toContain(
      'roster: the plan is not what would be done now; nothing was written:\n  more.yaml is new since it was planned\n  users/kim.yaml is gone since it was planned\n  users/priya.yaml changed since it was planned\n',
    )
    expect(moved.slice(0, 3)).toEqual([
      { what: 'file', file: 'more.yaml', is: 'new' },
      { what: 'file', file: 'users/kim.yaml', is: 'gone' },
      { what: 'file', file: 'users/priya.yaml', is: 'changed' },
    ])
  })

  it('names the field that somebody else wrote, and who', async () => {
    const { err, moved } = await refusedAfter(place =>
      place.withStore(store =>
        store.apply(
          {
            apiVersion: 'roster.dev/v1alpha1',
            kind: 'User',
            metadata: { name: 'priya', labels: { desk: '7' } },
            spec: { email: 'priya@acme.example', locale: 'de' },
          },
          { manager: 'user/eve', force: true },
        ),
      ),
    )
    expect(err).toContain(
      '  User/priya: metadata.labels[desk] was changed by user/eve, spec.locale was changed by user/eve\n',
    )
    expect(moved).toEqual([
      {
        what: 'object',
        kind: 'User',
        name: 'priya',
        is: 'changed',
        fields: [
          { field: 'metadata.labels[desk]', managers: ['user/eve'] },
          { field: 'spec.locale', managers: ['user/eve'] },
        ],
      },
    ])
  })

  it('names what was deleted, made, or made anew', async () => {
    const remake = (place: Place) =>
      place.withStore(async store => {
        const { spec } = (await store.get('Role', 'admin')) ?? {}
        const gone = await store.delete({ kind: 'Role', name: 'admin' })
        if (gone)
          await store.setFinalizers({ kind: 'Role', name: 'admin' }, [], { ifVersion: gone.metadata.resourceVersion })
        if (spec) await store.create({ kind: 'Role', metadata: { name: 'admin' }, spec }, { manager: 'user/eve' })
      })
    const another = await refusedAfter(remake, place => edit(place, 'roles.yaml', 'allow: [', 'allow: ["x:read", '))
    expect(another.err).toContain('  Role/admin was deleted and made anew since it was planned\n')
    const made = await refusedAfter(
      place =>
        place.withStore(store =>
          store.create(
            { kind: 'Role', metadata: { name: 'fresh' }, spec: { organization: 'acme', allow: [] } },
            { manager: 'user/eve' },
          ),
        ),
      place => writeFileSync(join(place.folder, ACME, 'fresh.yaml'), role('fresh')),
    )
    expect(made.err).toContain('  Role/fresh was made since it was planned\n')
  })

  it('names a consequence that is another one, though nothing that it writes has moved', async () => {
    const { err } = await refusedAfter(async place => {
      await place.accept('priya@acme.example')
    })
    expect(err).toMatch(/ {2}(no longer|now also): \w+ \w+ User\/priya in acme/)
  })

  it('of another realm, or from before a restore, is refused', async () => {
    const { err } = await refusedAfter(async place => {
      rmSync(join(place.folder, '.roster'), { recursive: true })
      await place.settle()
    })
    expect(err).toContain('the plan was made for another realm than the store')
    using place = await acmePlace()
    givePriyaARole(place)
    await place.run('plan', ACME, '--out', PLAN)
    rmSync(join(place.folder, '.roster'), { recursive: true })
    const nowhere = await place.run('apply', ACME, '--plan', PLAN)
    expect(nowhere.code).toBe(2)
    expect(nowhere.err).toContain('there is no store in')
  })

  it('says where a consequence came out otherwise', async () => {
    await using peer = await smtpPeer()
    using place = openPlace()
    writeFileSync(
      join(place.folder, 'a.yaml'),
      `apiVersion: roster.dev/v1alpha1
kind: Organization
metadata: {name: acme}
spec: {}
---
apiVersion: roster.dev/v1alpha1
kind: User
metadata: {name: alice}
spec: {email: alice@acme.example, memberships: [{organization: acme}]}
`,
    )
    const server = ['--smtp', `smtp://127.0.0.1:${peer.port}`, '--public-url', 'https://people.example']
    await place.run('plan', 'a.yaml', '--out', PLAN, ...server)
    peer.treat('reject')
    const { err } = await place.run('apply', 'a.yaml', '--plan', PLAN, ...server)
    expect(err).toMatch(/^! alice in acme: invitation: planned number 1, Sent, is number 1, Refused \(550 /m)
  })

  it('stands for what else could be said on the command line', async () => {
    using place = await acmePlace()
    await place.run('plan', ACME, '--out', PLAN)
    for (const flag of [['--prune'], ['--allow-empty'], ['--source', 'other']]) {
      const { code, err } = await place.run('apply', ACME, '--plan', PLAN, ...flag)
      expect(code).toBe(2)
      expect(err).toContain('leave them out')
    }
  })

  it('is not written where there is no place for it', async () => {
    using place = await acmePlace()
    const { code, err } = await place.run('plan', ACME, '--out', 'nowhere/people.plan')
    expect(code).toBe(2)
    expect(err).toContain('nowhere')
  })

  it('that somebody made up is refused in clear words, and nothing is written', async () => {
    using place = await acmePlace()
    givePriyaARole(place)
    await place.run('plan', ACME, '--out', PLAN)
    const path = join(place.folder, PLAN)
    const good = fileOf(place)
    const version = await versionOf(place)
    const edited = (change: (file: Record<string, never> & typeof good) => void): string => {
      const file = structuredClone(good) as Record<string, never> & typeof good
      change(file)
      return JSON.stringify(file)
    }
    const cases: [string, string, number, RegExp][] = [
      ['no JSON', 'priya', 2, /is no plan: it is not JSON/],
      ['half of it', JSON.stringify(good).slice(0, 500), 2, /is no plan: it is not JSON/],
      ['nested without an end', '['.repeat(5_000_000), 2, /is no plan/],
      ['a list', '[]', 2, /is no plan of roster plan --out/],
      ['another document', '{"kind": "User"}', 2, /is no plan of roster plan --out/],
      [
        'a later format',
        edited(file => Object.assign(file, { format: 'roster-plan/2' })),
        2,
        /in the format roster-plan\/2; this program reads roster-plan\/1/,
      ],
      ['no writes', edited(file => Object.assign(file, { writes: undefined })), 2, /is no whole plan/],
      [
        'a write of a record',
        edited(file => Object.assign(file.writes[0] ?? {}, { kind: 'Membership' })),
        2,
        /is no whole plan/,
      ],
      [
        'another change',
        edited(file => Object.assign(file.plan.changes[0] ?? {}, { name: 'bob' })),
        2,
        /was edited: its changes do not have the hash that it names/,
      ],
      ['another hash', edited(file => Object.assign(file.plan, { hash: `sha256:${'0'.repeat(64)}` })), 2, /was edited/],
      ['another source', edited(file => Object.assign(file, { source: 'other' })), 1, /User\/priya/],
      ['another life', edited(file => Object.assign(file.writes[0] ?? {}, { uid: 'f'.repeat(36) })), 1, /made anew/],
      ['no files', edited(file => Object.assign(file, { tree: {} })), 1, /is new since it was planned/],
      [
        'what a terminal would obey',
        edited(file => Object.assign(file, { tree: { '\u001b[2J': 'x' } })),
        1,
        /is gone since it was planned/,
      ],
    ]
    for (const [name, text, code, words] of cases) {
      writeFileSync(path, text)
      const ran = await place.run('apply', ACME, '--plan', PLAN)
      expect(ran.code, `${name}: ${ran.err}`).toBe(code)
      expect(ran.err, name).toMatch(words)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what must not come
      expect(ran.err, name).not.toMatch(/\u001b/)
    }
    writeFileSync(path, '')
    truncateSync(path, 300 * 1024 * 1024)
    expect((await place.run('apply', ACME, '--plan', PLAN)).err).toContain('is larger than any plan')
    expect((await place.run('apply', ACME, '--plan', 'missing.plan')).err).toContain('does not exist')
    expect(await versionOf(place)).toBe(version)
  })
})

describe('a plan of a path that a Source reads', () => {
  const watched = (place: Place, name: string, path: string) =>
    place.withStore(store =>
      store.apply(
        {
          apiVersion: 'roster.dev/v1alpha1',
          kind: 'Source',
          metadata: { name },
          spec: { folder: { path: join(place.folder, path) } },
        },
        { manager: 'user/eve', force: true },
      ),
    )

  it('is made and applied as that source', async () => {
    using place = await acmePlace()
    writeFileSync(join(place.folder, 'more.yaml'), role('more'))
    await watched(place, 'more', 'more.yaml')
    expect((await place.run('plan', 'more.yaml', '--out', PLAN)).code).toBe(1)
    expect(fileOf(place).source).toBe('more')
    expect((await place.run('apply', 'more.yaml', '--plan', PLAN)).code).toBe(0)
    expect((await place.run('apply', 'more.yaml')).out).toContain('1 unchanged\n')
    const made = await place.withStore(store => store.get('Role', 'more'))
    expect(made?.metadata.labels?.['roster.dev/source']).toBe('more')
  })

  it('says beforehand where apply refuses, because the source reads from elsewhere', async () => {
    using place = await acmePlace()
    await watched(place, 'default', 'elsewhere')
    givePriyaARole(place)
    const planned = await place.run('plan', ACME, '--out', PLAN)
    expect(planned.err).toContain(
      `! Source/default reads from ${join(place.folder, 'elsewhere')}: roster apply refuses to write as it from here. Plan what is there, or name another source with --source.\n`,
    )
    expect((await place.run('apply', ACME, '--plan', PLAN)).code).not.toBe(0)
  })

  it('says of what may move between sources that only run hands it over', async () => {
    using place = await acmePlace()
    mkdirSync(join(place.folder, 'other'))
    renameSync(join(place.folder, ACME, 'users', 'kim.yaml'), join(place.folder, 'other', 'kim.yaml'))
    await watched(place, 'other', 'other')

    // The one that takes: apply changes nothing of what the other source keeps, as planned.
    const taking = await place.run('plan', 'other')
    expect(taking.out).toContain(
      '1 resource of source default, which keeps what it has: where it declares them no more, `roster run` hands them over, `roster apply` does not',
    )
    const taken = await place.run('apply', 'other')
    expect(taken.code).toBe(1)
    expect(taken.err).toContain('User/kim is kept by source default')
    expect(taken.err).toContain('handed over by roster run, which reads both; apply reads one.\n')

    // The one that gives: apply deletes, as planned.
    edit(place, 'groups.yaml', 'members: [kim]', 'members: []')
    const giving = await place.run('plan', ACME, '--prune')
    expect(giving.out).toContain(
      '1 resource would be deleted: what moved to Source/other is handed over by `roster run`, and deleted by `roster apply --prune`',
    )
    expect((await place.run('apply', ACME, '--prune')).out).toContain('User/kim deleted\n')
  })
})

describe('a plan that is applied without a path', () => {
  it('is of the path that it was made of, and that is said', async () => {
    using place = await acmePlace()
    givePriyaARole(place)
    await place.run('plan', ACME, '--out', PLAN)
    const applied = await place.run('apply', '--plan', PLAN)
    expect(applied).toMatchObject({ code: 0, err: `Applying ${ACME}, of which the plan was made.\n` })
    expect(applied.out).toContain('User/priya changed\n')
  })

  it('says which path that is where it is not here, and writes nothing', async () => {
    using place = await acmePlace()
    givePriyaARole(place)
    await place.run('plan', ACME, '--out', PLAN)
    renameSync(join(place.folder, ACME), join(place.folder, 'moved'))
    const { code, err } = await place.run('apply', '--plan', PLAN)
    expect(code).toBe(2)
    expect(err).toContain(`the plan was made of ${ACME} in ${place.folder}: name the path of that here`)
    renameSync(join(place.folder, 'moved'), join(place.folder, ACME))
    expect((await place.run('apply', '--plan', PLAN)).code).toBe(0)
  })

  it('needs one where there is no plan', async () => {
    using place = openPlace()
    const { code, err } = await place.run('apply')
    expect(code).toBe(2)
    expect(err).toContain('name what is to be applied: files, folders, - or one Git URL')
  })
})
