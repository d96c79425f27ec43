/** Levels of a body that is looked into. Those of the services stay below 10. */
const DEEPEST = 32
/** Where services name the repository, and how they call its addresses (payloads of GitHub, GitLab, Gitea, Bitbucket). */
const PLACES = ['repository', 'project'] as const
const ADDRESSES = [
  'clone_url',
  'ssh_url',
  'git_url',
  'html_url',
  'git_http_url',
  'git_ssh_url',
  'http_url',
  'web_url',
  'homepage',
] as const

/** Not JSON, or nested deeper than anything that a service sends. */
export class UnreadableBody extends Error {}

/**
 * Paths of the repository that a delivery is about, in lower case and without `.git`: `acme/people`. Undefined when it does not say. Only ever compared with
 * what Sources name; nothing is fetched from what stands here.
 * @throws UnreadableBody
 */
export const subjectOf = (body: Uint8Array, type: string): ReadonlySet<string> | undefined => {
  if (!/^application\/json\b/i.test(type)) return undefined
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8')
  if (depthOf(text) > DEEPEST) throw new UnreadableBody(`nested deeper than ${DEEPEST} levels`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new UnreadableBody('not JSON')
  }
  const paths = new Set<string>()
  for (const place of PLACES) {
    const repository = fieldOf(value, place)
    for (const name of ADDRESSES) {
      const address = fieldOf(repository, name)
      const path = typeof address === 'string' ? repositoryPath(address) : undefined
      if (path !== undefined) paths.add(path)
    }
  }
  return paths.size === 0 ? undefined : paths
}

/**
 * `acme/people` of `https://git.example/acme/people.git` and `git@git.example:acme/people`. Hosts are left out: one server has several names.
 */
export const repositoryPath = (url: string): string | undefined => {
  const [, path] = /^[a-z][a-z0-9+.-]*:\/\/[^/]*\/(.+)$/i.exec(url) ?? /^[^/:]+:(?!\/\/)\/?(.+)$/.exec(url) ?? []
  return path
    ?.replace(/[?#].*$/, '')
    .replace(/\/+$/, '')
    .replace(/\.git$/i, '')
    .toLowerCase()
}

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined

/** Levels of brackets outside of strings, counted before anything is built. */
const depthOf = (text: string): number => {
  let [depth, deepest, quoted] = [0, 0, false]
  for (let at = 0; at < text.length; at++) {
    const character = text.charCodeAt(at)
    if (character === BACKSLASH && quoted) at++
    else if (character === QUOTE) quoted = !quoted
    else if (quoted) continue
    else if (character === SQUARE || character === CURLY) deepest = Math.max(deepest, ++depth)
    else if (character === SQUARE + 2 || character === CURLY + 2) depth--
  }
  return deepest
}
const [QUOTE, BACKSLASH, SQUARE, CURLY] = [0x22, 0x5c, 0x5b, 0x7b]
