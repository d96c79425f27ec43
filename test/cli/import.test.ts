import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { GITHUB_TOKEN, githubPeer } from '../peers/github.ts'
import { openPlace } from './command-line.ts'

const write = (folder: string, files: Record<string, string>) => {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, path, '..'), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
}

describe('import', () => {
  test('writes what peribolos declares as manifests that are valid, and lists what is not taken', async () => {
    using place = openPlace()
    write(place.folder, {
      'config/acme-gmbh/org.yaml': 'admins: [ann]\nmembers: [ben, cid]\n',
      'config/acme-gmbh/red/teams.yaml':
        'teams:\n  red: {maintainers: [ann], members: [ben], teams: {inner: {members: [ben]}}}\n',
      'people.csv': 'login,email\nAnn,ann@acme.example\nben,ben@acme.example\n',
    })
    const args = ['import', 'peribolos', 'config', '--org', 'acme', '--addresses', 'people.csv', '--dir', 'acme']
    const { code, out } = await place.run(...args)
    expect([code, out]).toEqual([
      0,
      `acme/organization.yaml
acme/directory.yaml
acme/users.yaml
acme/groups.yaml
2 people and 3 groups of acme-gmbh
Not taken:
  cid: no address is known
  team red: who maintains it (ann)
`,
    ])
    expect((await place.run('validate', 'acme')).code).toBe(0)
    // Whoever is imported is asked for nothing.
    expect(readFileSync(join(place.folder, 'acme', 'users.yaml'), 'utf8')).not.toMatch(/Invitation|Account/)
    const before = readFileSync(join(place.folder, 'acme', 'users.yaml'), 'utf8')
    expect((await place.run(...args)).code).toBe(2)
    expect(readFileSync(join(place.folder, 'acme', 'users.yaml'), 'utf8')).toBe(before)
  })

  test('writes an organization on GitHub as manifests that are valid, by a secret that is meant for it', async () => {
    await using peer = await githubPeer({ organization: 'Acme-GmbH' })
    const ann = peer.fill.member({ login: 'ann', name: 'Ann', domainEmails: ['ann@acme.example'] }, 'admin')
    peer.fill.member({ login: 'ben' })
    peer.fill.outsider({ login: 'out' })
    peer.fill.invitation({ email: 'eve@acme.example' })
    const all = peer.fill.team({ name: 'All', members: new Map([[ann.id, 'maintainer']]) })
    peer.fill.team({ name: 'Inner', parent: all.id, privacy: 'secret' })
    using place = openPlace()
    const args = ['import', 'github', 'Acme-GmbH', '--org', 'acme', '--url', peer.url, '--dir', 'acme']
    const surroundings = [...args, '--secrets', 'secrets', '--allow-private', 'localhost']
    write(place.folder, { 'secrets/github/token': GITHUB_TOKEN, 'secrets/github/.hosts': 'localhost' })
    const refused = await place.run(...surroundings)
    expect([refused.code, readdirSync(place.folder)]).toEqual([2, ['secrets']])
    write(place.folder, { 'secrets/github/.used-by': 'directory/github' })
    const { code, out, err } = await place.run(...surroundings)
    expect([code, out]).toEqual([
      0,
      `acme/organization.yaml
acme/directory.yaml
acme/users.yaml
acme/groups.yaml
1 person and 3 groups of Acme-GmbH
Not taken:
  out: an outside collaborator
  eve@acme.example: invited, and has not joined
  ben: no address is known
  team All: who maintains it (ann)
  team Inner: that it is secret
`,
    ])
    for (const text of [out, err, refused.out, refused.err]) expect(text).not.toContain(GITHUB_TOKEN)
    expect((await place.run('validate', 'acme')).code).toBe(0)
    expect(readFileSync(join(place.folder, 'acme', 'users.yaml'), 'utf8')).toContain(`id: "${ann.id}"`)
    expect(new Set(peer.requests.map(request => request.split(' ')[0]))).toEqual(new Set(['GET', 'POST']))
  })

  test.each([
    ['nothing that is known', ['elsewhere', 'x'], /github, peribolos/],
    ['a place that is not there', ['peribolos', 'nowhere'], /no .*nowhere/],
    ['a folder without an organization', ['peribolos', '.'], /no organization/],
    ['names that are none here', ['peribolos', 'config', '--org', 'No Name'], /nothing was written/],
    ['one of several organizations', ['peribolos', 'several.yaml'], /say which/],
    ['an organization that is not among them', ['peribolos', 'several.yaml', '--which', 'c'], /a, b/],
    ['addresses that are no table', ['peribolos', 'config', '--addresses', 'several.yaml'], /headings/],
    ['a token that is not there', ['github', 'acme'], /github/],
  ])('writes nothing for %s', async (_, args, message) => {
    using place = openPlace()
    const files =
      args[1] === '.' ? {} : { 'config/acme/org.yaml': 'admins: [ann]\n', 'several.yaml': 'orgs: {a: {}, b: {}}\n' }
    write(place.folder, files)
    const before = readdirSync(place.folder)
    const { code, err } = await place.run('import', ...args)
    expect([code, readdirSync(place.folder)]).toEqual([2, before])
    expect(err).toMatch(message)
  })
})
