import type { LdapDirectory } from '../../api/services/ldap.ts'
import type { FoundUser } from '../../ports/directory.ts'
import { type Dialect, sidText, textsOf } from './dialect.ts'
import type { Known } from './known.ts'
import type { Entry } from './message.ts'

type Users = LdapDirectory['users']

/** What is asked for of people. */
export const userAttributes = (spec: Users, dialect: Dialect): string[] => [
  ...new Set([
    dialect.idAttribute,
    spec.email ?? 'mail',
    spec.login ?? dialect.login,
    spec.givenName ?? 'givenName',
    spec.familyName ?? 'sn',
    ...(spec.displayName === undefined ? ['displayName', 'cn'] : [spec.displayName]),
    spec.locale ?? 'preferredLanguage',
    ...dialect.activeAttributes,
    ...(dialect.name === 'ActiveDirectory' ? ['proxyAddresses', 'objectSid', 'primaryGroupID'] : []),
  ]),
]

/**
 * People of a batch, whom groups find in `known` from now on. Who was told before is not told again.
 * @param onMissing told of each entry without an id that we may read
 */
export const usersOf = (
  entries: readonly Entry[],
  options: { spec: Users; dialect: Dialect; known: Known; onMissing: () => void },
): FoundUser[] => {
  const { spec, dialect, known, onMissing } = options
  const users: FoundUser[] = []
  for (const entry of entries) {
    const id = dialect.id(entry)
    if (id === undefined) {
      onMissing()
      continue
    }
    const logins = textsOf(entry, spec.login ?? dialect.login)
    if (known.addUser(entry.dn, id, logins, primaryGroupOf(entry)))
      users.push(userOf(entry, id, logins[0], spec, dialect))
  }
  return users
}

const userOf = (entry: Entry, id: string, login: string | undefined, spec: Users, dialect: Dialect): FoundUser => {
  const { email, aliases } = addressesOf(entry, spec.email ?? 'mail', login)
  const one = (attribute: string) => textsOf(entry, attribute)[0]
  const given = {
    login,
    email,
    givenName: one(spec.givenName ?? 'givenName'),
    familyName: one(spec.familyName ?? 'sn'),
    displayName: spec.displayName === undefined ? (one('displayName') ?? one('cn')) : one(spec.displayName),
    locale: one(spec.locale ?? 'preferredLanguage'),
  }
  return {
    id,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    ...(aliases.length > 0 ? { aliases } : {}),
    active: dialect.active(entry),
  }
}

/**
 * Values have no order in LDAP (RFC 4511 section 4.1.7): of several addresses the main one is that which Exchange calls so (`SMTP:`), else the one
 * whose part before the `@` is the login, else the first by the alphabet. The same entry gives the same one each time.
 */
const addressesOf = (entry: Entry, attribute: string, login: string | undefined) => {
  const held = textsOf(entry, attribute)
  const proxies = textsOf(entry, 'proxyAddresses').filter(value => /^smtp:./i.test(value))
  const main = proxies.find(value => value.startsWith('SMTP:'))?.slice(5)
  const named = held.find(value => login !== undefined && value.toLowerCase().startsWith(`${login.toLowerCase()}@`))
  const email = held.find(value => value.toLowerCase() === main?.toLowerCase()) ?? named ?? held[0] ?? main
  const aliases = new Map<string, string>()
  for (const address of [...held, ...proxies.map(value => value.slice(5))])
    if (address.toLowerCase() !== email?.toLowerCase() && !aliases.has(address.toLowerCase()))
      aliases.set(address.toLowerCase(), address)
  return { email, aliases: [...aliases.values()].sort() }
}

/** The group that is written with the person, and does not list them ([MS-ADTS] section 6.4.2). */
const primaryGroupOf = (entry: Entry): string | undefined => {
  const [bytes] = entry.attributes.get('objectsid') ?? []
  const sid = bytes && sidText(bytes)
  const group = textsOf(entry, 'primaryGroupID')[0]
  return sid && group && /^\d+$/.test(group) ? sid.replace(/\d+$/, group) : undefined
}
