import { SCHEMAS } from '../api/generated/schemas.ts'
import { KINDS, type Kind } from '../api/names.ts'
import type { Realm } from '../app/realm.ts'
import { didYouMean } from '../app/suggest.ts'
import { UsageError } from './verb.ts'

/** `user`, `users`, `usr`, `User`: every way in which a kind is called. */
const CALLED = new Map<string, Kind>(
  KINDS.flatMap(kind => {
    const { plural, singular, shortNames } = SCHEMAS[kind]
    return [kind.toLowerCase(), plural, singular, ...shortNames].map((name): [string, Kind] => [name, kind])
  }),
)

/** @throws UsageError with a suggestion */
export const kindOf = (text: string): Kind => {
  const kind = CALLED.get(text.toLowerCase())
  if (kind) return kind
  const there = `; there are ${KINDS.map(one => SCHEMAS[one].plural).join(', ')}`
  throw new UsageError(`there is no kind ${JSON.stringify(text)}${didYouMean(text, CALLED.keys()) || there}`)
}

/** `KIND NAME`, or `KIND/NAME` in one word. @throws UsageError */
export const refOf = (words: readonly string[]): { kind: Kind; name: string } => {
  const [first = '', second] = words
  const slash = first.indexOf('/')
  if (words.length > 2) throw new UsageError(`name one resource, not ${words.length - 1}: ${words.slice(1).join(', ')}`)
  if (slash > 0 && second === undefined) return { kind: kindOf(first.slice(0, slash)), name: first.slice(slash + 1) }
  if (second === undefined) throw new UsageError(`name one resource: KIND NAME, or KIND/NAME, such as user/alice`)
  return { kind: kindOf(first), name: second }
}

/** That a resource is not there, with the name that was probably meant. */
export const missingText = async ({ store }: Pick<Realm, 'store'>, kind: Kind, name: string): Promise<string> => {
  const names = (await store.list(kind)).items.map(({ metadata }) => metadata.name)
  return `${kind.toLowerCase()} ${JSON.stringify(name)} does not exist${didYouMean(name, names)}`
}
