import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openGitServer } from '../peers/git-server.ts'
import { smtpPeer } from '../peers/smtp.ts'
import { ACME, acmePlace, type Place } from './command-line.ts'

/** A server that answers everything and remembers what it was asked. */
const openRecorder = async () => {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    response.end('ok')
  })
  let connections = 0
  server.on('connection', () => connections++)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    get connections() {
      return connections
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

/** Every file of the data folder, keys and outbox among them, with its content and the time of its last write. SQLite's own companions come and go with each who opens the store. */
const stateOf = (folder: string): string => {
  const hash = createHash('sha256')
  for (const file of readdirSync(folder, { recursive: true, withFileTypes: true }).sort((a, b) =>
    join(a.parentPath, a.name) < join(b.parentPath, b.name) ? -1 : 1,
  )) {
    const path = join(file.parentPath, file.name)
    if (!file.isFile() || /-(wal|shm)$/.test(file.name)) continue
    hash.update(`${path} ${statSync(path).mtimeMs} `).update(readFileSync(path))
  }
  return hash.digest('hex')
}

const commit = (place: Place): string => {
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@acme.example', ...args], {
      cwd: join(place.folder, 'work'),
      encoding: 'utf8',
    }).trim()
  mkdirSync(join(place.folder, 'root'))
  execFileSync('git', ['init', '--quiet', '--bare', '-b', 'main', join(place.folder, 'root', 'people.git')])
  cpSync(join(place.folder, ACME), join(place.folder, 'work'), { recursive: true })
  git('init', '--quiet', '-b', 'main')
  git('add', '.')
  git('commit', '--quiet', '-m', 'All')
  git('push', '--quiet', join(place.folder, 'root', 'people.git'), 'main')
  return git('rev-parse', 'HEAD')
}

describe('a plan, among servers that record every request', () => {
  it('reads what it declares to read, and nothing is contacted or changed besides', async () => {
    await using web = await openRecorder()
    await using smtp = await smtpPeer()
    using place = await acmePlace()
    await using git = await openGitServer({ root: join(place.folder, 'root') })

    // Everything in the manifests that names a server names one of these; a Source of the store does, too.
    const organization = join(place.folder, ACME, 'organization.yaml')
    writeFileSync(
      organization,
      readFileSync(organization, 'utf8')
        .replace(/https:\/\/\w+\.acme\.example/g, web.url)
        .replace('links:', `privacyUrl: ${web.url}/privacy\n    links:`),
    )
    expect(readFileSync(organization, 'utf8')).toContain(`${web.url}/start`)
    writeFileSync(
      join(place.folder, 'sources.yaml'),
      `apiVersion: roster.dev/v1alpha1
kind: Source
metadata: {name: other}
spec: {git: {url: '${git.url}/people.git', ref: main}}
`,
    )
    await place.run('apply', 'sources.yaml', '--source', 'setup', '--no-wait')
    // Somebody new is to be mailed, somebody is to lose what they have, and a link dies.
    await place.accept('alice@acme.example')
    await place.settle()
    const priya = join(place.folder, ACME, 'users', 'priya.yaml')
    writeFileSync(priya, readFileSync(priya, 'utf8').replace('priya@acme.example', 'priya.new@acme.example'))
    const alice = join(place.folder, ACME, 'users', 'alice.yaml')
    writeFileSync(alice, readFileSync(alice, 'utf8').replace('roles: [editor, billing]', 'roles: [viewer]'))
    commit(place)

    const data = join(place.folder, '.roster')
    const servers = ['--smtp', `smtp://127.0.0.1:${smtp.port}`, '--public-url', web.url, '--allow-private', '127.0.0.1']
    const asked = git.requests.length
    const webAsked = web.connections
    const left = () => readdirSync(tmpdir()).filter(name => name.startsWith('roster-plan-'))
    const leftBefore = left()
    const before = stateOf(data)
    for (const flags of [[], ['--all'], ['--prune', '-o', 'json'], ['--out', 'people.plan']]) {
      const { code, out, err } = await place.run('plan', ACME, ...flags, ...servers)
      expect(code, err).toBe(1)
      expect(out, err).toContain('priya.new@acme.example')
    }
    expect(stateOf(data)).toBe(before)
    expect(git.requests.length, 'of a folder: no repository is read').toBe(asked)

    const { code, out, err } = await place.run('plan', `${git.url}/people.git`, ...servers)
    expect(code, err).toBe(1)
    expect(out, err).toContain('priya.new@acme.example')
    expect(stateOf(data)).toBe(before)
    // The reads of the protocol (gitprotocol-http): what is there, then its objects.
    expect([
      ...new Set(git.requests.slice(asked).map(({ line, command }) => [line, command].filter(Boolean).join(' '))),
    ]).toEqual([
      'GET /people.git/info/refs?service=git-upload-pack',
      'POST /people.git/git-upload-pack ls-refs',
      'POST /people.git/git-upload-pack fetch',
    ])
    expect(smtp.connections, 'connections to the mail server').toBe(0)
    expect(web.connections, web.requests.join()).toBe(webAsked)
    expect(webAsked).toBe(0)
    expect(left(), 'copies of the repository').toEqual(leftBefore)
  }, 120_000)
})
