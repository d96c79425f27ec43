import type { RecordedUser } from '../api/directoryrecord.ts'
import { LOCALE_PATTERN } from '../api/patterns.ts'
import type { UserSource } from '../api/user.ts'

/** What one directory says of a person, and whether it still does. */
export interface Saying {
  directory: string
  id: string
  user: RecordedUser
  /** Since when a complete read no longer has them. */
  missingTime?: string | undefined
}

/** Values of a person that a directory can say where no declaration does. */
export const SAID_VALUES = ['displayName', 'givenName', 'familyName', 'locale'] as const
export type SaidValue = (typeof SAID_VALUES)[number]

/** A value that is in force, and the directory it comes from; without one it is declared. */
export interface Effective {
  value: string
  from?: Pick<Saying, 'directory' | 'id'>
}

/**
 * The values in force: what is declared, else what the first directory says that says anything, in the order of their names.
 * Whoever is no longer in a directory is no longer described by it. A full name that nobody wrote is made of the given and the family name.
 * @param declared as declared; `displayName` only where it is written
 */
export const effectiveValues = (
  declared: Partial<Record<SaidValue, string | undefined>>,
  sayings: readonly Saying[],
): Partial<Record<SaidValue, Effective>> => {
  const present = inOrder(sayings).filter(({ missingTime }) => missingTime === undefined)
  const found: Partial<Record<SaidValue, Effective>> = {}
  const of = (field: SaidValue): Effective | undefined => {
    const own = declared[field]
    if (own !== undefined) return { value: own }
    for (const { directory, id, user } of present) {
      const value = user[field]
      if (value !== undefined && (field !== 'locale' || LOCALE.test(value))) return { value, from: { directory, id } }
    }
    return undefined
  }
  for (const field of SAID_VALUES) {
    const value = of(field)
    if (value) found[field] = value
  }
  // A name that is declared in parts is declared.
  const parts = [declared.givenName, declared.familyName].filter(part => part !== undefined)
  if (declared.displayName === undefined && parts.length > 0) found.displayName = { value: parts.join(' ') }
  else if (!found.displayName) {
    const made = [found.givenName, found.familyName].flatMap(part => part ?? [])
    const [first] = made
    if (first) found.displayName = { ...first, value: made.map(({ value }) => value).join(' ') }
  }
  return found
}
const LOCALE = new RegExp(LOCALE_PATTERN, 'u')

const MOST_SOURCES = 16
const MOST_BYTES = 2048
/** What is kept of a source where not everything fits, first. */
const IMPORTANCE = ['email', 'displayName', 'givenName', 'familyName', 'locale', 'login', 'aliases'] as const

/** What directories say of a person, as it is shown: of no more than sixteen, and of each no more than two kilobytes. */
export const sourcesShown = (sayings: readonly Saying[]): UserSource[] =>
  inOrder(sayings)
    .slice(0, MOST_SOURCES)
    .map(({ directory, id, user, missingTime }) => {
      const source: UserSource = {
        directory,
        id,
        ...(!user.active && { disabled: true }),
        ...(missingTime !== undefined && { missingTime }),
      }
      for (const field of IMPORTANCE) {
        if (user[field] === undefined) continue
        const more = { ...source, [field]: user[field] }
        if (Buffer.byteLength(JSON.stringify(more)) <= MOST_BYTES) Object.assign(source, more)
      }
      return source
    })

const inOrder = (sayings: readonly Saying[]): Saying[] =>
  sayings.toSorted((a, b) => compare(a.directory, b.directory) || compare(a.id, b.id))
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
