/** Something that stands in at most one {@link Heap} at a time; the heap keeps `place` up to date. */
export interface Heaped {
  place: number
}

/** A binary heap whose items know their place, so that any of them can be moved up or taken out in O(log n). */
export class Heap<T extends Heaped> {
  readonly #items: T[] = []
  readonly #before: (a: T, b: T) => boolean

  /** @param before whether `a` comes out before `b`; must be a strict order that changes only together with {@link raise} */
  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before
  }

  get size(): number {
    return this.#items.length
  }

  peek(): T | undefined {
    return this.#items[0]
  }

  push(item: T): void {
    item.place = this.#items.length
    this.#items.push(item)
    this.raise(item)
  }

  pop(): T | undefined {
    const first = this.#items[0]
    if (first) this.remove(first)
    return first
  }

  remove(item: T): void {
    const last = this.#items.pop()
    if (last === undefined || last === item) return
    last.place = item.place
    this.#items[last.place] = last
    this.#sink(last)
    this.raise(last)
  }

  /** Call after an item came to stand before others that it stood behind. */
  raise(item: T): void {
    const items = this.#items
    let place = item.place
    while (place > 0) {
      const above = (place - 1) >> 1
      const parent = items[above]
      if (!parent || !this.#before(item, parent)) break
      items[place] = parent
      parent.place = place
      place = above
    }
    items[place] = item
    item.place = place
  }

  /** In no particular order. */
  values(): IterableIterator<T> {
    return this.#items.values()
  }

  #sink(item: T): void {
    const items = this.#items
    let place = item.place
    for (;;) {
      let below = 2 * place + 1
      let child = items[below]
      if (!child) break
      const right = items[below + 1]
      if (right && this.#before(right, child)) {
        child = right
        below++
      }
      if (!this.#before(child, item)) break
      items[place] = child
      child.place = place
      place = below
    }
    items[place] = item
    item.place = place
  }
}
