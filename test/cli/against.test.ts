import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ACME, acmePlace, type Place } from './command-line.ts'

const REALM = 'realm.yaml'

const edit = (place: Place, file: string, from: string, to: string): void => {
  const path = join(place.folder, ACME, file)
  const text = readFileSync(path, 'utf8')
  if (!text.includes(from)) throw new Error(`${file} holds no ${from}`)
  writeFileSync(path, text.replace(from, to))
}
/** A realm in which some have joined, and an edit that takes, gives, invites and prunes. */
const edited = async (): Promise<Place> => {
  const place = await acmePlace()
  await place.accept('alice@acme.example')
  await place.accept('eve@acme.example')
  await place.settle()
  edit(place, 'users/alice.yaml', 'roles: [editor, billing]', 'roles: [viewer]')
  edit(place, 'users/priya.yaml', '{organization: acme}', '{organization: acme, roles: [viewer]}')
  edit(place, 'licenses.yaml', 'seats: 10', 'seats: 9')
  rmSync(join(place.folder, ACME, 'users', 'bob.yaml'))
  return place
}
const exportTo = async (place: Place, file: string, ...flags: string[]): Promise<void> => {
  writeFileSync(join(place.folder, file), (await place.run('export', ...flags)).out)
}

describe('roster plan --against', () => {
  it('says what a plan on the store says, without the store, and what it cannot know', async () => {
    using place = await edited()
    await exportTo(place, REALM)
    await exportTo(place, 'realm.json', '-o', 'json')
    const { unknown, ...onStore } = JSON.parse((await place.run('plan', ACME, '--prune', '-o', 'json')).out)
    expect(unknown).toEqual([])
    expect(onStore.changes.length).toBeGreaterThan(5)
    // On a machine that has neither the store nor its keys.
    rmSync(join(place.folder, '.roster'), { recursive: true })
    for (const file of [REALM, 'realm.json']) {
      const ran = await place.run('plan', ACME, '--prune', '--against', file, '-o', 'json')
      expect(ran.code, ran.err).toBe(1)
      const { unknown: gaps, base: _, ...plan } = JSON.parse(ran.out)
      const { base: __, ...same } = onStore
      expect(plan, file).toEqual(same)
      expect(gaps.map(({ message }: { message: string }) => message)).toEqual([
        `what has happened since ${file} was exported`,
        expect.stringMatching(/^who wrote which field/),
      ])
    }
    expect(readdirSync(place.folder).sort()).toEqual([ACME, 'realm.json', REALM].sort())
  })

  it('finds nothing to do where nothing is, and says all the same what it cannot know', async () => {
    using place = await acmePlace()
    await exportTo(place, REALM)
    const { code, out } = await place.run('plan', ACME, '--against', REALM)
    expect(code).toBe(0)
    expect(out).toMatch(
      /^No changes\. What is declared is what is\.\n! not known before it is applied: what has happened since realm\.yaml was exported\n/,
    )
  })

  it('says so when the export holds no records', async () => {
    using place = await acmePlace()
    await exportTo(place, REALM, '--no-records')
    const { out } = await place.run('plan', ACME, '--against', REALM)
    expect(out).toContain('! not known before it is applied: who was invited, has joined and has what')
  })

  it('takes nothing for an export that is none, and survives one that somebody made up', async () => {
    using place = await acmePlace()
    const refused = async (text: string): Promise<string> => {
      writeFileSync(join(place.folder, REALM), text)
      const { code, err } = await place.run('plan', ACME, '--against', REALM)
      expect(code, text.slice(0, 80)).toBe(2)
      return err
    }
    expect(await refused('')).toContain('holds no resource of Roster')
    expect(await refused('a: [')).toMatch(/realm\.yaml:\d+:\d+: /)
    expect(await refused('[1, 2]')).toMatch(/realm\.yaml:\d+:\d+: an export holds objects/)
    expect(await refused('\u0000')).toContain('NUL')
    expect(await refused('apiVersion: roster.dev/v1alpha1\nkind: User\nmetadata: {name: x}\n')).toContain(
      'a User needs metadata.name and spec',
    )
    writeFileSync(join(place.folder, REALM), '')
    truncateSync(join(place.folder, REALM), 600 * 1024 * 1024)
    expect((await place.run('plan', ACME, '--against', REALM)).err).toContain('larger than any export')
    // Records that no store would hold: what they concern cannot be worked out, or is as if they were not there.
    writeFileSync(
      join(place.folder, REALM),
      'apiVersion: roster.dev/v1alpha1\nkind: Membership\nmetadata: {name: m-x, resourceVersion: "7+1"}\nspec: {organization: acme, address: alice@acme.example}\n',
    )
    const made = await place.run('plan', ACME, '--against', REALM)
    expect([1, 2]).toContain(made.code)
    expect(made.err).not.toContain('TypeError')
    expect(made.out).toContain('to create')
  })

  it('is not written into a file, because it could not be applied', async () => {
    using place = await acmePlace()
    await exportTo(place, REALM)
    for (const flags of [['--against', REALM], ['--offline']]) {
      const { code, err } = await place.run('plan', ACME, ...flags, '--out', 'x.plan')
      expect(code).toBe(2)
      expect(err).toContain('--out needs the store')
    }
    expect(readdirSync(place.folder)).not.toContain('x.plan')
  })
})

