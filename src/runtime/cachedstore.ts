import type { AnyResource } from '../api/kinds.ts'
import type { ObjectRef } from '../api/resource.ts'
import { ConflictError } from '../store/errors.ts'
import type { ResourceStore } from '../store/store.ts'
import type { Informer } from './informer.ts'

/**
 * The same store, whose every write is in the informer's cache when it returns: who writes through it never reads a cache older than the own last write.
 * Reads go to the store itself.
 */
export function cachedStore(
  store: ResourceStore,
  informer: Pick<Informer, 'cache' | 'observe' | 'forget' | 'holds'>,
): ResourceStore {
  const observed = <T>(object: T): T => {
    informer.observe(object as AnyResource)
    return object
  }
  const observedOrGone = async <T>(ref: ObjectRef, write: () => Promise<T | undefined>): Promise<T | undefined> => {
    // Of this life, known before the write: meanwhile another may begin under the same name.
    const uid = ref.uid ?? (informer.holds(ref.kind) ? informer.cache.get(ref.kind, ref.name)?.metadata.uid : undefined)
    const object = await write()
    if (object !== undefined) return observed(object)
    if (uid !== undefined) informer.forget({ kind: ref.kind, name: ref.name, uid })
    return undefined
  }
  return {
    get: (kind, name) => store.get(kind, name),
    list: (kind, options) => store.list(kind, options),
    watch: options => store.watch(options),
    create: async (object, options) => observed(await store.create(object, options)),
    apply: async (desired, options) => {
      const applied = await store.apply(desired, options)
      observed(applied.object)
      return applied
    },
    replace: async (record, options) => observed(await store.replace(record, options)),
    patchStatus: async (ref, status, options) => {
      const known = informer.holds(ref.kind) ? informer.cache.get(ref.kind, ref.name)?.metadata : undefined
      if (options.ifVersion === undefined && known?.uid === options.ifUid) {
        // With the version, a store behind a network need not look before it writes. Where it is outdated, it does.
        try {
          return observed(await store.patchStatus(ref, status, { ...options, ifVersion: known.resourceVersion }))
        } catch (error) {
          if (!(error instanceof ConflictError)) throw error
        }
      }
      return observed(await store.patchStatus(ref, status, options))
    },
    annotate: async (ref, annotations, options) => observed(await store.annotate(ref, annotations, options)),
    setFinalizers: (ref, finalizers, options) =>
      observedOrGone(ref, () => store.setFinalizers(ref, finalizers, options)),
    delete: (ref, preconditions) =>
      observedOrGone({ ...ref, ...(preconditions?.ifUid === undefined ? {} : { uid: preconditions.ifUid }) }, () =>
        store.delete(ref, preconditions),
      ),
    owners: ref => store.owners(ref),
    events: store.events,
    lease: store.lease,
    info: () => store.info(),
    bind: (binding, options) => store.bind(binding, options),
    marks: () => store.marks(),
    mark: decide => store.mark(decide),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
}
