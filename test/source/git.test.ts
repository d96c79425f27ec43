import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { dialer } from '../../src/app/dialer.ts'
import { SecretError } from '../../src/app/secrets.ts'
import type { Secret, SecretReader } from '../../src/ports/secrets.ts'
import { type GitReaderOptions, gitReader } from '../../src/source/git.ts'
import type { Revision, SourceReader } from '../../src/source/revision.ts'
import { type FakeClock, fakeClock } from '../fakes/clock.ts'
import { describeWith } from '../parts.ts'
import { openGitServer } from '../peers/git-server.ts'
import { organizationYaml, roleYaml, type TestRepository, testRepository } from './repository.ts'

/** A machine may be busy; what is waited for comes. */
const PATIENTLY = { timeout: 20_000 }
const TOKEN = 'tok-3f9a17c2e4-secret'
let root: string
let repository: TestRepository
let clock: FakeClock
const opened: SourceReader[] = []

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'roster-git-'))
  repository = testRepository(join(root, 'served'))
  clock = fakeClock()
})
afterEach(async () => {
  for (const reader of opened.splice(0)) await reader.close()
  rmSync(root, { recursive: true, force: true })
})

const secretsOf = (held: Record<string, Secret>): SecretReader => ({
  read: async ({ name, key }, audience) => {
    const secret = held[`${name}/${key}`]
    if (!secret) throw new SecretError('SecretNotFound', `secret ${name} has no key ${key}`)
    if (audience !== 'source/people')
      throw new SecretError('SecretAudience', `secret ${name} is not meant for ${audience}`)
    return secret
  },
})
const tokenSecret = secretsOf({ 'git/token': { value: TOKEN, hosts: ['127.0.0.1'] } })

const open = (git: GitReaderOptions['git'], more: Partial<GitReaderOptions> = {}): SourceReader => {
  const reader = gitReader({
    name: 'people',
    git,
    folder: join(root, 'copies'),
    secrets: secretsOf({}),
    dialer: dialer({ allowPrivate: ['*'] }),
    clock,
    ...more,
  })
  opened.push(reader)
  return reader
}
const read = (reader: SourceReader): Promise<Revision> => reader.read({ signal: new AbortController().signal })
const readOnce = (git: GitReaderOptions['git'], more?: Partial<GitReaderOptions>): Promise<Revision> =>
  read(open(git, more))
const namesOf = (revision: Revision): string[] => {
  if (revision.outcome !== 'Complete') expect.fail(`${revision.reason}: ${revision.message}`)
  return revision.manifests.map(({ manifest, place }) => `${manifest.kind}/${manifest.metadata.name} ${place}`)
}
const trouble = (revision: Revision): { outcome: string; reason: string; message: string } => {
  if (revision.outcome === 'Complete') expect.fail(`revision ${revision.id} was read`)
  return { outcome: revision.outcome, reason: revision.reason, message: revision.message }
}
const fileUrl = (): string => `file://${repository.bare}`
const leftovers = (): string[] =>
  existsSync(join(root, 'copies', 'people')) ? readdirSync(join(root, 'copies', 'people')) : []

/** A `git` that writes down how it is called, before it does it. */
const recordingGit = (): { environment: NodeJS.ProcessEnv; calls: () => string[] } => {
  const bin = join(root, 'bin')
  const record = join(root, 'calls')
  const real = execFileSync('which', ['git'], { encoding: 'utf8' }).trim()
  execFileSync('mkdir', ['-p', bin])
  writeFileSync(join(bin, 'git'), `#!/bin/sh\nprintf '%s\\n' "$*" >>'${record}'\nexec ${real} "$@"\n`)
  chmodSync(join(bin, 'git'), 0o755)
  return {
    environment: { PATH: `${bin}:${process.env.PATH}` },
    calls: () => (existsSync(record) ? readFileSync(record, 'utf8').trim().split('\n') : []),
  }
}

