import { isAbsolute } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { escapeText } from '../api/escape.ts'
import { GitRefused } from './git-trouble.ts'

/** Where a repository is, after every check that can be made before git is started. */
export type GitAddress =
  | { scheme: 'http' | 'https'; url: string; host: string; port: number }
  | { scheme: 'ssh'; url: string; host: string; port: number }
  | { scheme: 'file'; url: string }

const PORTS = { http: 80, https: 443, ssh: 22 } as const
/** `git@host:path`, as git reads it: no slash before the colon. The user may not look like an option. */
const SCP = /^[A-Za-z0-9_][A-Za-z0-9._-]*@([^:/\s]+):(?!\/\/|-)(.+)$/
const USER = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])$/
const HELPER = /^[A-Za-z0-9+.-]+::/
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const CONTROL = /[\x00-\x20\x7f-\x9f\u2028\u2029]/

/**
 * Checks the URL of a repository and tells what git is to be given.
 * Only `https`, `http`, `ssh`, `git@host:path`, `file` and absolute paths: a remote helper (`ext::`, `fd::`, gitremote-helpers(7)) is a command to run.
 * @throws GitRefused without a word of the URL that could be a credential
 */
export const gitAddress = (text: string): GitAddress => {
  if (text.startsWith('-')) throw new GitRefused('InvalidSpec', 'the URL begins with a dash, as an option of git does')
  if (CONTROL.test(text)) throw new GitRefused('InvalidSpec', 'the URL holds spaces or control characters')
  if (HELPER.test(text))
    throw new GitRefused('NotAllowed', 'the URL names a remote helper of git (`name::`), which could run a command')
  if (isAbsolute(text)) return { scheme: 'file', url: pathToFileURL(text).href }
  const [, host] = SCP.exec(text) ?? []
  if (host === undefined) return parsed(text)
  if (!HOST.test(host)) throw new GitRefused('InvalidSpec', 'the host of the URL is no host name')
  // Kept in this form: its path is relative to the home folder there, which the long form cannot say to every server.
  return { scheme: 'ssh', url: text, host: host.toLowerCase(), port: PORTS.ssh }
}

const parsed = (text: string): GitAddress => {
  const url = URL.parse(text)
  const scheme = /^(https?|ssh|file):\/\//i.exec(text)?.[1]?.toLowerCase() as GitAddress['scheme'] | undefined
  if (!url || !scheme)
    throw new GitRefused(
      'InvalidSpec',
      'the URL is none that Roster reads from: https://, http://, ssh://, git@host:path, file:// or an absolute path',
    )
  if (url.search !== '' || url.hash !== '')
    throw new GitRefused('InvalidSpec', 'the URL holds `?` or `#`; name branch and path in `ref` and `path`')
  if (scheme === 'file') {
    if (url.host !== '' && url.host !== 'localhost')
      throw new GitRefused('InvalidSpec', 'a file:// URL has three slashes: file:///srv/git/people.git')
    return { scheme, url: fileUrl(url.pathname) }
  }
  refuseCredentials(url)
  if (!HOST.test(url.hostname)) throw new GitRefused('InvalidSpec', 'the host of the URL is no host name')
  if (url.username !== '' && !USER.test(url.username))
    throw new GitRefused('InvalidSpec', 'the user of the URL is no user name')
  const host = url.hostname.toLowerCase()
  const port = url.port === '' ? PORTS[scheme] : Number(url.port)
  const user = url.username === '' ? '' : `${url.username}@`
  return { scheme, host, port, url: `${scheme}://${user}${host}${url.port === '' ? '' : `:${port}`}${url.pathname}` }
}

/** For ssh a user name alone is none. */
const refuseCredentials = ({ protocol, hostname, username, password }: URL): void => {
  if (password === '' && (protocol === 'ssh:' || username === '')) return
  throw new GitRefused(
    'NotAllowed',
    `the URL of ${escapeText(hostname)} holds credentials; take them out, change them there, and name a secret in credentialsSecretRef`,
  )
}

const fileUrl = (pathname: string): string => {
  // Git decodes it once more: what comes out then must be the path that was meant.
  if (/%(2f|5c|[01].|7f)/i.test(pathname))
    throw new GitRefused('InvalidSpec', 'the path of the URL holds encoded slashes or control characters')
  try {
    return pathToFileURL(fileURLToPath(`file://${pathname}`)).href
  } catch {
    throw new GitRefused('InvalidSpec', 'the path of the URL is not encoded as a URL is')
  }
}

/** What a ref names: a commit for ever, or whatever a branch or tag leads to now. */
export type GitRef = { commit: string } | { name: string }

/** @throws GitRefused for what git-check-ref-format(1) refuses, and for what could be an option or a pattern */
export const gitRef = (text: string): GitRef => {
  if (/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i.test(text)) return { commit: text.toLowerCase() }
  const refused =
    text === '' ||
    text.startsWith('-') ||
    CONTROL.test(text) ||
    /[~^:?*[\\]|\.\.|@\{|\/\/|^\/|\/$|\.$|^@$/.test(text) ||
    text.split('/').some(part => part.startsWith('.') || part.endsWith('.lock'))
  if (refused)
    throw new GitRefused(
      'InvalidSpec',
      `ref ${JSON.stringify(escapeText(text.slice(0, 100)))} cannot be the name of a branch or tag`,
    )
  return { name: text }
}

/** The folder inside the repository, without `.` and slashes around it; '' is the whole. @throws GitRefused when it leads out */
export const gitPath = (text: string): string => {
  const parts = text.split('/').filter(part => part !== '' && part !== '.')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  if (text.startsWith('/') || parts.includes('..') || /[\x00-\x1f\x7f]/.test(text))
    throw new GitRefused(
      'InvalidSpec',
      `path ${JSON.stringify(escapeText(text.slice(0, 100)))} leads out of the repository`,
    )
  return parts.join('/')
}

/**
 * A repository given as one argument: `URL`, `URL#ref`, `URL#ref:path`, `URL#:path`. Undefined for what is a plain path.
 * Everything that looks like a URL comes back as one, so that what cannot be used is refused by name and not looked for as a file.
 * @throws GitRefused for credentials: the argument becomes a Source, which everybody who looks into the store can read
 */
export const parseGitUrl = (text: string): { url: string; ref?: string; path?: string } | undefined => {
  const at = text.indexOf('#')
  const url = at < 0 ? text : text.slice(0, at)
  if (!/^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(url) && !HELPER.test(url) && !SCP.test(url)) return undefined
  const found = URL.parse(url)
  if (found) refuseCredentials(found)
  const fragment = at < 0 ? '' : text.slice(at + 1)
  const colon = fragment.indexOf(':')
  const ref = colon < 0 ? fragment : fragment.slice(0, colon)
  const path = colon < 0 ? '' : fragment.slice(colon + 1)
  return { url, ...(ref === '' ? {} : { ref }), ...(path === '' ? {} : { path }) }
}
