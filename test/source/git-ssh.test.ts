import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { dialer } from '../../src/app/dialer.ts'
import { SecretError } from '../../src/app/secrets.ts'
import { gitReader } from '../../src/source/git.ts'
import { fakeClock } from '../fakes/clock.ts'
import { describeWith } from '../parts.ts'
import { organizationYaml, testRepository } from './repository.ts'

const SSHD = '/usr/sbin/sshd'
describeWith('sshd', 'a repository over ssh', () => {
  let root: string
  let sshd: ChildProcess
  let port: number
  let bare: string
  const file = (name: string): string => readFileSync(join(root, name), 'utf8')

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'roster-ssh-'))
    for (const name of ['host', 'other-host', 'key', 'other-key'])
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', join(root, name)])
    const repository = testRepository(join(root, 'served'))
    repository.commit({ 'a.yaml': organizationYaml })
    bare = repository.bare
    port = await freePort()
    writeFileSync(join(root, 'authorized'), file('key.pub'), { mode: 0o600 })
    writeFileSync(
      join(root, 'sshd_config'),
      [
        `Port ${port}`,
        'ListenAddress 127.0.0.1',
        `HostKey ${join(root, 'host')}`,
        `AuthorizedKeysFile ${join(root, 'authorized')}`,
        'StrictModes no',
        'UsePAM no',
        'PermitRootLogin yes',
        'PasswordAuthentication no',
        'PidFile none',
      ].join('\n'),
    )
    // As root it gives up its rights in this folder.
    if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true })
    sshd = spawn(SSHD, ['-D', '-e', '-f', join(root, 'sshd_config')], { stdio: 'ignore' })
    await vi.waitUntil(() => reachable(port), { timeout: 10_000 })
  })
  afterAll(async () => {
    if (sshd?.exitCode === null) {
      const ended = once(sshd, 'exit')
      sshd.kill()
      await ended
    }
    if (root) rmSync(root, { recursive: true, force: true })
  })

  const readOnce = async (options: { key?: string; knownHosts?: string; copies?: string; host?: string }) => {
    const held: Record<string, string | undefined> = {
      token: options.key ?? file('key'),
      known_hosts: options.knownHosts,
    }
    const host = options.host ?? 'git.invalid'
    const reader = gitReader({
      name: 'people',
      git: {
        url: `ssh://${userInfo().username}@${host}:${port}${bare}`,
        credentialsSecretRef: { name: 'git', key: 'token' },
      },
      folder: join(root, options.copies ?? 'copies'),
      secrets: {
        read: async ({ key }) => {
          const value = held[key]
          if (value === undefined) throw new SecretError('SecretNotFound', `no ${key}`)
          return { value, hosts: ['git.invalid'] }
        },
      },
      dialer: dialer({ allowPrivate: ['*'], resolve: async () => [{ address: '127.0.0.1', family: 4 }] }),
      clock: fakeClock(),
    })
    const revision = await reader.read({ signal: new AbortController().signal })
    await reader.close()
    return revision.outcome === 'Complete'
      ? { outcome: revision.outcome, manifests: revision.manifests.length }
      : { reason: revision.reason, message: revision.message }
  }
  const hostKey = (name: string): string => `[git.invalid]:${port} ${file(name).split(' ').slice(0, 2).join(' ')}\n`

  it('is read with the key and the host keys of the secret, at the checked address', async () => {
    expect(await readOnce({ knownHosts: hostKey('host.pub') })).toEqual({ outcome: 'Complete', manifests: 1 })
  })
  it('is refused when the host shows another key', async () => {
    expect(await readOnce({ knownHosts: hostKey('other-host.pub') })).toMatchObject({ reason: 'NotAllowed' })
  })
  it('remembers the key that a host shows first, and refuses another one from then on', async () => {
    expect(await readOnce({ copies: 'first' })).toMatchObject({ outcome: 'Complete' })
    expect(file('first/people/known_hosts')).toContain('git.invalid')
    expect(await readOnce({ copies: 'first' })).toMatchObject({ outcome: 'Complete' })
    writeFileSync(join(root, 'first', 'people', 'known_hosts'), hostKey('other-host.pub'))
    expect(await readOnce({ copies: 'first' })).toMatchObject({ reason: 'NotAllowed' })
  })
  it('that does not know the key says so', async () => {
    expect(await readOnce({ key: file('other-key') })).toMatchObject({ reason: 'CredentialsRefused' })
    expect(await readOnce({ key: 'no key at all' })).toMatchObject({ reason: 'CredentialsRefused' })
  })
  it('gets no key that is not meant for its host', async () => {
    expect(await readOnce({ host: 'elsewhere.invalid' })).toMatchObject({ reason: 'SecretAudience' })
  })
})

const freePort = (): Promise<number> =>
  new Promise(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })

const reachable = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    }).on('error', () => resolve(false))
  })
