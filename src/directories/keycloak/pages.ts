import { ServiceTrouble } from '../trouble.ts'

/** Entries of one list: whatever a server sends beyond is its own invention. */
const MOST_ENTRIES = 5_000_000
/** How often one page is looked for in vain. */
const MOST_STEPS = 5

/**
 * All entries of a list that is read by offset, each once, page by page.
 *
 * Whoever is added or removed before the place that was reached moves the rest, and a page asked for by its offset would skip somebody. So each page is
 * asked for with one entry more, the first of the next page: where neither that one nor the one before it is on the next page, the list has moved, and
 * is read again from further up. Nobody who is there from the beginning to the end at the same place in the order is left out.
 * @param fetch entries from that place on, that many at most
 * @throws ServiceTrouble where it moves faster than it can be read
 */
export async function* pagesOf<Entry extends { readonly id: string }>(
  fetch: (first: number, most: number) => Promise<Entry[]>,
  size: number,
): AsyncGenerator<Entry[]> {
  const told = new Set<string>()
  let anchors: ReadonlySet<string> = new Set()
  let first = 0
  let steps = 0
  for (;;) {
    const came = await fetch(first, size + 1)
    if (anchors.size > 0 && !came.some(({ id }) => anchors.has(id))) {
      steps += 1
      if (first === 0 || steps > MOST_STEPS)
        throw new ServiceTrouble('Retrying', 'the list changes faster than it is read; it is read again')
      first = Math.max(0, first - size)
      continue
    }
    steps = 0
    const page: Entry[] = []
    for (const entry of came.slice(0, size)) {
      if (told.has(entry.id)) continue
      told.add(entry.id)
      page.push(entry)
    }
    if (told.size > MOST_ENTRIES)
      throw new ServiceTrouble('NotAllowed', `the list has more than ${MOST_ENTRIES} entries, which is not believed`)
    if (page.length > 0) yield page
    if (came.length <= size) return
    anchors = new Set(came.slice(size - 1).map(({ id }) => id))
    first += size
  }
}

/** All of a list at once: for lists that are short by their nature. */
export const allOf = async <Entry extends { readonly id: string }>(
  fetch: (first: number, most: number) => Promise<Entry[]>,
  size: number,
): Promise<Entry[]> => {
  const entries: Entry[] = []
  for await (const page of pagesOf(fetch, size)) entries.push(...page)
  return entries
}
