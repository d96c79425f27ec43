import { resolve } from 'node:path'
import { type Retry, RosterError } from '../api/errors.ts'
import { isLoopback } from '../api/loopback.ts'
import type { Reason } from '../api/names.ts'
import type { Policy } from '../decide/authority.ts'
import type { PeopleTable } from '../manifests/columns.ts'
import { readPolicy } from './policy.ts'

/** A setting that cannot be used, with whence it came. */
export class SettingsError extends RosterError {
  readonly retry: Retry = 'never'
  readonly reason: Reason = 'InvalidSpec'
}

/** The controller's own configuration: how it runs, and what binds the manifests it reads. Never read from a watched repository. */
export interface Settings {
  /** Folder of the embedded store; beside a store in Kubernetes, of what this process keeps for itself. Absolute. */
  data: string
  /** Whether resources live in Kubernetes instead of in the data folder. */
  kubernetes: boolean
  /** Absolute. Undefined: `KUBECONFIG`, the one in the home folder, or the pod's service account. */
  kubeconfig: string | undefined
  context: string | undefined
  /** The realm. Undefined: the namespace of the context, or of the pod. */
  namespace: string | undefined
  /** Where the credentials of accounts are. Undefined: `<namespace>-credentials`. */
  credentialsNamespace: string | undefined
  /** Folder with keys that somebody else put there. Absolute. Undefined: Roster makes its own. */
  keys: string | undefined
  /** Where lines of the audit trail go: the data folder, standard output (standard error of every verb but `run`), or both. */
  audit: 'file' | 'stdout' | 'both'
  listen: Endpoint
  opsListen: Endpoint
  /** Without a trailing slash. Undefined: follows from `listen`, which must then be loopback. */
  publicUrl: string | undefined
  smtp: string | undefined
  /** PEM file with the authority of the mail server's certificate. Absolute. */
  smtpCa: string | undefined
  /** Most mails handed to the mail server in a second. */
  mailRate: number
  mailFrom: string | undefined
  /** Absolute. */
  mailDir: string | undefined
  secrets: string | undefined
  /** Folder beneath which directories may read files. Absolute. Undefined: none. */
  directoryFiles: string | undefined
  prune: boolean
  /** Which sources may declare what. Read once, at the start. */
  policy: Policy | undefined
  /** File of the keys whose signatures count, where a Source verifies its commits. Absolute. */
  signers: string | undefined
  allowPrivate: readonly string[]
  log: 'text' | 'json'
  rebind: boolean
  /** CSV tables of people whose header is not ours. */
  tables: readonly PeopleTable[]
}
export interface Endpoint {
  host: string
  port: number
}

/** One setting: its flag, its meaning, and how its text is read. */
export interface SettingDefinition {
  key: keyof Settings
  /** The flag without dashes; the variable is `ROSTER_` and this in upper case. */
  flag: string
  /** One letter, without the dash. */
  short?: string
  help: string
  default: string
  /** @throws SettingsError */
  parse: (text: string, base: string) => unknown
}

const path = (text: string, base: string): string => resolve(base, text)
const optionalPath = (text: string, base: string): string | undefined => (text === '' ? undefined : resolve(base, text))
const optionalText = (text: string): string | undefined => (text === '' ? undefined : text)
const flag = (text: string): boolean => {
  if (text === 'true' || text === '1' || text === '') return true
  if (text === 'false' || text === '0') return false
  throw new SettingsError(`${JSON.stringify(text)} is neither true nor false`)
}

const oneOf =
  (...words: string[]) =>
  (text: string): string => {
    if (!words.includes(text)) throw new SettingsError(`${JSON.stringify(text)} is not among ${words.join(', ')}`)
    return text
  }

/** A name as Kubernetes wants it (RFC 1123 label). */
const namespace = (text: string): string | undefined => {
  if (text === '') return undefined
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text))
    throw new SettingsError(`${JSON.stringify(text)} is no name of a namespace`)
  return text
}

/** `127.0.0.1:8080`, `:8080`, `[::1]:8080`. */
const endpoint = (text: string): Endpoint => {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s[\]]*)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (!match || port > 65_535)
    throw new SettingsError(`${JSON.stringify(text)} is not of the form host:port, such as 127.0.0.1:8080`)
  return { host: match[1] ?? (match[2] || '0.0.0.0'), port }
}

const publicUrl = (text: string): string | undefined => {
  if (text === '') return undefined
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.username || url.password || url.search || url.hash)
    throw new SettingsError(`${JSON.stringify(text)} is not a public URL such as https://people.acme.example`)
  if (url.pathname !== '/')
    throw new SettingsError(`${text} has a path; the portal needs a host name of its own, such as ${url.origin}`)
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    throw new SettingsError(`${text} must begin with https://: links and cookies would travel in the open`)
  return url.href.replace(/\/$/, '')
}

