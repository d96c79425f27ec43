import type { FoundUser } from '../../ports/directory.ts'
import { attributeOf, flagOf, isJson, type Json, textOf, valuesOf } from './resource.ts'

/**
 * A person, from a User (RFC 7643 section 4.1).
 * @param id its `id`
 */
export const userOf = (resource: Json, id: string): FoundUser => {
  const name = attributeOf(resource, 'name')
  const names = isJson(name) ? name : {}
  const login = textOf(resource, 'userName')
  const { email, aliases } = addressesOf(resource, login)
  const given = {
    externalId: textOf(resource, 'externalId'),
    login,
    email,
    givenName: textOf(names, 'givenName'),
    familyName: textOf(names, 'familyName'),
    displayName: textOf(resource, 'displayName') ?? textOf(names, 'formatted'),
    locale: languageOf(resource) ?? textOf(resource, 'locale'),
  }
  return {
    id,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    ...(aliases.length > 0 && { aliases }),
    // A service that does not keep it has no disabled accounts.
    active: flagOf(resource, 'active') ?? true,
  }
}

interface Address {
  readonly value: string
  readonly primary: boolean
  readonly type: string | undefined
}

/**
 * The values have no order (RFC 7643 section 2.4). The main one is marked as primary; where none is, one for work comes before others. Of several,
 * the one that is the login, else the first by the alphabet, so that the same person has the same one each time.
 */
const addressesOf = (resource: Json, login: string | undefined) => {
  const held = new Map<string, Address>()
  for (const each of valuesOf(resource, 'emails')) {
    const entry = isJson(each) ? each : { value: each }
    const value = textOf(entry, 'value')?.trim()
    if (value === undefined) continue
    const key = value.toLowerCase()
    const before = held.get(key)
    const primary = flagOf(entry, 'primary') === true || before?.primary === true
    held.set(key, {
      value: before?.value ?? value,
      primary,
      type: textOf(entry, 'type')?.toLowerCase() ?? before?.type,
    })
  }
  const all = [...held.values()]
  const primary = all.filter(address => address.primary)
  const work = all.filter(address => address.type === 'work')
  const choice = [primary, work].find(some => some.length > 0) ?? all
  const sorted = choice.map(({ value }) => value).sort()
  const email = sorted.find(value => value.toLowerCase() === login?.toLowerCase()) ?? sorted[0]
  const aliases = all.map(({ value }) => value).filter(value => value !== email)
  return { email, aliases: aliases.sort() }
}

/** `preferredLanguage` is written as in Accept-Language (RFC 7643 section 4.1.1): the first one counts. */
const languageOf = (resource: Json): string | undefined => {
  const [first = ''] = (textOf(resource, 'preferredLanguage') ?? '').split(/[,;]/)
  return first.trim() || undefined
}