describe('roster plan --offline', () => {
  it('opens no store, even where one is, and says that everything counts as new', async () => {
    using place = await acmePlace()
    const before = digestOf(join(place.folder, '.roster', 'roster.sqlite'))
    const { code, out } = await place.run('plan', ACME, '--offline')
    expect(code).toBe(1)
    expect(out).toContain('33 to create')
    expect(out).toContain('! not known before it is applied: nothing is known of what is there')
    // A cluster that is not there is not looked for.
    const cluster = await place.runWith({ environment: { ROSTER_KUBERNETES: 'true' } }, 'plan', ACME, '--offline')
    expect(cluster).toEqual({ code, out, err: '' })
    expect(digestOf(join(place.folder, '.roster', 'roster.sqlite'))).toBe(before)
  })

  it('reads no secret and no repository', async () => {
    using place = await acmePlace()
    edit(
      place,
      'licenses.yaml',
      'seats: 10',
      'seats: 10\n  sendToEmail: true\n  keysSecretRef: {name: suite-keys, key: keys}',
    )
    const environment = {
      ROSTER_SECRET_SUITE_KEYS__KEYS: 'one',
      ROSTER_SECRET_SUITE_KEYS__USED_BY: 'licensepool/suite',
    }
    const { out } = await place.runWith({ environment }, 'plan', ACME, '--offline')
    expect(out).toContain('who gets licence keys: secret suite-keys/keys is not read without a store')
    const git = await place.run('plan', 'https://git.example/acme/people.git', '--offline')
    expect(git).toMatchObject({ code: 2, out: '' })
    expect(git.err).toContain('--offline contacts nobody')
  })
})

describe('roster validate --against', () => {
  it('lets manifests refer to what an export holds, and knows what must not change', async () => {
    using place = await acmePlace()
    await exportTo(place, REALM)
    writeFileSync(
      join(place.folder, 'part.yaml'),
      `apiVersion: roster.dev/v1alpha1
kind: User
metadata: {name: nia}
spec: {email: nia@acme.example, memberships: [{organization: acme, roles: [editor]}]}
`,
    )
    expect((await place.run('validate', 'part.yaml')).code).toBe(1)
    expect(await place.run('validate', 'part.yaml', '--against', REALM)).toMatchObject({ code: 0 })
    writeFileSync(
      join(place.folder, 'part.yaml'),
      'apiVersion: roster.dev/v1alpha1\nkind: Role\nmetadata: {name: editor}\nspec: {organization: other, allow: []}\n',
    )
    const moved = await place.run('validate', 'part.yaml', '--against', REALM)
    expect(moved.code).toBe(1)
    expect(moved.out).toMatch(/organization/)
    expect((await place.run('validate', 'part.yaml', '--against', 'none.yaml')).code).toBe(2)
  })
})

const digestOf = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex')
