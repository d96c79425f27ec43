import type { LdapDirectory } from '../../api/services/ldap.ts'
import type { FoundGroup } from '../../ports/directory.ts'
import { utf8 } from './ber.ts'
import { type Dialect, sidText, textsOf } from './dialect.ts'
import type { Known } from './known.ts'
import type { Entry } from './message.ts'
import { rangeDescription, rangeOf } from './ranges.ts'

type Groups = NonNullable<LdapDirectory['groups']>

/** What is asked for of groups. */
export const groupAttributes = (spec: Groups, dialect: Dialect): string[] => [
  ...new Set([
    dialect.idAttribute,
    spec.name ?? 'cn',
    'description',
    ...dialect.memberAttributes,
    ...(dialect.name === 'ActiveDirectory' ? ['objectSid'] : []),
  ]),
]

/**
 * One group with its members.
 * @param more asks for an entry again, by its name, and one attribute of it; undefined: it is gone
 * @returns undefined where not all of its members came
 */
export const groupOf = async (
  entry: Entry,
  id: string,
  options: {
    spec: Groups
    dialect: Dialect
    known: Known
    more: (dn: string, attribute: string) => Promise<Entry | undefined>
  },
): Promise<FoundGroup | undefined> => {
  const { spec, dialect, known, more } = options
  const users = new Set<string>()
  const groups = new Set<string>()
  const sid = entry.attributes.get('objectsid')?.[0]
  for (const user of known.byPrimaryGroup((sid && sidText(sid)) ?? '')) users.add(user)
  for (const attribute of dialect.memberAttributes) {
    let from = 0
    for (let part: Entry = entry; ; ) {
      const range = rangeOf(part, attribute, from)
      if (!range) return undefined
      for (const value of range.values) {
        const member = memberOf(value, attribute, known)
        if (member?.user !== undefined) users.add(member.user)
        if (member?.group !== undefined) groups.add(member.group)
      }
      if (range.next === undefined) break
      from = range.next
      const next = await more(entry.dn, rangeDescription(attribute, from))
      if (!next) return undefined
      part = next
    }
  }
  const [description] = textsOf(entry, 'description')
  return {
    id,
    name: textsOf(entry, spec.name ?? 'cn')[0] ?? '',
    ...(description === undefined ? {} : { description }),
    users: [...users].sort(),
    groups: [...groups].sort(),
  }
}

const memberOf = (value: Buffer, attribute: string, known: Known): { user?: string; group?: string } | undefined => {
  const text = utf8(value)
  if (text === undefined) return undefined
  if (attribute === 'memberUid') {
    const user = known.byLogin(text.trim())
    return user === undefined ? undefined : { user }
  }
  // RFC 4517 section 3.3.21: a number may follow, which tells two owners of one name apart.
  return known.byDn(attribute === 'uniqueMember' ? text.replace(/#'[01]*'B$/, '') : text)
}
