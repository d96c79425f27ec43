import type { AnyResource, ResourceOf } from '../api/kinds.ts'
import type { Kind } from '../api/names.ts'
import type { Cache, Indexes } from './reconciler.ts'

type IndexFunction = (object: AnyResource) => Iterable<string>

/** Several objects found under one value, ordered by name. */
class Bucket {
  objects: AnyResource[]
  /** A reader has the array, so the next change is made to a copy. */
  lent = false

  constructor(objects: AnyResource[]) {
    this.objects = objects
  }
}

/** Most values find one object, which then needs no bucket: a hundred bytes less for each. */
type Found = AnyResource | Bucket

interface Index {
  readonly of: IndexFunction
  readonly buckets: Map<string, Found>
}

/** The objects of some kinds in memory, with indexes that follow each change. Its one writer is the informer. */
export class IndexedCache implements Cache {
  readonly #objects: ReadonlyMap<Kind, Map<string, AnyResource>>
  readonly #indexes: ReadonlyMap<Kind, ReadonlyMap<string, Index>>

  constructor(kinds: readonly Kind[], indexes: Indexes) {
    this.#objects = new Map(kinds.map(kind => [kind, new Map()]))
    this.#indexes = new Map(
      kinds.map(kind => [
        kind,
        new Map(
          Object.entries(indexes[kind] ?? {}).map(([name, of]) => [
            name,
            { of: of as IndexFunction, buckets: new Map<string, Found>() },
          ]),
        ),
      ]),
    )
  }

  get<K extends Kind>(kind: K, name: string): ResourceOf<K> | undefined {
    return this.#of(kind).get(name) as ResourceOf<K> | undefined
  }

  list<K extends Kind>(kind: K): Iterable<ResourceOf<K>> {
    return this.#of(kind).values() as Iterable<unknown> as Iterable<ResourceOf<K>>
  }

  count(kind: Kind): number {
    return this.#of(kind).size
  }

  /** @returns a snapshot: later changes do not reach it */
  by<K extends Kind>(kind: K, index: string, value: string): readonly ResourceOf<K>[] {
    const found = this.#index(kind, index).buckets.get(value)
    if (!found) return []
    if (!(found instanceof Bucket)) return [found as unknown as ResourceOf<K>]
    found.lent = true
    return found.objects as readonly unknown[] as readonly ResourceOf<K>[]
  }

  values(kind: Kind, index: string): Iterable<string> {
    return this.#index(kind, index).buckets.keys()
  }

  /** @throws what an index function throws; then nothing has changed */
  set(object: AnyResource): void {
    const objects = this.#of(object.kind)
    const before = objects.get(object.metadata.name)
    const values = this.#valuesOf(object)
    if (before) this.#unfile(before, values)
    objects.set(object.metadata.name, object)
    for (const [index, wanted] of values) for (const value of wanted) file(index.buckets, value, object)
  }

  delete(kind: Kind, name: string): void {
    const before = this.#of(kind).get(name)
    if (!before) return
    this.#of(kind).delete(name)
    this.#unfile(before, new Map())
  }

  #valuesOf(object: AnyResource): Map<Index, Set<string>> {
    const indexes = this.#indexes.get(object.kind) ?? new Map<string, Index>()
    return new Map([...indexes.values()].map(index => [index, new Set(index.of(object))]))
  }

  /** Takes an object out of the buckets in which it is not wanted any more. */
  #unfile(object: AnyResource, wanted: Map<Index, Set<string>>): void {
    for (const [index, values] of this.#valuesOf(object)) {
      for (const value of values) if (!wanted.get(index)?.has(value)) unfile(index.buckets, value, object)
    }
  }

  #of(kind: Kind): Map<string, AnyResource> {
    const objects = this.#objects.get(kind)
    if (!objects)
      throw new Error(`the cache does not hold ${kind}; it was told to hold ${[...this.#objects.keys()].join(', ')}`)
    return objects
  }

  #index(kind: Kind, name: string): Index {
    this.#of(kind)
    const index = this.#indexes.get(kind)?.get(name)
    if (!index) throw new Error(`${kind} has no index "${name}"`)
    return index
  }
}

function file(buckets: Map<string, Found>, value: string, object: AnyResource): void {
  const found = buckets.get(value)
  if (found === undefined || (!(found instanceof Bucket) && found.metadata.name === object.metadata.name)) {
    buckets.set(value, object)
    return
  }
  const bucket = found instanceof Bucket ? found : new Bucket([found])
  if (bucket !== found) buckets.set(value, bucket)
  const objects = writable(bucket)
  const place = placeOf(objects, object.metadata.name)
  objects.splice(place, objects[place]?.metadata.name === object.metadata.name ? 1 : 0, object)
}

function unfile(buckets: Map<string, Found>, value: string, object: AnyResource): void {
  const found = buckets.get(value)
  if (!(found instanceof Bucket)) {
    if (found?.metadata.name === object.metadata.name) buckets.delete(value)
    return
  }
  const objects = writable(found)
  const place = placeOf(objects, object.metadata.name)
  if (objects[place]?.metadata.name === object.metadata.name) objects.splice(place, 1)
  if (objects.length === 0) buckets.delete(value)
}

function writable(bucket: Bucket): AnyResource[] {
  if (bucket.lent) {
    bucket.objects = bucket.objects.slice()
    bucket.lent = false
  }
  return bucket.objects
}

/** Where the name stands, or would stand. Lists come ordered by name, so the end is tried first. */
function placeOf(objects: readonly AnyResource[], name: string): number {
  let [low, high] = [0, objects.length]
  const last = objects[high - 1]
  if (last && last.metadata.name < name) return high
  while (low < high) {
    const middle = (low + high) >> 1
    const at = objects[middle]
    if (at && at.metadata.name < name) low = middle + 1
    else high = middle
  }
  return low
}
