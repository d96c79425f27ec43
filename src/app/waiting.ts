import type { AnyResource, ResourceOf } from '../api/kinds.ts'
import type { Kind } from '../api/names.ts'
import type { Condition } from '../api/resource.ts'
import type { Realm } from './realm.ts'
import { findObject } from './selecting.ts'
import { SettingsError } from './settings.ts'

/** What is waited for. */
export type Wanted =
  | { is: 'gone' }
  | { is: 'there' }
  | { is: 'condition'; type: string; status: string }
  | { is: 'field'; path: string; value: string }

/**
 * `delete`, `create`, `condition=Ready`, `condition=Ready=False`, `state=Accepted`, `status.state=Accepted`, and `jsonpath={.status.state}=Accepted` as kubectl has it.
 * @throws SettingsError
 */
export const wantedOf = (text: string): Wanted => {
  if (text === 'delete') return { is: 'gone' }
  if (text === 'create') return { is: 'there' }
  const condition = /^condition=([A-Za-z]+)(?:=([A-Za-z]+))?$/.exec(text)
  if (condition?.[1]) {
    const status = condition[2] ?? 'True'
    return { is: 'condition', type: condition[1], status: status[0]?.toUpperCase() + status.slice(1).toLowerCase() }
  }
  const field = /^(?:jsonpath=\{?\.?([A-Za-z][\w.]*)\}?|([A-Za-z][\w.]*))=(.+)$/.exec(text)
  const path = field?.[1] ?? field?.[2]
  if (path !== undefined && field?.[3] !== undefined)
    return {
      is: 'field',
      path: /^(spec|status|metadata)\./.test(path) ? path : `status.${path}`,
      value: field[3].replace(/^"(.*)"$/, '$1'),
    }
  throw new SettingsError(
    `--for ${JSON.stringify(text)} cannot be waited for; write condition=Ready, state=Accepted, create or delete`,
  )
}

/** Whether it is so now. */
export const isSo = (wanted: Wanted, object: AnyResource | undefined): boolean => {
  if (wanted.is === 'gone') return object === undefined
  if (!object) return false
  switch (wanted.is) {
    case 'there':
      return true
    case 'condition':
      return conditionOf(object, wanted.type)?.status === wanted.status
    case 'field':
      return String(fieldOf(object, wanted.path) ?? '') === wanted.value
    default:
      return wanted satisfies never
  }
}

/** How it stands, in words, where it is not as wanted. */
export const standingText = (wanted: Wanted, object: AnyResource | undefined): string => {
  if (!object) return 'it does not exist'
  if (wanted.is === 'field') return `${wanted.path} is ${String(fieldOf(object, wanted.path) ?? 'not set')}`
  const shown = conditionOf(object, wanted.is === 'condition' ? wanted.type : 'Ready') ?? conditionOf(object, 'Ready')
  return shown
    ? `${shown.type} is ${shown.status}: ${shown.reason}: ${shown.message}`
    : 'it has no conditions yet; does a controller run?'
}

/** Watches until it is so. @returns the last state, and whether it came in time */
export const waitFor = async (
  { store }: Pick<Realm, 'store'>,
  ref: { kind: Kind; name: string },
  wanted: Wanted,
  signal: AbortSignal,
): Promise<{ so: boolean; object: AnyResource | undefined }> => {
  const { resourceVersion } = await store.info()
  let object = await findObject(store, ref.kind, ref.name)
  if (isSo(wanted, object)) return { so: true, object }
  // An address stands for the resource that it finds; from then on its name is what is watched.
  let name = object?.metadata.name
  for await (const event of store.watch({ since: resourceVersion, kinds: [ref.kind], signal })) {
    if (event.type === 'BOOKMARK') continue
    name ??= (await findObject(store, ref.kind, ref.name))?.metadata.name
    if (event.object.metadata.name !== name) continue
    object = event.type === 'DELETED' ? undefined : event.object
    if (isSo(wanted, object)) return { so: true, object }
  }
  return { so: false, object }
}

const conditionOf = (object: AnyResource, type: string): Condition | undefined =>
  (object as { status?: { conditions?: Condition[] } }).status?.conditions?.find(
    one => one.type.toLowerCase() === type.toLowerCase(),
  )

const fieldOf = (object: AnyResource, path: string): unknown =>
  path
    .split('.')
    .reduce<unknown>(
      (at, key) => (typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[key] : undefined),
      object,
    )

/** Watches one resource until an answer comes of it. @returns undefined when the signal aborted first */
export const waitWhile = async <K extends Kind, A>(
  { store }: Pick<Realm, 'store'>,
  ref: { kind: K; name: string },
  answer: (object: ResourceOf<K> | undefined) => A | undefined,
  signal: AbortSignal,
): Promise<A | undefined> => {
  const { resourceVersion } = await store.info()
  const first = answer(await store.get(ref.kind, ref.name))
  if (first !== undefined) return first
  for await (const event of store.watch({ since: resourceVersion, kinds: [ref.kind], signal })) {
    if (event.type === 'BOOKMARK' || event.object.metadata.name !== ref.name) continue
    const found = answer(event.type === 'DELETED' ? undefined : (event.object as unknown as ResourceOf<K>))
    if (found !== undefined) return found
  }
  return undefined
}
