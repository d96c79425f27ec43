import { join } from 'node:path'
import type { SourceSpec } from '../api/source.ts'
import type { Clock } from '../ports/clock.ts'
import type { Dialer } from '../ports/dialer.ts'
import type { SecretReader } from '../ports/secrets.ts'
import type { GitCopy } from './git-copy.ts'
import { type GitCredentials, readCredentials, withSshFiles } from './git-credentials.ts'
import { gitEnvironment } from './git-environment.ts'
import type { GitCall } from './git-process.ts'
import { GitTrouble } from './git-trouble.ts'
import { type GitAddress, type GitRef, gitAddress, gitPath, gitRef } from './git-url.ts'

/** Which repository is read, and with what. */
export interface GitPassOptions {
  /** Name of the source; its secrets are those meant for `source/<name>`. */
  name: string
  git: NonNullable<SourceSpec['git']>
  /** Folder of all sources; in it, one named after the source holds its working copies and the host keys that it remembers. */
  folder: string
  secrets: SecretReader
  dialer: Dialer
  /** Ends calls that hang. */
  clock: Clock
  /** The controller's own file of allowed signers, absolute: needed where commits are verified. */
  signers?: string | undefined
  /** Environment of the controller; little of it is handed on. */
  environment?: NodeJS.ProcessEnv
}

/** Everything about one pass that is known before git is started. */
export interface GitPass {
  to: GitAddress
  ref: GitRef
  path: string
  /** A call that stays on this machine. */
  local(timeout: number): GitCall
  /** The same, with the keys whose signatures count. @throws GitTrouble without any */
  verifying(timeout: number): { call: GitCall; signers: string }
  /** A call that may connect, to the checked address and with the credentials. */
  remote<T>(timeout: number, use: (call: GitCall) => Promise<T>): Promise<T>
}

/** Looks up, resolves and checks. @throws RosterError */
export const beginPass = async (options: GitPassOptions, copy: GitCopy, signal: AbortSignal): Promise<GitPass> => {
  const { name, git, folder, secrets, dialer, clock } = options
  const to = gitAddress(git.url)
  const ref = gitRef(git.ref ?? 'HEAD')
  const path = gitPath(git.path ?? '.')
  const address = to.scheme === 'file' ? undefined : (await dialer.resolve(to.host)).address
  const reference = git.credentialsSecretRef
  const credentials = await readCredentials(to, {
    ref: reference,
    audience: `source/${name}`,
    secrets,
    address,
  })
  const own = options.environment ?? process.env
  const call = (timeout: number, environment: Record<string, string>): GitCall => ({
    cwd: copy.folder,
    environment,
    clock,
    signal,
    timeout,
    secrets: credentials.secrets,
  })
  return {
    to,
    ref,
    path,
    local: timeout => call(timeout, gitEnvironment({ own, home: copy.folder })),
    verifying: timeout => {
      const { signers } = options
      if (signers === undefined)
        throw new GitTrouble(
          'NotAllowed',
          'verify is on, and the controller knows no signers; name their file with --signers',
        )
      return { call: call(timeout, gitEnvironment({ own, home: copy.folder, signers })), signers }
    },
    remote: async (timeout, use) => {
      const files = await sshFiles(copy.folder, {
        to,
        address,
        credentials,
        remembered: join(folder, name, 'known_hosts'),
      })
      try {
        return await use(call(timeout, gitEnvironment({ own, home: copy.folder, to, address, credentials })))
      } finally {
        await files()
      }
    },
  }
}

const sshFiles = async (
  folder: string,
  {
    to,
    address,
    credentials,
    remembered,
  }: { to: GitAddress; address: string | undefined; credentials: GitCredentials; remembered: string },
): Promise<() => Promise<void>> =>
  to.scheme === 'ssh' && credentials.kind === 'key' && address !== undefined
    ? withSshFiles(folder, { credentials, to, address, remembered })
    : async () => undefined
