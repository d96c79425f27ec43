import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { membershipName } from '../../src/decide/record-names.ts'
import { openPlace, type Place, steady } from './command-line.ts'

const PEOPLE = Array.from({ length: 8 }, (_, at) => `p${at}`)
const THING = (kind: string, name: string, spec: string) =>
  `apiVersion: roster.dev/v1alpha1\nkind: ${kind}\nmetadata: {name: ${name}}\nspec: ${spec}\n`

/** Manifests of two organizations in which these people have no role any more. */
const write = (place: Place, without: readonly string[] = []): void =>
  writeFileSync(
    join(place.folder, 'people.yaml'),
    [
      THING('Organization', 'acme', '{displayName: Acme}'),
      THING('Organization', 'zeta', '{displayName: Zeta}'),
      THING('Role', 'editor', '{organization: acme, allow: ["documents:*"]}'),
      THING(
        'LicensePool',
        'suite',
        '{organization: acme, product: Suite, seats: 9, selector: {roles: [editor]}, releaseAfter: 1m}',
      ),
      ...PEOPLE.map(name => {
        const roles = without.includes(name) ? '[]' : '[editor]'
        return THING(
          'User',
          name,
          `{email: ${name}@acme.example, memberships: [{organization: acme, roles: ${roles}, join: None}]}`,
        )
      }),
    ].join('---\n'),
  )
const roles = (place: Place) =>
  place.withStore(async store =>
    Promise.all(
      PEOPLE.map(
        async name =>
          (await store.get('Membership', membershipName('acme', `${name}@acme.example`)))?.spec.settled?.roles.length,
      ),
    ),
  )
const ALL = PEOPLE.map(() => 1)
const SIX = PEOPLE.slice(0, 6)

let held: Place
let applied: Awaited<ReturnType<Place['run']>>
beforeAll(async () => {
  held = openPlace()
  write(held)
  expect((await held.run('apply', 'people.yaml')).code).toBe(0)
  write(held, SIX)
  applied = await held.run('apply', 'people.yaml')
})
afterAll(() => held[Symbol.dispose]())

describe('what is held', () => {
  test('is told by apply with who would lose what, and is no success', async () => {
    expect(applied.code).toBe(1)
    await expect(steady(applied.err)).toMatchFileSnapshot('golden/held.txt')
    expect(await roles(held)).toEqual(ALL)
    const again = await held.run('apply', 'people.yaml', '-o', 'json')
    expect(again.code).toBe(1)
    expect(JSON.parse(again.out).held).toMatchObject([
      { organization: 'acme', producer: 'source/default', people: SIX.map(name => ({ name, what: 'loses editor' })) },
    ])
  })

  test('is told by plan in the same words, before and after', async () => {
    const after = await held.run('plan', 'people.yaml')
    expect([after.code, after.out]).toEqual([1, expect.stringContaining(applied.err)])
    using fresh = openPlace()
    write(fresh)
    await fresh.run('apply', 'people.yaml')
    write(fresh, SIX)
    const { out } = await fresh.run('plan', 'people.yaml')
    expect(out).toContain(applied.err)
    expect(JSON.parse((await fresh.run('plan', 'people.yaml', '-o', 'json')).out).held).toMatchObject([
      { reason: 'RemovalsHeld', set: { hash: expect.stringMatching(/^sha256:/), people: expect.any(Array) } },
    ])
  })

  test('is no concern of another source', async () => {
    using place = held.copy()
    writeFileSync(join(place.folder, 'omega.yaml'), THING('Organization', 'omega', '{displayName: Omega}'))
    expect(await place.run('apply', 'omega.yaml', '--source', 'other', '--rebind')).toMatchObject({ code: 0, err: '' })
  })

  test('is told by describe and why in words', async () => {
    const { items } = JSON.parse((await held.run('get', 'removalsets', '-o', 'json')).out) as {
      items: { metadata: { name: string }; spec: { state: string } }[]
    }
    const name = items.find(({ spec }) => spec.state === 'Held')?.metadata.name ?? ''
    const described = await held.run('describe', 'removalset', name)
    for (const line of applied.err.trimEnd().split('\n')) expect(described.out).toContain(line.trim())
    const why = await held.run('why', 'p0')
    expect(steady(why.out)).toContain(
      '  ! is to lose editor: people.yaml:21 no longer gives role editor. Nothing is taken since <when>, with 5 other people: ' +
        '6 people would lose something in acme, and 5 may in 24 hours; held until it is approved (`roster approve acme`) or the edit is taken back\n',
    )
    expect((await held.run('why', 'p7')).out).not.toContain('is to lose')
    expect(JSON.parse((await held.run('why', 'p0', '-o', 'json')).out).places[0].losing).toContain(
      'roster approve acme',
    )
  })
})