export const SETTINGS: readonly SettingDefinition[] = [
  { key: 'data', flag: 'data', help: 'folder of the store', default: '.roster', parse: path },
  {
    key: 'kubernetes',
    flag: 'kubernetes',
    help: 'resources live in Kubernetes, not in the data folder',
    default: 'false',
    parse: flag,
  },
  {
    key: 'kubeconfig',
    flag: 'kubeconfig',
    help: 'kubeconfig file (default: KUBECONFIG, ~/.kube/config, or the service account of the pod)',
    default: '',
    parse: optionalPath,
  },
  { key: 'context', flag: 'context', help: 'context of the kubeconfig', default: '', parse: optionalText },
  {
    key: 'namespace',
    flag: 'namespace',
    short: 'n',
    help: 'namespace of the realm (default: that of the context or of the pod)',
    default: '',
    parse: namespace,
  },
  {
    key: 'credentialsNamespace',
    flag: 'credentials-namespace',
    help: 'namespace of the credentials of accounts (default: NAMESPACE-credentials)',
    default: '',
    parse: namespace,
  },
  {
    key: 'keys',
    flag: 'keys',
    help: 'folder of keys that somebody else provides; without it Roster makes its own',
    default: '',
    parse: optionalPath,
  },
  {
    key: 'audit',
    flag: 'audit',
    help: 'where the audit trail goes: file (in the data folder), stdout (for `run`; other verbs write it to stderr) or both',
    default: 'file',
    parse: oneOf('file', 'stdout', 'both'),
  },
  { key: 'listen', flag: 'listen', help: 'host:port of the portal', default: '127.0.0.1:8080', parse: endpoint },
  {
    key: 'opsListen',
    flag: 'ops-listen',
    help: 'host:port of health and metrics',
    default: '127.0.0.1:9090',
    parse: endpoint,
  },
  {
    key: 'publicUrl',
    flag: 'public-url',
    help: 'how people reach the portal; needed off loopback and with --smtp',
    default: '',
    parse: publicUrl,
  },
  {
    key: 'smtp',
    flag: 'smtp',
    help: 'mail server: smtp://user@host:587 or smtps://…; its password is the secret smtp/password',
    default: '',
    parse: optionalText,
  },
  {
    key: 'smtpCa',
    flag: 'smtp-ca',
    help: 'file with the certificate authority of the mail server',
    default: '',
    parse: optionalPath,
  },
  {
    key: 'mailRate',
    flag: 'mail-rate',
    help: 'most mails handed over in a second',
    default: '10',
    parse: text => {
      if (!/^[1-9]\d{0,3}$/.test(text))
        throw new SettingsError(`${JSON.stringify(text)} is not a number from 1 to 9999`)
      return Number(text)
    },
  },
  {
    key: 'mailFrom',
    flag: 'mail-from',
    help: 'sender of mails where an organization names none',
    default: '',
    parse: optionalText,
  },
  {
    key: 'mailDir',
    flag: 'mail-dir',
    help: 'folder for mails while no mail server is set (default: mail in the data folder)',
    default: '',
    parse: optionalPath,
  },
  { key: 'secrets', flag: 'secrets', help: 'folder of secrets, NAME/KEY', default: '', parse: optionalPath },
  {
    key: 'directoryFiles',
    flag: 'directory-files',
    help: 'folder beneath which directories of type File may read',
    default: '',
    parse: optionalPath,
  },
  { key: 'prune', flag: 'prune', help: 'delete what a source no longer holds', default: 'false', parse: flag },
  {
    key: 'policy',
    flag: 'policy',
    help: 'file that says which sources may declare what',
    default: '',
    parse: (text, base) => {
      if (text === '') return undefined
      const policy = readPolicy(resolve(base, text))
      if ('problem' in policy) throw new SettingsError(policy.problem)
      return policy
    },
  },
  {
    key: 'signers',
    flag: 'signers',
    help: "file of keys that may sign commits, in the form of ssh's allowed signers",
    default: '',
    parse: optionalPath,
  },
  {
    key: 'allowPrivate',
    flag: 'allow-private',
    help: 'hosts, separated by commas, that may have private addresses',
    default: '',
    parse: text =>
      text
        .split(',')
        .map(host => host.trim().toLowerCase())
        .filter(host => host !== ''),
  },
  {
    key: 'log',
    flag: 'log',
    help: 'text or json',
    default: 'text',
    parse: oneOf('text', 'json'),
  },
  {
    key: 'rebind',
    flag: 'rebind',
    help: 'use this store with another mail server or public URL than before',
    default: 'false',
    parse: flag,
  },
]