describeWith('git', 'a Git repository', () => {
  it('is read as one commit, with places inside it', async () => {
    const commit = repository.commit({
      'acme.yaml': organizationYaml,
      'roles/editor.yaml': roleYaml('editor'),
      'README.md': 'x',
    })
    const revision = await readOnce({ url: fileUrl() })
    expect(namesOf(revision)).toEqual(['Organization/acme acme.yaml:1', 'Role/editor roles/editor.yaml:1'])
    expect(revision.id).toBe(commit)
  })
  it('is read at a new commit when there is one, and else not again', async () => {
    await using server = await openGitServer({ root: join(root, 'served') })
    repository.commit({ 'a.yaml': organizationYaml })
    const reader = open({ url: `${server.url}/people.git` })
    const first = await read(reader)
    const asked = server.requests.length
    expect(await read(reader)).toBe(first)
    expect(server.requests.slice(asked).map(({ command }) => command)).toEqual([undefined, 'ls-refs'])
    const next = repository.commit({ 'b.yaml': roleYaml('editor') })
    const second = await read(reader)
    expect(second.id).toBe(next)
    expect(namesOf(second)).toEqual(['Organization/acme a.yaml:1', 'Role/editor b.yaml:1'])
  })
  it('is read file by file, only what changed', async () => {
    const reader = open({ url: fileUrl() })
    repository.commit({ 'a.yaml': organizationYaml, 'b.yaml': roleYaml('editor'), 'c.yaml': roleYaml('viewer') })
    const first = await read(reader)
    repository.commit({ 'b.yaml': roleYaml('author'), 'c.yaml': null, 'd.yaml': roleYaml('viewer') })
    const second = await read(reader)
    if (first.outcome !== 'Complete' || second.outcome !== 'Complete') expect.fail('not read')
    expect(namesOf(second)).toEqual(['Organization/acme a.yaml:1', 'Role/author b.yaml:1', 'Role/viewer d.yaml:1'])
    // The very same object: it was not read again.
    expect(second.manifests[0]?.manifest).toBe(first.manifests[0]?.manifest)
    repository.commit({ 'b.yaml': 'kind: [' })
    expect(trouble(await read(reader))).toMatchObject({ reason: 'InvalidManifests' })
    repository.commit({ 'b.yaml': null, 'd.yaml': null, 'c.yaml': roleYaml('viewer') })
    expect(namesOf(await read(reader))).toEqual(['Organization/acme a.yaml:1', 'Role/viewer c.yaml:1'])
  })
  it('is read by branch, tag, annotated tag and commit id', async () => {
    const first = repository.commit({ 'a.yaml': organizationYaml })
    repository.git('tag', 'v1')
    repository.git('tag', '-a', 'v1-signed', '-m', 'one')
    repository.git('push', '--quiet', '--tags', 'origin')
    repository.git('checkout', '--quiet', '-b', 'next')
    const second = repository.commit({ 'b.yaml': roleYaml('editor') })
    for (const [ref, commit] of Object.entries({
      main: first,
      v1: first,
      'v1-signed': first,
      'refs/tags/v1': first,
      next: second,
      [first]: first,
      [second]: second,
    }))
      expect({ ref, ...(await readOnce({ url: fileUrl(), ref })) }).toMatchObject({
        ref,
        outcome: 'Complete',
        id: commit,
      })
  })
  it('follows a branch that was pushed back to an older commit', async () => {
    const first = repository.commit({ 'a.yaml': organizationYaml })
    repository.commit({ 'b.yaml': roleYaml('editor') })
    const reader = open({ url: fileUrl() })
    await read(reader)
    repository.git('reset', '--quiet', '--hard', first)
    repository.git('push', '--quiet', '--force', 'origin', 'main')
    expect(await read(reader)).toMatchObject({ outcome: 'Complete', id: first, manifests: [{}] })
  })
  it('is read below its path only, and places are below it too', async () => {
    repository.commit({
      'people/a.yaml': organizationYaml,
      'other/b.yaml': 'kind: [broken',
      'people/.hidden/c.yaml': 'kind: [',
    })
    expect(namesOf(await readOnce({ url: fileUrl(), path: './people/' }))).toEqual(['Organization/acme a.yaml:1'])
    expect(trouble(await readOnce({ url: fileUrl(), path: 'peple' }))).toMatchObject({
      outcome: 'Failed',
      reason: 'PathNotFound',
    })
    expect(trouble(await readOnce({ url: fileUrl(), path: 'people/a.yaml' }))).toMatchObject({ reason: 'PathNotFound' })
  })
  it('says the same as a folder with the same files', async () => {
    const files = {
      'acme.yaml': organizationYaml,
      'roles/a.yaml': `${roleYaml('a')}---\n${roleYaml('b')}`,
      'x/node_modules/y.yaml': 'a: [',
      'UPPER.YAML': roleYaml('c'),
      'j.json': JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' } }),
    }
    repository.commit(files)
    const { readFolder } = await import('../../src/source/folder.ts')
    expect(namesOf(await readOnce({ url: fileUrl() })).sort()).toEqual(
      namesOf(await readFolder(join(root, 'served', '.work-people'))).sort(),
    )
  })
  it('refuses a commit with a broken manifest as a whole, by file and line', async () => {
    const commit = repository.commit({ 'a.yaml': organizationYaml, 'b.yaml': 'kind: [' })
    const revision = await readOnce({ url: fileUrl() })
    expect(trouble(revision)).toMatchObject({ outcome: 'Failed', reason: 'InvalidManifests' })
    expect(trouble(revision).message).toMatch(/^b\.yaml:\d+:\d+: /)
    expect(revision.id).toBe(commit)
  })
  it('refuses links, submodules and large-file pointers where manifests are expected', async () => {
    repository.commit({ 'a.yaml': organizationYaml, 'b.yaml': { link: '/etc/passwd' } })
    expect(trouble(await readOnce({ url: fileUrl() })).message).toMatch(/^b\.yaml:1:1: is a symbolic link/)
    repository.commit({ 'b.yaml': 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n' })
    expect(trouble(await readOnce({ url: fileUrl() })).message).toMatch(/Git LFS/)
    repository.commit({ 'b.yaml': null, 'LICENSE.md': { link: 'README.md' } })
    expect(namesOf(await readOnce({ url: fileUrl() }))).toHaveLength(1)
    const commit = repository.git('rev-parse', 'HEAD')
    repository.git('update-index', '--add', '--cacheinfo', `160000,${commit},people`)
    repository.git('commit', '--quiet', '-m', 'submodule')
    repository.git('push', '--quiet', 'origin', 'main')
    expect(trouble(await readOnce({ url: fileUrl() }))).toMatchObject({
      reason: 'InvalidManifests',
      message: expect.stringMatching(/^people:1:1: is a submodule/),
    })
    expect(trouble(await readOnce({ url: fileUrl(), path: 'people' })).message).toMatch(/is a submodule/)
    expect(trouble(await readOnce({ url: fileUrl(), path: 'b' }))).toMatchObject({ reason: 'PathNotFound' })
  })
  it('says which branch is gone', async () => {
    repository.commit({ 'a.yaml': organizationYaml })
    const reader = open({ url: fileUrl(), ref: 'main' })
    await read(reader)
    repository.git('push', '--quiet', 'origin', 'main:renamed')
    execFileSync('git', ['symbolic-ref', 'HEAD', 'refs/heads/renamed'], { cwd: repository.bare })
    repository.git('push', '--quiet', 'origin', ':main')
    expect(trouble(await read(reader))).toMatchObject({
      outcome: 'Failed',
      reason: 'RevisionNotFound',
      message: expect.stringContaining('main'),
    })
    expect(trouble(await readOnce({ url: fileUrl(), ref: '0123456789012345678901234567890123456789' }))).toMatchObject({
      reason: 'RevisionNotFound',
    })
  })
  it('whose tag marks no commit says so', async () => {
    repository.commit({ 'a.yaml': organizationYaml })
    repository.git('tag', 'tree', 'HEAD^{tree}')
    repository.git('push', '--quiet', '--tags', 'origin')
    expect(trouble(await readOnce({ url: fileUrl(), ref: 'tree' }))).toMatchObject({ reason: 'RevisionNotFound' })
  })
  it('without any commit says so', async () => {
    expect(trouble(await readOnce({ url: fileUrl() }))).toMatchObject({
      reason: 'RevisionNotFound',
      message: expect.stringContaining('no commits'),
    })
  })
  it('that is not there says so', async () => {
    expect(trouble(await readOnce({ url: `file://${root}/nowhere.git` }))).toMatchObject({
      outcome: 'Failed',
      reason: 'Unreachable',
    })
  })
  it('is checked, commit by commit, for what ids name in SHA-256', async () => {
    const served = join(root, 'served', 'long.git')
    execFileSync('git', ['init', '--quiet', '--bare', '-b', 'main', '--object-format=sha256', served])
    const env = {
      PATH: process.env.PATH,
      HOME: root,
      GIT_AUTHOR_NAME: 'A',
      GIT_AUTHOR_EMAIL: 'a@b',
      GIT_COMMITTER_NAME: 'A',
      GIT_COMMITTER_EMAIL: 'a@b',
    }
    const git = (input: string, ...args: string[]): string =>
      execFileSync('git', args, { cwd: served, env, input, encoding: 'utf8' }).trim()
    const blob = git(organizationYaml, 'hash-object', '-w', '--stdin')
    const tree = git(`100644 blob ${blob}\ta.yaml\n`, 'mktree')
    git('', 'update-ref', 'refs/heads/main', git('', 'commit-tree', '-m', 'x', tree))
    expect(namesOf(await readOnce({ url: `file://${served}` }))).toEqual(['Organization/acme a.yaml:1'])
  })
})

describeWith('git', 'a Git server', () => {
  it('is given the token that it wants, and nothing else of the machine', async () => {
    await using server = await openGitServer({ root: join(root, 'served'), password: TOKEN })
    repository.commit({ 'a.yaml': organizationYaml })
    const recorded = recordingGit()
    const git = { url: `${server.url}/people.git`, credentialsSecretRef: { name: 'git', key: 'token' } }
    expect(namesOf(await readOnce(git, { secrets: tokenSecret, environment: recorded.environment }))).toHaveLength(1)
    expect(recorded.calls().length).toBeGreaterThan(3)
    const encoded = Buffer.from(`git:${TOKEN}`).toString('base64')
    for (const call of recorded.calls()) {
      expect(call).not.toContain(TOKEN)
      expect(call).not.toContain(encoded)
    }
  })
  it('that refuses the credentials is reported without them', async () => {
    await using server = await openGitServer({ root: join(root, 'served'), password: 'another' })
    repository.commit({ 'a.yaml': organizationYaml })
    const url = `${server.url}/people.git`
    const refused = trouble(
      await readOnce({ url, credentialsSecretRef: { name: 'git', key: 'token' } }, { secrets: tokenSecret }),
    )
    expect(refused).toMatchObject({ outcome: 'Failed', reason: 'CredentialsRefused' })
    expect(refused.message).not.toContain(TOKEN)
    expect(trouble(await readOnce({ url }))).toMatchObject({ reason: 'CredentialsRefused' })
  })
  it('gets no credentials that are not meant for it', async () => {
    await using server = await openGitServer({ root: join(root, 'served'), password: TOKEN })
    const git = { url: `${server.url}/people.git`, credentialsSecretRef: { name: 'git', key: 'token' } }
    const elsewhere = secretsOf({ 'git/token': { value: TOKEN, hosts: ['git.example'] } })
    expect(trouble(await readOnce(git, { secrets: elsewhere }))).toMatchObject({ reason: 'SecretAudience' })
    expect(
      trouble(await readOnce(git, { secrets: secretsOf({ 'git/token': { value: TOKEN, hosts: [] } }) })),
    ).toMatchObject({ reason: 'SecretAudience' })
    expect(trouble(await readOnce(git, { secrets: tokenSecret, name: 'other' }))).toMatchObject({
      reason: 'SecretAudience',
    })
    expect(trouble(await readOnce(git))).toMatchObject({ reason: 'SecretNotFound' })
    expect(server.requests).toEqual([])
  })
  it('gets no credentials in the clear, unless it is this machine', async () => {
    const far = dialer({ allowPrivate: [], resolve: async () => [{ address: '203.0.113.7', family: 4 }] })
    const git = { url: 'http://git.example/people.git', credentialsSecretRef: { name: 'git', key: 'token' } }
    const secrets = secretsOf({ 'git/token': { value: TOKEN, hosts: ['git.example'] } })
    expect(trouble(await readOnce(git, { dialer: far, secrets }))).toMatchObject({
      reason: 'NotAllowed',
      message: expect.stringContaining('https://'),
    })
  })
  it('is connected to at the address that was checked, whatever its name leads to', async () => {
    await using server = await openGitServer({ root: join(root, 'served') })
    repository.commit({ 'a.yaml': organizationYaml })
    const url = `http://git.invalid:${server.port}/people.git`
    const pinned = dialer({ allowPrivate: ['git.invalid'], resolve: async () => [{ address: '127.0.0.1', family: 4 }] })
    expect(namesOf(await readOnce({ url }, { dialer: pinned }))).toHaveLength(1)
    expect(server.requests[0]?.host).toBe(`git.invalid:${server.port}`)
    const inside = dialer({ allowPrivate: [], resolve: async () => [{ address: '127.0.0.1', family: 4 }] })
    expect(trouble(await readOnce({ url }, { dialer: inside }))).toMatchObject({
      outcome: 'Failed',
      reason: 'NotAllowed',
    })
  })
  it('cannot send the token elsewhere by a redirect', async () => {
    await using server = await openGitServer({ root: join(root, 'served'), password: TOKEN })
    await using other = await openGitServer({ root: join(root, 'served') })
    repository.commit({ 'a.yaml': organizationYaml })
    server.fault = { at: 'all', does: { status: 302, location: other.url } }
    const git = { url: `${server.url}/people.git`, credentialsSecretRef: { name: 'git', key: 'token' } }
    expect(trouble(await readOnce(git, { secrets: tokenSecret }))).toMatchObject({
      reason: 'NotAllowed',
      message: expect.stringContaining('redirect'),
    })
    expect(other.requests).toEqual([])
  })
  it('is read again after it failed in any way', async () => {
    await using server = await openGitServer({ root: join(root, 'served') })
    repository.commit({ 'a.yaml': organizationYaml, 'b.yaml': roleYaml('editor', { description: 'x'.repeat(400) }) })
    const reader = open({ url: `${server.url}/people.git` })
    for (const [does, reason] of [
      [{ status: 404 }, 'Unreachable'],
      [{ status: 500 }, 'Unreachable'],
      [{ status: 403 }, 'CredentialsRefused'],
    ] as const)
      for (const at of ['all', 'fetch'] as const) {
        server.fault = { at, does }
        expect({ does, at, ...trouble(await read(reader)) }).toMatchObject({ outcome: 'Failed', reason })
      }
    for (const cutAfter of [0, 10, 60, 200, 400]) {
      server.fault = { at: 'fetch', does: { cutAfter } }
      expect({ cutAfter, ...trouble(await read(reader)) }).toMatchObject({ outcome: 'Failed', reason: 'Unreachable' })
    }
    server.fault = undefined
    expect(namesOf(await read(reader))).toHaveLength(2)
  })
  it('that hangs is left after a time, and nothing of git stays behind', async () => {
    await using server = await openGitServer({ root: join(root, 'served'), password: TOKEN })
    repository.commit({ 'a.yaml': organizationYaml })
    server.fault = { at: 'all', does: { hang: true } }
    const reader = open(
      { url: `${server.url}/people.git`, credentialsSecretRef: { name: 'git', key: 'token' } },
      { secrets: tokenSecret },
    )
    const reading = read(reader)
    await expect.poll(() => server.requests.length, PATIENTLY).toBe(1)
    const running = processesNaming(`${server.port}/people.git`)
    expect(running.length).toBeGreaterThan(1)
    for (const line of running) expect(line).not.toContain(TOKEN)
    await clock.advance(60_000)
    expect(trouble(await reading)).toMatchObject({ reason: 'Unreachable', message: expect.stringContaining('60 s') })
    await expect.poll(() => processesNaming(`${server.port}/people.git`), PATIENTLY).toEqual([])
  })
  it('is left at once on the signal', async () => {
    await using server = await openGitServer({ root: join(root, 'served') })
    repository.commit({ 'a.yaml': organizationYaml })
    server.fault = { at: 'fetch', does: { hang: true } }
    const controller = new AbortController()
    const reader = open({ url: `${server.url}/people.git` })
    const reading = reader.read({ signal: controller.signal })
    await expect.poll(() => server.requests.some(({ command }) => command === 'fetch'), PATIENTLY).toBe(true)
    controller.abort(new Error('stop'))
    await expect(reading).rejects.toThrow('stop')
    server.fault = undefined
    expect(namesOf(await read(reader))).toHaveLength(1)
  })
  it('that gives no commits by id is asked by name, and for a bare id by everything', async () => {
    await using server = await openGitServer({ root: join(root, 'served'), protocol: 0 })
    const first = repository.commit({ 'a.yaml': organizationYaml })
    const url = `${server.url}/people.git`
    repository.commit({ 'b.yaml': roleYaml('editor') })
    expect(namesOf(await readOnce({ url, ref: 'main' }))).toHaveLength(2)
    expect(namesOf(await readOnce({ url, ref: first }))).toHaveLength(1)
    expect(trouble(await readOnce({ url, ref: '0123456789012345678901234567890123456789' }))).toMatchObject({
      reason: 'RevisionNotFound',
    })
  })
  it('whose branch moves in the middle is read at one commit', async () => {
    await using server = await openGitServer({ root: join(root, 'served') })
    const first = repository.commit({ 'a.yaml': organizationYaml })
    server.onFetch = () => void repository.commit({ 'a.yaml': null, 'b.yaml': roleYaml('editor') })
    const reader = open({ url: `${server.url}/people.git` })
    expect(await read(reader)).toMatchObject({ id: first, manifests: [{ place: 'a.yaml:1' }] })
    expect(await read(reader)).toMatchObject({ manifests: [{ place: 'b.yaml:1' }] })
  })
})

describeWith('git', 'a working copy', () => {
  it('that is damaged is fetched anew', async () => {
    repository.commit({ 'a.yaml': organizationYaml })
    const reader = open({ url: fileUrl() })
    await read(reader)
    const [copy = ''] = leftovers()
    const pack = join(root, 'copies', 'people', copy, 'repository', 'objects', 'pack')
    const damage = (): void => {
      for (const name of readdirSync(pack)) {
        chmodSync(join(pack, name), 0o600)
        writeFileSync(join(pack, name), 'damaged')
      }
    }
    damage()
    repository.commit({ 'b.yaml': roleYaml('editor') })
    expect(namesOf(await read(reader))).toHaveLength(2)
    rmSync(join(root, 'copies', 'people', copy), { recursive: true })
    repository.commit({ 'c.yaml': roleYaml('viewer') })
    expect(namesOf(await read(reader))).toHaveLength(3)
  })
  it('that cannot be kept says where', async () => {
    repository.commit({ 'a.yaml': organizationYaml })
    writeFileSync(join(root, 'file'), '')
    expect(trouble(await readOnce({ url: fileUrl() }, { folder: join(root, 'file') }))).toMatchObject({
      outcome: 'Failed',
      message: expect.stringContaining('ENOTDIR'),
    })
  })
  it('is one process’s own, goes with its reader, and is swept when its process is dead', async () => {
    repository.commit({ 'a.yaml': organizationYaml })
    const dead = join(root, 'copies', 'people', '4194304-0123456789ab')
    const other = join(root, 'copies', 'people', `${process.ppid}-0123456789ab`)
    execFileSync('mkdir', ['-p', dead, other])
    const [one, two] = [open({ url: fileUrl() }), open({ url: fileUrl() })]
    await Promise.all([read(one), read(two), read(one)])
    expect(leftovers()).toHaveLength(3)
    expect(existsSync(dead)).toBe(false)
    await one.close()
    await two.close()
    expect(leftovers()).toEqual([`${process.ppid}-0123456789ab`])
  })
  it('does not grow without end', async () => {
    const reader = open({ url: fileUrl() }, { limits: { packs: 3 } })
    for (let round = 0; round < 8; round++) {
      repository.commit({ 'a.yaml': organizationYaml, 'b.yaml': roleYaml('editor', { description: `round ${round}` }) })
      expect(namesOf(await read(reader))).toHaveLength(2)
      const [copy = ''] = leftovers()
      const packs = readdirSync(join(root, 'copies', 'people', copy, 'repository', 'objects', 'pack')).filter(name =>
        name.endsWith('.pack'),
      )
      expect(packs.length).toBeLessThanOrEqual(3)
    }
  })
  it('is bounded in bytes, files and what they hold', async () => {
    const random = randomBytes(3_000_000).toString('base64')
    repository.commit({ 'a.yaml': organizationYaml, 'big.bin': random })
    const tree = { entries: 100, file: 1000, bytes: 2000 }
    const small = trouble(await readOnce({ url: fileUrl() }, { limits: { bytes: 1024 * 1024 } }))
    expect(small).toMatchObject({
      outcome: 'Failed',
      reason: 'NotAllowed',
      message: expect.stringContaining('larger than 1 MiB'),
    })
    const many = Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`x/${index}.txt`, 'x']))
    repository.commit({ 'big.bin': null, ...many })
    expect(trouble(await readOnce({ url: fileUrl() }, { limits: { tree } })).message).toContain('more than 100 files')
    repository.commit({ x: null, 'b.yaml': `# ${'x'.repeat(1000)}` })
    expect(trouble(await readOnce({ url: fileUrl() }, { limits: { tree } })).message).toContain(
      'b.yaml:1:1: has 1002 bytes',
    )
    const three = Object.fromEntries(['b', 'c', 'd'].map(name => [`${name}.yaml`, `# ${'x'.repeat(900)}`]))
    repository.commit(three)
    expect(
      trouble(await readOnce({ url: fileUrl() }, { limits: { tree: { ...tree, bytes: 2000 } } })).message,
    ).toContain('together')
  })
  it('that is too large is not brought again and again', async () => {
    await using server = await openGitServer({ root: join(root, 'served') })
    repository.commit({ 'a.yaml': organizationYaml, 'big.bin': randomBytes(3_000_000).toString('base64') })
    const reader = open({ url: `${server.url}/people.git` }, { limits: { bytes: 1024 * 1024 } })
    const first = await read(reader)
    expect(trouble(first)).toMatchObject({ reason: 'NotAllowed' })
    expect(await read(reader)).toBe(first)
    expect(server.requests.filter(({ command }) => command === 'fetch')).toHaveLength(1)
    repository.commit({ 'b.yaml': roleYaml('editor') })
    expect(trouble(await read(reader))).toMatchObject({ reason: 'NotAllowed' })
    expect(server.requests.filter(({ command }) => command === 'fetch')).toHaveLength(2)
  })
  it('ends at its bound when a small repository unfolds to a billion files', async () => {
    const served = repository.bare
    const git = (input: string, ...args: string[]): string =>
      execFileSync('git', args, {
        cwd: served,
        input,
        encoding: 'utf8',
        env: {
          PATH: process.env.PATH,
          HOME: root,
          GIT_AUTHOR_NAME: 'A',
          GIT_AUTHOR_EMAIL: 'a@b',
          GIT_COMMITTER_NAME: 'A',
          GIT_COMMITTER_EMAIL: 'a@b',
        },
      }).trim()
    let entry = `100644 blob ${git(organizationYaml, 'hash-object', '-w', '--stdin')}`
    for (let level = 0; level < 9; level++) {
      const lines = Array.from({ length: 10 }, (_, index) => `${entry}\td${index}${level === 0 ? '.yaml' : ''}\n`)
      entry = `040000 tree ${git(lines.join(''), 'mktree')}`
    }
    git('', 'update-ref', 'refs/heads/main', git('', 'commit-tree', '-m', 'x', entry.split(' ')[2] ?? ''))
    expect(
      trouble(await readOnce({ url: fileUrl() }, { limits: { tree: { entries: 10_000, file: 1e6, bytes: 1e9 } } })),
    ).toMatchObject({ reason: 'NotAllowed' })
  })
})

