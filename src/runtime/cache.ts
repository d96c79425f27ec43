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
type Buckets = Map<string, Found>

interface Index {
  readonly of: IndexFunction
  /** Undefined as long as nobody has asked for it. */
  buckets: Buckets | undefined
}

/**
 * The objects of some kinds in memory, with indexes that follow each change. Its one writer is the informer.
 * With `lazy` an index is made when it is first asked for: most work that is done only once asks for few. An object that an index function cannot take is then
 * missing in that index, instead of in the whole cache.
 */
export class IndexedCache implements Cache {
  readonly #objects: ReadonlyMap<Kind, Map<string, AnyResource>>
  readonly #indexes: ReadonlyMap<Kind, ReadonlyMap<string, Index>>

  constructor(kinds: readonly Kind[], indexes: Indexes, { lazy = false }: { lazy?: boolean } = {}) {
    this.#objects = new Map(kinds.map(kind => [kind, new Map()]))
    this.#indexes = new Map(
      kinds.map(kind => [
        kind,
        new Map(
          Object.entries(indexes[kind] ?? {}).map(([name, of]) => [
            name,
            { of: of as IndexFunction, buckets: lazy ? undefined : new Map() },
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
    const found = this.#buckets(kind, index).get(value)
    if (!found) return []
    if (!(found instanceof Bucket)) return [found as unknown as ResourceOf<K>]
    found.lent = true
    return found.objects as readonly unknown[] as readonly ResourceOf<K>[]
  }

  values(kind: Kind, index: string): Iterable<string> {
    return this.#buckets(kind, index).keys()
  }

  /** @throws what an index function throws; then nothing has changed */
  set(object: AnyResource): void {
    const objects = this.#of(object.kind)
    const before = objects.get(object.metadata.name)
    const values = this.#valuesOf(object)
    if (before) this.#unfile(before, values)
    objects.set(object.metadata.name, object)
    for (const [buckets, wanted] of values) for (const value of wanted) file(buckets, value, object)
  }

  delete(kind: Kind, name: string): void {
    const before = this.#of(kind).get(name)
    if (!before) return
    this.#of(kind).delete(name)
    this.#unfile(before, new Map())
  }

  /** Of the indexes that are there. */
  #valuesOf(object: AnyResource): Map<Buckets, Set<string>> {
    const values = new Map<Buckets, Set<string>>()
    for (const { of, buckets } of this.#indexes.get(object.kind)?.values() ?? [])
      if (buckets) values.set(buckets, new Set(of(object)))
    return values
  }

  /** Takes an object out of the buckets in which it is not wanted any more. */
  #unfile(object: AnyResource, wanted: Map<Buckets, Set<string>>): void {
    for (const [buckets, values] of this.#valuesOf(object)) {
      for (const value of values) if (!wanted.get(buckets)?.has(value)) unfile(buckets, value, object)
    }
  }

  #of(kind: Kind): Map<string, AnyResource> {
    const objects = this.#objects.get(kind)
    if (!objects)
      throw new Error(`the cache does not hold ${kind}; it was told to hold ${[...this.#objects.keys()].join(', ')}`)
    return objects
  }

  #buckets(kind: Kind, name: string): Buckets {
    const objects = this.#of(kind)
    const index = this.#indexes.get(kind)?.get(name)
    if (!index) throw new Error(`${kind} has no index "${name}"`)
    index.buckets ??= built(index.of, objects.values())
    return index.buckets
  }
}

const built = (of: IndexFunction, objects: Iterable<AnyResource>): Buckets => {
  const buckets: Buckets = new Map()
  for (const object of objects) {
    let values: Set<string>
    try {
      values = new Set(of(object))
    } catch {
      continue
    }
    for (const value of values) file(buckets, value, object)
  }
  return buckets
}

function file(buckets: Buckets, value: string, object: AnyResource): void {
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

function unfile(buckets: Buckets, value: string, object: AnyResource): void {
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
