import { isIP } from 'node:net'
import { devNull } from 'node:os'
import { type GitCredentials, SSH_COMMAND } from './git-credentials.ts'
import type { GitAddress } from './git-url.ts'

/** What git may have of the controller's own environment: where programs are, and which certificates are trusted. */
const INHERITED = ['PATH', 'SystemRoot', 'TMPDIR', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'GIT_SSL_CAINFO', 'GIT_SSL_CAPATH']

/** Settings of every call (git-config(1)). None comes from a file: neither the system's, nor a user's, nor a repository's that we did not write. */
const SETTINGS: Readonly<Record<string, string>> = {
  'core.hooksPath': devNull,
  'core.symlinks': 'false',
  'core.fsmonitor': 'false',
  'core.askPass': '',
  'credential.helper': '',
  'credential.interactive': 'false',
  // Blobs over this size are not taken into memory whole.
  'core.bigFileThreshold': '16m',
  'submodule.recurse': 'false',
  'fetch.recurseSubmodules': 'false',
  // What is fetched stays one pack, whose growth can be watched.
  'fetch.unpackLimit': '1',
  'fetch.writeCommitGraph': 'false',
  'gc.auto': '0',
  'maintenance.auto': 'false',
  'http.followRedirects': 'false',
  'http.proxy': '',
  // A server that sends less than this for so long hangs.
  'http.lowSpeedLimit': '100',
  'http.lowSpeedTime': '30',
  'transfer.bundleURI': 'false',
  'protocol.allow': 'never',
  // A signature of another sort is none: nothing of this machine's keyrings is asked.
  'gpg.openpgp.program': 'false',
  'gpg.x509.program': 'false',
  'gpg.ssh.program': 'ssh-keygen',
}

/**
 * The whole environment of one call of git. Credentials and settings go through it and not through arguments, which every user of the machine can read;
 * the environment of a process is its owner's alone.
 * @param address what the dialer resolved the host to: the only address that git connects to
 */
export const gitEnvironment = (options: {
  own: NodeJS.ProcessEnv
  home: string
  to?: GitAddress
  address?: string | undefined
  credentials?: GitCredentials
  /** File of the keys whose signatures count (ssh-keygen(1), ALLOWED SIGNERS). */
  signers?: string
}): Record<string, string> => {
  const { own, home, to, address, credentials, signers } = options
  const settings: Record<string, string> = { ...SETTINGS }
  if (to) settings[`protocol.${to.scheme}.allow`] = 'always'
  if ((to?.scheme === 'http' || to?.scheme === 'https') && address !== undefined && isIP(unbracketed(to.host)) === 0)
    settings['http.curloptResolve'] = `${to.host}:${to.port}:${isIP(address) === 6 ? `[${address}]` : address}`
  if (signers !== undefined) settings['gpg.ssh.allowedSignersFile'] = signers
  if (credentials?.kind === 'header' && to) settings[`http.${to.url}.extraHeader`] = credentials.header
  const entries = Object.entries(settings)
  return {
    ...Object.fromEntries(INHERITED.flatMap(name => (own[name] === undefined ? [] : [[name, own[name]]]))),
    // Nobody's home: no .netrc, no .config/git, no keys.
    HOME: home,
    XDG_CONFIG_HOME: home,
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_SYSTEM: devNull,
    GIT_CONFIG_GLOBAL: devNull,
    GIT_ATTR_NOSYSTEM: '1',
    GIT_ALLOW_PROTOCOL: to?.scheme ?? 'none',
    GIT_PROTOCOL_FROM_USER: '0',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '',
    SSH_ASKPASS: '',
    GIT_SSH_COMMAND: SSH_COMMAND,
    GIT_SSH_VARIANT: 'ssh',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_LITERAL_PATHSPECS: '1',
    GIT_NO_LAZY_FETCH: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_CONFIG_COUNT: String(entries.length),
    ...Object.fromEntries(
      entries.flatMap(([key, value], index) => [
        [`GIT_CONFIG_KEY_${index}`, key],
        [`GIT_CONFIG_VALUE_${index}`, value],
      ]),
    ),
  }
}

const unbracketed = (host: string): string => host.replace(/^\[|\]$/g, '')
