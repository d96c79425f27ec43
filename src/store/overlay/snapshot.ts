import { KINDS, type Kind } from '../../api/names.ts'
import type { AnyResource, ResourceStore } from '../store.ts'

/** Every object of a store as it was at one version. */
export interface Snapshot {
  version: string
  /** Kind → name → object. Private to who took it. */
  objects: Map<Kind, Map<string, AnyResource>>
}

/**
 * Reads a whole store at one version, while others may write it: lists kind after kind, then follows the changes since the first list until a bookmark says that
 * all of them were seen.
 * @throws GoneError when more was deleted meanwhile than the store remembers
 */
export const takeSnapshot = async (store: ResourceStore): Promise<Snapshot> => {
  const objects: Snapshot['objects'] = new Map()
  const versions = new Set<string>()
  for (const kind of KINDS) {
    const { items, resourceVersion } = await store.list(kind)
    objects.set(kind, new Map(items.map(item => [item.metadata.name, item])))
    versions.add(resourceVersion)
  }
  const [first, ...others] = versions
  if (first === undefined) throw new Error('a store lists at a version')
  const version = others.length === 0 ? first : await catchUp(store, first, objects)
  return { version, objects }
}

/** @returns the version that was caught up with */
const catchUp = async (store: ResourceStore, since: string, objects: Snapshot['objects']): Promise<string> => {
  const stop = new AbortController()
  try {
    for await (const event of store.watch({ since, signal: stop.signal })) {
      if (event.type === 'BOOKMARK') return event.resourceVersion
      const { kind, metadata } = event.object
      if (event.type === 'DELETED') objects.get(kind)?.delete(metadata.name)
      else objects.get(kind)?.set(metadata.name, event.object)
    }
  } finally {
    stop.abort()
  }
  throw new Error('a watch ends only when it is told to')
}
