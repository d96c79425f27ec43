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
 * @param take given each page; says how many of its items nobody had seen before
 * @returns how many there are, by the service's last word; when fewer came, some are missing
 */
export const readConnection = async (options: {
  pageSize: number
  ask: (cut: Cut) => Promise<Page>
  take: (items: readonly unknown[]) => Promise<number>
}): Promise<{ told: number; total: number }> => {
  const { pageSize, ask, take } = options
  const first = await ask({ first: pageSize })
  let { total, after } = first
  let before: string | undefined
  let fromEnd = false
  let told = await take(first.items)
  while (told < total && after !== undefined) {
    const forward = ask({ first: pageSize, after })
    const backward =
      total - told > pageSize && (!fromEnd || before !== undefined)
        ? ask({ last: pageSize, ...(before !== undefined && { before }) })
        : undefined
    const [front, back] = await Promise.all([forward, backward])
    let fresh = await take(front.items)
    total = front.total
    after = front.after
    if (back) {
      fresh += await take(back.items)
      total = back.total
      before = back.before
      fromEnd = true
    }
    told += fresh
    // Both ends met, or the service repeats itself.
    if (fresh === 0) break
  }
  return { told, total }
}
