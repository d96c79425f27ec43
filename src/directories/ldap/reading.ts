import type { LdapDirectory } from '../../api/services/ldap.ts'
import type { FoundGroup, FoundPage } from '../../ports/directory.ts'
import { type Lack, ServiceTrouble } from '../trouble.ts'
import { type Dialect, dialects } from './dialect.ts'
import { groupAttributes, groupOf } from './groups.ts'
import { Known } from './known.ts'
import type { Entry } from './message.ts'
import { filterOf, searchEntry, searchPages } from './search.ts'
import type { Session } from './session.ts'
import { userAttributes, usersOf } from './users.ts'

const PAGE_SIZE = 500
/** People and groups of one server: whatever it sends beyond is its own invention. */
const MOST_ENTRIES = 5_000_000

interface Reading {
  readonly session: Session
  readonly spec: LdapDirectory
  readonly take: (page: FoundPage) => Promise<void>
}

/** What was found on the way that leaves the read incomplete, each kind told once. */
class Gaps {
  readonly #server: string
  readonly #dialect: Dialect
  #references = 0
  #where = ''
  withoutId = 0
  changed = 0
  #entries = 0

  constructor(server: string, dialect: Dialect) {
    this.#server = server
    this.#dialect = dialect
  }

  readonly onReference = (uris: readonly string[]): void => {
    if (uris.length > 0 && uris.every(uri => this.#dialect.harmless(uri))) return
    this.#references++
    this.#where ||= (uris[0] ?? '').replace(/[\p{C}\s]+/gu, ' ').slice(0, 200)
  }

  count(entries: number): void {
    this.#entries += entries
    if (this.#entries > MOST_ENTRIES)
      throw new ServiceTrouble(
        'NotAllowed',
        `${this.#server} sends more than ${MOST_ENTRIES} entries; name narrower bases`,
      )
  }

  /** @param ambiguous members whom several could be */
  lack(ambiguous: number): Lack | undefined {
    const { idAttribute } = this.#dialect
    const found: Lack[] = []
    const say = (count: number, reason: Lack['reason'], message: string) => {
      if (count > 0) found.push({ reason, message })
    }
    say(
      this.#references,
      'NotAllowed',
      `${this.#server} says that a part is on another server (${this.#where}), which is never followed; connect that one by a Directory of its own, or name narrower bases`,
    )
    say(
      this.withoutId,
      'NotAllowed',
      `${this.withoutId} entries have no ${idAttribute} that we may read, and are left out; allow it to be read, or look at dialect`,
    )
    say(
      ambiguous,
      'InvalidSpec',
      `${ambiguous} members of groups have a name or login that several entries have; give each one of its own`,
    )
    say(this.changed, 'Retrying', `${this.changed} groups changed while they were read; they are read again`)
    const [first] = found
    return first && { reason: first.reason, message: found.map(lack => lack.message).join('; ') }
  }
}

/**
 * Tells everything: people, then groups, whose members are known by then.
 * @returns undefined: nothing is missing
 * @throws ServiceTrouble where it had to stop
 */
export const readEverything = async ({ session, spec, take }: Reading): Promise<Lack | undefined> => {
  const { connection, asked } = session
  const dialect = dialects[spec.dialect ?? 'OpenLDAP']
  const pageSize = spec.pageSize ?? PAGE_SIZE
  const known = new Known()
  const gaps = new Gaps(asked.server, dialect)
  const { onReference } = gaps
  const common = { connection, asked, pageSize, onReference }

  const userFilter = filterOf(spec.users.filter ?? dialect.userFilter)
  const groupFilter = filterOf(spec.groups?.filter ?? dialect.groupFilter)
  const attributes = userAttributes(spec.users, dialect)
  let empty = true
  for await (const entries of searchPages({ ...common, base: spec.users.base, filter: userFilter, attributes })) {
    gaps.count(entries.length)
    empty = false
    const users = usersOf(entries, { spec: spec.users, dialect, known, onMissing: () => gaps.withoutId++ })
    if (users.length > 0) await take({ users })
  }
  // Who may not look sees an empty place where people are.
  if (empty) await mustBeSeen(session, spec.users.base)

  if (spec.groups) {
    const { base } = spec.groups
    const groups = { ...common, base, filter: groupFilter }
    // Twice: which groups there are must be known before the members of the first one are told.
    empty = true
    for await (const entries of searchPages({ ...groups, attributes: [dialect.idAttribute] })) {
      gaps.count(entries.length)
      empty = false
      for (const entry of entries) {
        const id = dialect.id(entry)
        if (id === undefined) gaps.withoutId++
        else known.addGroup(entry.dn, id)
      }
    }
    if (empty) await mustBeSeen(session, base)
    else await tellGroups({ reading: { session, spec, take }, dialect, known, gaps, groups, spec: spec.groups })
  }
  return gaps.lack(known.ambiguous)
}

const tellGroups = async (options: {
  reading: Reading
  dialect: Dialect
  known: Known
  gaps: Gaps
  groups: Omit<Parameters<typeof searchPages>[0], 'attributes'>
  spec: NonNullable<LdapDirectory['groups']>
}): Promise<void> => {
  const { reading, dialect, known, gaps, groups, spec } = options
  const { connection, asked } = reading.session
  const more = async (dn: string, attribute: string) =>
    searchEntry({ connection, asked, base: dn, attributes: [attribute] })
  const told = new Set<string>()
  const tell = async (entries: readonly Entry[]) => {
    const found: FoundGroup[] = []
    for (const entry of entries) {
      const id = dialect.id(entry)
      if (id === undefined || told.has(id)) continue
      told.add(id)
      const group = known.hasGroup(id) ? await groupOf(entry, id, { spec, dialect, known, more }) : undefined
      if (group) found.push(group)
      else gaps.changed++
    }
    if (found.length > 0) await reading.take({ groups: found })
  }
  for await (const entries of searchPages({ ...groups, attributes: groupAttributes(spec, dialect) }))
    await tell(entries)
}

const mustBeSeen = async ({ connection, asked }: Session, base: string): Promise<void> => {
  if (await searchEntry({ connection, asked, base, attributes: ['1.1'] })) return
  throw new ServiceTrouble(
    'NotAllowed',
    `${asked.server} does not show ${base} to ${asked.reader}; allow it to be read, or correct base`,
  )
}
