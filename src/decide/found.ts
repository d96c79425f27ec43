import type { RecordedGroup, RecordedUser } from '../api/directoryrecord.ts'
import type { FoundGroup, FoundUser } from '../api/found.ts'
import { parseAddress } from './address.ts'

/** Longest id that a record keeps. */
const MOST_ID = 255
const MOST_ALIASES = 20
/** What no name holds: control characters, breaks of lines, and what stands for bytes that were no UTF-8. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNREADABLE = /[\x00-\x1f\x7f\u2028\u2029\ufffd]/u

/** Whether an id can be kept: not cut, since two ids that are cut alike would be one person. */
export const isUsableId = (id: string): boolean => id.length > 0 && id.length <= MOST_ID && !UNREADABLE.test(id)

/**
 * What is kept of a person that a directory told of. What is no use is left out and said in `problem`: who has a broken address is still somebody.
 * The same person gives the same text, in whatever order the service lists addresses.
 */
export const recordedUser = (found: FoundUser): RecordedUser => {
  const problems: string[] = []
  const kept = <K extends 'externalId' | 'login' | 'givenName' | 'familyName' | 'displayName' | 'locale'>(
    field: K,
    most: number,
  ) => {
    const text = lineOf(found[field])
    if (text === undefined) return {}
    if (text.length <= most && !UNREADABLE.test(text)) return { [field]: text }
    problems.push(
      `${field} ${UNREADABLE.test(text) ? 'holds characters that cannot be read' : `is longer than ${most} characters`}`,
    )
    return {}
  }
  const email = addressOf(found.email, problem => problems.push(`address ${quoted(found.email)} ${problem}`))
  const aliases = [...new Set((found.aliases ?? []).flatMap(alias => addressOf(alias, () => undefined) ?? []))]
    .filter(alias => alias !== email)
    .sort()
  if (aliases.length > MOST_ALIASES)
    problems.push(`${aliases.length} further addresses, of which ${MOST_ALIASES} are kept`)
  const user = {
    ...kept('externalId', 255),
    ...kept('login', 255),
    ...(email !== undefined && { email }),
    ...(aliases.length > 0 && { aliases: aliases.slice(0, MOST_ALIASES) }),
    ...kept('givenName', 100),
    ...kept('familyName', 100),
    ...kept('displayName', 200),
    ...kept('locale', 20),
    ...(found.relation !== undefined && { relation: found.relation }),
    active: found.active,
  }
  return { ...user, ...problemText(problems) }
}

/** Everything of a person that could not be taken, as their record keeps it; nothing where there is none. */
export const problemText = (problems: readonly string[]): Pick<RecordedUser, 'problem'> =>
  problems.length > 0 ? { problem: [...problems.join('; ')].slice(0, 300).join('') } : {}

const MOST_FORMER_LOGINS = 10

/** The logins that somebody had and has no longer, the oldest first, once another one is told. */
export const formerLogins = (
  before: { formerLogins?: readonly string[]; user?: RecordedUser } | undefined,
  login: string | undefined,
): { formerLogins?: string[] } => {
  const had = [...(before?.formerLogins ?? []), ...(before?.user?.login === undefined ? [] : [before.user.login])]
  const now = login === undefined ? undefined : loginKey(login)
  const former = new Map(had.filter(one => loginKey(one) !== now).map(one => [loginKey(one), one]))
  return former.size === 0 ? {} : { formerLogins: [...former.values()].slice(-MOST_FORMER_LOGINS) }
}

/** By what logins are compared: services take upper and lower case for the same. */
export const loginKey = (login: string): string => login.replace(/[A-Z]/g, letter => letter.toLowerCase())

/** What is kept of a group; undefined where it has no usable name. */
export const recordedGroup = ({
  name,
  description,
  users,
  groups,
  maintainers,
}: FoundGroup): RecordedGroup | undefined => {
  const called = lineOf(name)
  if (called === undefined || called.length > 255 || UNREADABLE.test(called)) return undefined
  const said = description?.replace(/\s+/gu, ' ').trim()
  return {
    name: called,
    ...(said !== undefined &&
      said !== '' &&
      !UNREADABLE.test(said) && { description: [...said].slice(0, 500).join('') }),
    users: users.length,
    groups: groups.length,
    ...(maintainers !== undefined && { maintainers: maintainers.length }),
  }
}

/** A language as services write it (`de_DE`, `EN`, `en-us`) as a tag (RFC 5646), language and region only; undefined where it is none. */
export const languageOf = (text: string): string | undefined => {
  try {
    const { language, region } = new Intl.Locale(text.replaceAll('_', '-'))
    return /^[a-z]{2,3}$/.test(language) ? `${language}${region === undefined ? '' : `-${region}`}` : undefined
  } catch {
    return undefined
  }
}

const lineOf = (text: string | undefined): string | undefined => {
  const trimmed = text?.trim()
  return trimmed === undefined || trimmed === '' ? undefined : trimmed
}

const addressOf = (text: string | undefined, problem: (text: string) => void): string | undefined => {
  const written = lineOf(text)
  if (written === undefined) return undefined
  const parsed = parseAddress(written)
  if (!('problem' in parsed)) return parsed.address
  problem(parsed.problem)
  return undefined
}

const quoted = (text: string | undefined): string => JSON.stringify([...(text ?? '')].slice(0, 80).join(''))