describe('approve', () => {
  const reason = ['--reason', 'Clean-up, ticket 4711']

  test('says who loses what and what follows, and prints an Approval that releases exactly it', async () => {
    using place = held.copy()
    const { code, out, err } = await place.run('approve', 'acme', ...reason)
    expect(code).toBe(0)
    await expect(steady(err)).toMatchFileSnapshot('golden/approve.txt')
    expect(steady(out)).toMatch(
      /^apiVersion: roster\.dev\/v1alpha1\nkind: Approval\nmetadata:\n {2}name: acme-[a-z2-7]{10}\nspec:\n {2}organization: acme\n {2}releases: <revision>\n {2}reason: Clean-up, ticket 4711\n {2}expirationTime: <time>\n$/,
    )
    expect(await roles(place)).toEqual(ALL)
    expect((await place.runWith({ stdin: out }, 'apply', '-', '--rebind', '--source', 'approvals')).code).toBe(0)
    expect(await roles(place)).toEqual([0, 0, 0, 0, 0, 0, 1, 1])
    expect((await place.run('approve', 'acme', ...reason)).code).toBe(1)
  })

  test('without a reason shows the same and prints nothing to apply', async () => {
    const { code, out, err } = await held.run('approve', 'acme')
    expect([code, out]).toEqual([0, ''])
    expect(err).toContain((await held.run('approve', 'acme', ...reason)).err)
    expect(err).toContain('To release it, say why: --reason TEXT prints the Approval')
    expect(await held.run('approve', 'acme', '--apply', '--yes')).toMatchObject({
      code: 2,
      err: expect.stringContaining('--apply needs --reason'),
    })
    expect((await held.run('approve', 'acme', ...reason, '--for', '7d')).code).toBe(0)
    expect((await held.run('approve', 'acme', ...reason, '--for', '8d')).err).toContain('at most 168h (7 days)')
  })

  test('counts the people who go with what they lose', async () => {
    using place = openPlace()
    write(place)
    await place.run('apply', 'people.yaml', '--prune')
    const text = readFileSync(join(place.folder, 'people.yaml'), 'utf8')
    const kept = text.split('---\n').filter(one => !SIX.some(name => one.includes(`{name: ${name}}`)))
    writeFileSync(join(place.folder, 'people.yaml'), kept.join('---\n'))
    expect((await place.run('apply', 'people.yaml', '--prune')).code).toBe(1)
    expect((await place.run('approve', 'acme')).err).toContain('6 to delete')
    expect((await place.run('approve', 'acme', ...reason, '--apply', '--yes')).code).toBe(0)
    await place.run('apply', 'people.yaml', '--prune')
    expect((await place.run('get', 'users', '-o', 'name')).out.match(/p\d/g)).toEqual(['p6', 'p7'])
  })

  test('--apply asks, writes it under the own manager, and the next pass releases it', async () => {
    using place = held.copy()
    const no = await place.runWith({ answer: 'n' }, 'approve', 'acme', ...reason, '--apply')
    expect([no.code, no.out]).toEqual([1, ''])
    expect((await place.run('approve', 'acme', ...reason, '--apply')).code).toBe(2)
    const yes = await place.run('approve', 'acme', ...reason, '--apply', '--yes', '--for', '168h')
    expect(yes.code).toBe(0)
    expect(yes.out).toMatch(/^approval\/acme-[a-z2-7]{10} written\n$/)
    expect(yes.err).toContain('No controller runs on this store')
    expect((await place.run('audit', '--action', 'approval.create')).out).toContain('Clean-up, ticket 4711')
    expect((await place.run('apply', 'people.yaml', '--rebind')).code).toBe(0)
    expect(await roles(place)).toEqual([0, 0, 0, 0, 0, 0, 1, 1])
  })

  test('nothing held is a no; only what is asked for is approved', async () => {
    expect(await held.run('approve', 'zeta', ...reason)).toEqual({
      code: 1,
      out: '',
      err: 'Nothing is held in zeta.\n',
    })
    expect(JSON.parse((await held.run('approve', 'zeta', ...reason, '-o', 'json')).out)).toEqual({
      held: [],
      approvals: [],
    })
    const all = await held.run('approve', ...reason, '-o', 'json')
    const { held: sets, approvals } = JSON.parse(all.out)
    expect([sets.length, approvals.length]).toEqual([1, 1])
    const one = await held.run('approve', 'acme', ...reason, '--set', sets[0].hash, '-o', 'json')
    expect(JSON.parse(one.out).approvals).toMatchObject([{ spec: { releases: sets[0].hash } }])
  })

  test.each([
    [['acme', '--reason', 'x', '--for', '169h'], 'an Approval is made for at most 168h (7 days)'],
    [['acme', '--reason', 'x', '--for', 'soon'], 'is no duration'],
    [['acme', '--reason', 'x', '--for', '0h'], 'longer than nothing'],
    [['acme', '--reason', ' '], '--reason is empty'],
    [['acme', '--apply', '--yes'], '--apply needs --reason'],
    [['acm', '--reason', 'x'], 'did you mean "acme"?'],
    [['acme', '--reason', 'x', '--set', 'acme.nothing'], 'nothing is held as "acme.nothing"'],
  ])('%j is trouble and writes nothing', async (args, says) => {
    const { code, out, err } = await held.run('approve', ...args)
    expect([code, out, err]).toEqual([2, '', expect.stringContaining(says)])
    expect(await held.withStore(async store => (await store.list('Approval')).items)).toEqual([])
  })
})