describeWith('git', 'a URL, ref or path that is not to be trusted', () => {
  const refusedUrls = [
    '--upload-pack=touch /tmp/x',
    '-x',
    'ext::sh -c id',
    'fd::7',
    'foo::http://git.example',
    'gopher://git.example/x',
    'git://git.example/x.git',
    'https://',
    'https://git.example/x.git\nfoo',
    'ssh://-oProxyCommand=id/x',
    '-oProxyCommand=id@git.example:x',
    'git@-oProxyCommand=id:x',
    'git@git.example:-x',
    'ssh://-o@git.example/x',
    'https://git.example/x.git?token=y',
    'file://git.example/x.git',
    'relative/path',
    '',
  ]
  const refusedRefs = [
    '--upload-pack=id',
    '-x',
    'a..b',
    'a b',
    'a\nb',
    'x^{commit}',
    'main~1',
    'a:b',
    '*',
    'a/.hidden',
    'a.lock',
    '@{u}',
    '/a',
    'a/',
    'a//b',
    '@',
  ]
  const refusedPaths = ['../x', '/etc', 'a/../../b', 'a\nb']
  it('is refused before git is started', async () => {
    const recorded = recordingGit()
    const { environment } = recorded
    for (const url of refusedUrls)
      expect({ url, ...trouble(await readOnce({ url }, { environment })) }).toMatchObject({
        outcome: 'Failed',
        reason: expect.stringMatching(/^(InvalidSpec|NotAllowed)$/),
      })
    for (const ref of refusedRefs)
      expect({ ref, ...trouble(await readOnce({ url: fileUrl(), ref }, { environment })) }).toMatchObject({
        reason: 'InvalidSpec',
      })
    for (const path of refusedPaths)
      expect({ path, ...trouble(await readOnce({ url: fileUrl(), path }, { environment })) }).toMatchObject({
        reason: 'InvalidSpec',
      })
    expect(recorded.calls()).toEqual([])
  })
  it('with credentials in it is refused without showing them', async () => {
    const recorded = recordingGit()
    for (const url of [
      `https://git:${TOKEN}@git.example/x.git`,
      `https://${TOKEN}@git.example/x.git`,
      `ssh://git:${TOKEN}@git.example/x.git`,
    ]) {
      const { reason, message } = trouble(await readOnce({ url }, { environment: recorded.environment }))
      expect(reason).toBe('NotAllowed')
      expect(message).not.toContain(TOKEN)
    }
    expect(recorded.calls()).toEqual([])
  })
  it('runs neither hooks nor settings of the machine, and nothing that a repository says', async () => {
    const proof = join(root, 'proof')
    const home = join(root, 'home')
    execFileSync('mkdir', ['-p', home])
    writeFileSync(
      join(home, '.gitconfig'),
      `[core]\n\tfsmonitor = touch ${proof}\n[uploadpack]\n\tpackObjectsHook = touch ${proof}; \n`,
    )
    repository.commit({
      'a.yaml': organizationYaml,
      '.gitattributes': '* filter=evil text eol=crlf\n',
      '.gitmodules': `[submodule "x"]\n\tpath = x\n\turl = ext::touch ${proof}\n`,
    })
    const revision = await readOnce(
      { url: fileUrl() },
      {
        environment: {
          PATH: process.env.PATH,
          HOME: home,
          GIT_SSH_COMMAND: `touch ${proof}`,
          GIT_CONFIG_GLOBAL: join(home, '.gitconfig'),
        },
      },
    )
    expect(namesOf(revision)).toHaveLength(1)
    expect(existsSync(proof)).toBe(false)
  })
})

/** Command lines of all processes of this machine that name the text. */
const processesNaming = (text: string): string[] =>
  readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(pid => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')]
      } catch {
        return []
      }
    })
    .filter(line => line.includes(text))
