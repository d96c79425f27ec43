import type { KeycloakDirectory } from '../../api/services/keycloak.ts'
import type { FoundUser } from '../../ports/directory.ts'
import { type Item, textOf } from './answers.ts'

/** How the account is called that a client has for itself; it is no person. */
const SERVICE_ACCOUNT = /^service-account-/

type Spec = Pick<KeycloakDirectory, 'aliasesAttribute' | 'localeAttribute'>

/** What is asked for of people: the short representation, unless an attribute is named, which only the long one has. */
export const representationOf = (spec: Spec): { briefRepresentation: string } => ({
  briefRepresentation: String(spec.aliasesAttribute === undefined && spec.localeAttribute === undefined),
})

/**
 * Whether it is the account of a client. The list of a realm has none; the one of an organization has, and tells them by nothing but their name.
 */
export const isServiceAccount = (item: Item): boolean => SERVICE_ACCOUNT.test(textOf(item['username']) ?? '')

/** Who is kept in a storage of its own and not imported: their ids begin with the id of that storage, and not every storage counts. */
export const isForeign = ({ id }: Item): boolean => id.startsWith('f:')

/** A person as the admin API has them. */
export const userOf = (item: Item, spec: Spec): FoundUser => {
  const email = textOf(item['email'])
  const aliases =
    spec.aliasesAttribute === undefined
      ? []
      : attributeOf(item, spec.aliasesAttribute).filter(alias => alias.toLowerCase() !== email?.toLowerCase())
  const given = {
    login: textOf(item['username']),
    email,
    givenName: textOf(item['firstName']),
    familyName: textOf(item['lastName']),
    locale: attributeOf(item, spec.localeAttribute ?? 'locale')[0],
  }
  return {
    id: item.id,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    ...(aliases.length > 0 ? { aliases: [...new Set(aliases)].sort() } : {}),
    active: item['enabled'] !== false,
  }
}

const attributeOf = (item: Item, name: string): string[] => {
  const { attributes } = item
  if (typeof attributes !== 'object' || attributes === null || !Object.hasOwn(attributes, name)) return []
  const values = (attributes as Record<string, unknown>)[name]
  return (Array.isArray(values) ? values : [values]).flatMap(value => textOf(value) ?? [])
}