describe('approve of a rewritten history', () => {
  const reason = ['--reason', 'The last week was wrong']
  const [first, second] = ['1'.repeat(40), '2'.repeat(40)]

  test('prints an Approval without organization, and is not asked for with one', async () => {
    using place = held.copy()
    await place.withStore(async store => {
      const git = { url: 'https://git.example/acme/people.git', ref: 'main', path: 'people' }
      const { metadata } = await store.create(
        { kind: 'Source', metadata: { name: 'people' }, spec: { git } },
        { manager: 'local/root' },
      )
      const status = {
        lastAppliedRevision: second,
        lastAppliedFrom: `${git.url}#main`,
        rewritten: {
          revision: first,
          after: second,
          releases: `sha256:${'a'.repeat(64)}`,
          heldTime: '2026-03-02T09:00:00Z',
        },
      }
      await store.patchStatus({ kind: 'Source', name: 'people' }, status, { ifUid: metadata.uid })
    })
    const one = await place.run('approve', ...reason, '--set', 'source/people')
    expect(one.code).toBe(0)
    expect(one.err).toBe(
      `! Source/people: its history was rewritten. Commit ${first} does not come after ${second}, which stays in force\n` +
        `    what it would change: roster plan 'https://git.example/acme/people.git#${first}:people' --source people\n` +
        '    held until it is approved (`roster approve`), or a commit is pushed that follows the one in force\n',
    )
    expect(one.out).toMatch(
      /^apiVersion: roster\.dev\/v1alpha1\nkind: Approval\nmetadata:\n {2}name: people-[a-z2-7]{10}\n/,
    )
    expect(one.out).toContain(`\n  releases: sha256:${'a'.repeat(64)}\n`)
    expect(one.out).not.toContain('organization:')
    const all = JSON.parse((await place.run('approve', ...reason, '-o', 'json')).out)
    expect(all.histories).toMatchObject([{ source: 'people', revision: first, after: second }])
    expect(all.approvals).toHaveLength(all.held.length + 1)
    expect((await place.run('approve', 'acme', ...reason, '-o', 'json')).out).not.toContain('histories')
    const written = await place.run('approve', ...reason, '--set', 'source/people', '--apply', '--yes')
    expect([written.code, written.out]).toEqual([0, expect.stringMatching(/^approval\/people-[a-z2-7]{10} written\n$/)])
  })
})
