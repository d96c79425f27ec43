import { shape } from './shape.ts'

/** One page of a connection of GraphQL. */
export interface Page {
  readonly total: number
  /** Of what the page holds: `edges`, or `nodes`. */
  readonly items: readonly unknown[]
  /** Where what follows begins; undefined: nothing follows. */
  readonly after: string | undefined
  /** Where what stands before ends; undefined: nothing stands before. */
  readonly before: string | undefined
}

/** Arguments of a connection, as they are written in a query: from the front, or from the back. */
export type Cut =
  | { readonly first: number; readonly after?: string }
  | { readonly last: number; readonly before?: string }

/** @param what for people */
export const pageOf = (connection: unknown, items: 'edges' | 'nodes', what: string): Page => {
  const found = shape.object(connection, what)
  const info = shape.object(found['pageInfo'], what)
  const cursor = (there: string, at: string) => (info[there] === true ? shape.text(info[at], 'cursor') : undefined)
  return {
    total: shape.count(found['totalCount'], `count of ${what}`),
    items: shape.list(found[items], what),
    after: cursor('hasNextPage', 'endCursor'),
    before: cursor('hasPreviousPage', 'startCursor'),
  }
}

/**
 * Reads a connection from both ends until they meet: half as many requests follow each other as there are pages. What is told is counted against what
 * the service says there is, so that a list that moved meanwhile is noticed.
 * @param take given each page; says how many of its items nobody had seen before, and when it is done with them: the pages after it are asked for
 * meanwhile, and no others
 * @returns how many there are, by the service's last word; when fewer came, some are missing
 */
export const readConnection = async (options: {
  pageSize: number
  ask: (cut: Cut) => Promise<Page>
  take: (items: readonly unknown[]) => { fresh: number; done: Promise<unknown> }
}): Promise<{ told: number; total: number }> => {
  const { pageSize, ask } = options
  const take = (items: readonly unknown[]) => {
    const taken = options.take(items)
    // Waited for after the next page, which may fail before.
    taken.done.catch(() => undefined)
    return taken
  }
  const first = await ask({ first: pageSize })
  let { total, after } = first
  let before: string | undefined
  let fromEnd = false
  const taken = take(first.items)
  let told = taken.fresh
  let telling: readonly Promise<unknown>[] = [taken.done]
  while (told < total && after !== undefined) {
    const forward = ask({ first: pageSize, after })
    const backward =
      total - told > pageSize && (!fromEnd || before !== undefined)
        ? ask({ last: pageSize, ...(before !== undefined && { before }) })
        : undefined
    const [front, back] = await Promise.all([forward, backward, ...telling])
    const fromFront = take(front.items)
    const fromBack = back && take(back.items)
    telling = [fromFront.done, fromBack?.done ?? Promise.resolve()]
    total = back?.total ?? front.total
    after = front.after
    if (back) {
      before = back.before
      fromEnd = true
    }
    const fresh = fromFront.fresh + (fromBack?.fresh ?? 0)
    told += fresh
    // Both ends met, or the service repeats itself.
    if (fresh === 0) break
  }
  await Promise.all(telling)
  return { told, total }
}
