import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { RosterError } from '../api/errors.ts'
import { isLoopback } from '../api/loopback.ts'
import type { SecretReader } from '../ports/secrets.ts'
import { GitRefused } from './git-trouble.ts'
import type { GitAddress } from './git-url.ts'

/** What a repository is read with. `secrets` is everything that must not be repeated in any form. */
export type GitCredentials =
  | { kind: 'none'; secrets: readonly [] }
  | { kind: 'header'; header: string; secrets: readonly string[] }
  | { kind: 'key'; key: string; knownHosts: string | undefined; secrets: readonly string[] }

/** Key of the secret that holds the host keys of an ssh server, in the form of ssh's known_hosts. */
const KNOWN_HOSTS = 'known_hosts'

/**
 * The credentials of one source, read anew for each pass, so that a renewed secret counts at once.
 * A token is sent as the password of user `git`; over plain http to this machine only. Nothing is sent to a host that the secret does not name.
 * @param address where the connection goes, as the dialer checked it
 * @throws SecretError, GitRefused
 */
export const readCredentials = async (
  to: GitAddress,
  options: {
    ref: { name: string; key: string } | undefined
    audience: string
    secrets: SecretReader
    address: string | undefined
  },
): Promise<GitCredentials> => {
  const { ref, audience, secrets } = options
  if (!ref || to.scheme === 'file') {
    if (to.scheme === 'ssh')
      throw new GitRefused('SecretNotFound', 'ssh needs a private key; name its secret in credentialsSecretRef')
    return { kind: 'none', secrets: [] }
  }
  const { value, hosts } = await secrets.read(ref, audience)
  const allowed = hosts.map(host => host.toLowerCase())
  if (!allowed.includes(to.host) && !allowed.includes(`${to.host}:${to.port}`))
    throw new GitRefused('SecretAudience', `secret ${ref.name} may not be sent to ${to.host}; its hosts do not name it`)
  if (to.scheme === 'ssh') {
    const key = `${value.replace(/\r\n?/g, '\n').trimEnd()}\n`
    return { kind: 'key', key, knownHosts: await knownHostsOf(secrets, ref.name, audience), secrets: [value] }
  }
  if (to.scheme === 'http' && !(options.address !== undefined && isLoopback(options.address)))
    throw new GitRefused(
      'NotAllowed',
      `credentials are not sent to ${to.host} over http://, where anybody reads them; use https://`,
    )
  // A header is one line (RFC 9110 section 5.5).
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  if (/[\x00-\x1f\x7f]/.test(value))
    throw new GitRefused(
      'SecretNotFound',
      `secret ${ref.name}/${ref.key} is no token: it has several lines; a private key is for ssh`,
    )
  const encoded = Buffer.from(`git:${value}`).toString('base64')
  return { kind: 'header', header: `Authorization: Basic ${encoded}`, secrets: [value, encoded] }
}

const knownHostsOf = async (secrets: SecretReader, name: string, audience: string): Promise<string | undefined> => {
  try {
    return (await secrets.read({ name, key: KNOWN_HOSTS }, audience)).value
  } catch (error) {
    if (error instanceof RosterError && error.reason === 'SecretNotFound') return undefined
    throw error
  }
}

/** File names in the folder that git and ssh are run in. Nothing of a path is ever part of a command line. */
const FILES = { config: 'ssh_config', key: 'ssh_key', known: 'ssh_known_hosts' } as const
/** For GIT_SSH_COMMAND, which a shell reads. */
export const SSH_COMMAND = `ssh -F ${FILES.config}`

/**
 * Puts what ssh reads into the folder, for the time of one call. The connection goes to the address that was checked, and the host is known by its name.
 * Without `known_hosts` in the secret, the key that a host shows first is kept in `remembered`, and another one is refused from then on.
 * @returns takes it away again
 */
export const withSshFiles = async (
  folder: string,
  options: {
    credentials: Extract<GitCredentials, { kind: 'key' }>
    to: Extract<GitAddress, { scheme: 'ssh' }>
    address: string
    remembered: string
  },
): Promise<() => Promise<void>> => {
  const { credentials, to, address, remembered } = options
  const bare = to.host.replace(/^\[|\]$/g, '')
  const known = credentials.knownHosts ?? (await readFile(remembered, 'utf8').catch(() => ''))
  const config = [
    'Host *',
    `HostName ${address}`,
    `HostKeyAlias ${to.port === 22 ? bare : `[${bare}]:${to.port}`}`,
    'CheckHostIP no',
    'BatchMode yes',
    'IdentitiesOnly yes',
    `IdentityFile ${FILES.key}`,
    'IdentityAgent none',
    'PreferredAuthentications publickey',
    `StrictHostKeyChecking ${credentials.knownHosts === undefined ? 'accept-new' : 'yes'}`,
    `UserKnownHostsFile ${FILES.known}`,
    'GlobalKnownHostsFile none',
    'UpdateHostKeys no',
    'ForwardAgent no',
    'ForwardX11 no',
    'ClearAllForwardings yes',
    'PermitLocalCommand no',
    'ConnectTimeout 20',
    'ServerAliveInterval 10',
    'ServerAliveCountMax 3',
  ]
  const path = (file: string): string => join(folder, file)
  await writeFile(path(FILES.config), `${config.join('\n')}\n`, { mode: 0o600 })
  await writeFile(path(FILES.key), credentials.key, { mode: 0o600 })
  await writeFile(path(FILES.known), known === '' || known.endsWith('\n') ? known : `${known}\n`, { mode: 0o600 })
  return async () => {
    await rm(path(FILES.key), { force: true })
    const learned = await readFile(path(FILES.known), 'utf8').catch(() => known)
    if (credentials.knownHosts === undefined && learned !== known) await writeFile(remembered, learned, { mode: 0o600 })
  }
}
