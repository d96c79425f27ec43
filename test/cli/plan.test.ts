import { createHash } from 'node:crypto'
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { smtpPeer } from '../peers/smtp.ts'
import { ACME, acmePlace, openPlace, type Place, steady } from './command-line.ts'

const EXAMPLE = join(import.meta.dirname, '..', '..', 'examples', 'acme')

const edit = (place: Place, file: string, from: string, to: string): void => {
  const path = join(place.folder, ACME, file)
  const text = readFileSync(path, 'utf8')
  if (!text.includes(from)) throw new Error(`${file} holds no ${from}`)
  writeFileSync(path, text.replace(from, to))
}

/** Every file below a folder with its content and the time of its last write. SQLite's own companions come and go with each who opens the store. */
const stateOf = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter(file => file.isFile() && !/-(wal|shm)$/.test(file.name))
      .map(file => {
        const path = join(file.parentPath, file.name)
        return [path, `${createHash('sha256').update(readFileSync(path)).digest('hex')} ${statSync(path).mtimeMs}`]
      })
      .sort(),
  )

describe('roster plan', () => {
  it('tells a first plan a line a person, and needs no store', async () => {
    using place = openPlace()
    const { code, out, err } = await place.run('plan', EXAMPLE)
    expect(err).toBe('')
    expect(code).toBe(1)
    await expect(steady(out.replaceAll(/\S*examples\/acme\//g, ''))).toMatchFileSnapshot('golden/plan-first.txt')
    // No data folder, no key files.
    expect(readdirSync(place.folder)).toEqual([])
  })

  it('says where there is no manifest, and what does not fit though the rest is planned', async () => {
    using place = openPlace()
    const empty = await place.run('plan', '.')
    expect(empty).toMatchObject({ code: 0, err: '! . holds no manifest: is it the right place?\n' })
    cpSync(EXAMPLE, join(place.folder, ACME), { recursive: true })
    edit(place, 'users/alice.yaml', 'editor, billing', 'editr')
    const typo = await place.run('plan', ACME)
    expect(typo.err).toContain('role "editr" does not exist; did you mean "editor"?')
    expect(typo.out).toContain('11 mails')
  })

  it('tells changes in the words of the manifests, what costs first', async () => {
    using place = openPlace()
    cpSync(EXAMPLE, join(place.folder, ACME), { recursive: true })
    edit(place, 'licenses.yaml', 'seats: 10', 'seats: 11')
    await place.settle()
    await place.accept('alice@acme.example')
    await place.accept('eve@acme.example')
    await place.settle()
    edit(place, 'users/alice.yaml', 'roles: [editor, billing]', 'roles: [viewer]')
    edit(place, 'users/priya.yaml', '{organization: acme}', '{organization: acme, roles: [viewer]}')
    edit(place, 'licenses.yaml', 'seats: 11', 'seats: 12')
    edit(place, 'groups.yaml', 'members: [kim]', 'members: [kim, ivan]')
    edit(place, 'people.csv', readFileSync(join(place.folder, ACME, 'people.csv'), 'utf8').split('\n')[1] ?? '', '')
    edit(place, 'roles.yaml', 'allow: [', 'allow: ["reports:read", ')
    rmSync(join(place.folder, ACME, 'users', 'bob.yaml'))
    const { code, out } = await place.run('plan', ACME, '--prune')
    expect(code).toBe(1)
    await expect(steady(out)).toMatchFileSnapshot('golden/plan-changes.txt')
    const kept = await place.run('plan', ACME)
    expect(kept.out).toContain('! 2 resources are no longer in this source and stay, because prune is off')
  })

  it('says nothing twice: a plan of what is applied is empty, and the answer is yes', async () => {
    using place = await acmePlace()
    const { code, out } = await place.run('plan', ACME)
    expect({ code, out }).toEqual({ code: 0, out: 'No changes. What is declared is what is.\n' })
  })

  it('writes nothing, contacts nobody, and is the same each time', async () => {
    await using peer = await smtpPeer()
    using place = await acmePlace()
    edit(place, 'users/priya.yaml', 'priya@acme.example', 'priya.new@acme.example')
    const data = join(place.folder, '.roster')
    const before = stateOf(data)
    const server = ['--smtp', `smtp://127.0.0.1:${peer.port}`, '--public-url', 'https://people.example']
    const first = await place.run('plan', ACME, '--all', ...server)
    expect(first.out).toContain('priya.new@acme.example')
    const second = await place.run('plan', ACME, '--all', ...server)
    expect(second).toEqual(first)
    expect(stateOf(data)).toEqual(before)
    expect(peer.connections).toBe(0)
  })

  it('keeps to the shape that is written down', async () => {
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
spec: {email: alice@acme.example, memberships: [{organization: acme, until: 2090-01-01}]}
`,
    )
    const { out } = await place.run('plan', 'a.yaml', '-o', 'json')
    const { base, ...plan } = JSON.parse(out)
    expect(base).toMatch(/^\d+$/)
    expect(plan).toEqual({
      // The same on every machine.
      hash: 'sha256:b19589267743094a17eaeadcef11f23d11e2a0251785c56df0152f612abf740f',
      summary: {
        create: 3,
        update: 0,
        delete: 0,
        mail: 1,
        losing: 0,
        gaining: 0,
        seatsGiven: 0,
        seatsFreed: 0,
        held: 0,
      },
      changes: [
        {
          action: 'send',
          target: 'mail',
          kind: 'User',
          name: 'alice',
          organization: 'acme',
          because: 'a.yaml:6',
          fields: { template: 'invitation', to: 'alice@acme.example' },
        },
        {
          action: 'create',
          target: 'resource',
          kind: 'Invitation',
          name: expect.stringMatching(/^alice-/),
          organization: 'acme',
          because: 'a.yaml:6',
          fields: { email: 'alice@acme.example', user: 'alice' },
        },
        {
          action: 'create',
          target: 'resource',
          kind: 'Organization',
          name: 'acme',
          organization: 'acme',
          because: 'a.yaml:1',
          fields: {},
        },
        {
          action: 'create',
          target: 'resource',
          kind: 'User',
          name: 'alice',
          organization: 'acme',
          because: 'a.yaml:6',
          fields: {},
        },
      ],
      alsoDue: [],
      held: [],
      refused: [],
      later: [
        {
          time: '2090-01-02T00:00:00.000Z',
          action: 'end',
          target: 'membership',
          kind: 'User',
          name: 'alice',
          organization: 'acme',
          because: 'a.yaml:6',
          fields: {},
        },
      ],
      unknown: [],
      warnings: [],
      failed: [],
    })
  })

  it('tells apart what would happen anyway', async () => {
    using place = openPlace()
    cpSync(EXAMPLE, join(place.folder, ACME), { recursive: true })
    // Written, and nobody ran the loop: all mails are due.
    await place.run('apply', ACME, '--no-wait')
    edit(place, 'users/priya.yaml', '{organization: acme}', '{organization: acme, roles: [viewer]}')
    const { code, out } = await place.run('plan', ACME, '--all')
    expect(code).toBe(1)
    const [changes = '', due = ''] = out.split('Also due, with or without these manifests\n')
    expect(changes).toMatch(/invite +priya@acme\.example +viewer/)
    expect(changes).not.toContain('alice@acme.example')
    expect(due).toMatch(/invite +alice@acme\.example +billing, editor/)
    expect(due).not.toMatch(/invite +priya@acme\.example/)
  })

  it('says what only applying will tell', async () => {
    using place = openPlace()
    cpSync(EXAMPLE, join(place.folder, ACME), { recursive: true })
    edit(
      place,
      'licenses.yaml',
      'seats: 10',
      'seats: 10\n  sendToEmail: true\n  keysSecretRef: {name: suite-keys, key: keys}',
    )
    const { out } = await place.run('plan', ACME)
    expect(out).toContain(
      '! LicensePool/suite: not known before it is applied: who gets licence keys: secret suite-keys has no key keys',
    )
    const { unknown } = JSON.parse((await place.run('plan', ACME, '-o', 'json')).out)
    expect(unknown).toEqual([
      {
        kind: 'LicensePool',
        name: 'suite',
        organization: 'acme',
        message: expect.stringContaining('secret suite-keys has no key keys'),
      },
    ])
  })

  it('tells nothing that a terminal would obey', async () => {
    using place = openPlace()
    writeFileSync(
      join(place.folder, 'a.yaml'),
      `apiVersion: roster.dev/v1alpha1
kind: Organization
metadata: {name: acme}
spec: {displayName: "one\\u202etwo"}
---
apiVersion: roster.dev/v1alpha1
kind: Role
metadata: {name: viewer}
spec: {organization: acme, displayName: "\\u009b31m red", allow: ["a:read"]}
`,
    )
    const run = async () => (await place.run('plan', 'a.yaml')).out
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not come
    expect(await run()).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/)
    expect(existsSync(join(place.folder, '.roster'))).toBe(false)
  })

  it('refuses what is invalid or not there, with its place', async () => {
    using place = await acmePlace()
    edit(place, 'users/alice.yaml', 'email:', 'emial:')
    const invalid = await place.run('plan', ACME)
    expect(invalid.code).toBe(1)
    expect(invalid.err).toMatch(/users\/alice\.yaml:\d+:\d+/)
    const nowhere = await place.run('plan', 'nowhere')
    expect(nowhere.code).toBe(1)
    expect(nowhere.err).toContain('nowhere:1:1: error: does not exist')
  })
})
