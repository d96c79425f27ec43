import { type Lack, ServiceTrouble } from '../trouble.ts'
import { Count, idOf, type Listed } from './count.ts'
import { attributeOf, countOf, textOf, valuesOf } from './resource.ts'
import type { Query, Service } from './service.ts'
import { type Asked, strange } from './trouble.ts'

/** Pages one after the other without anybody in them: a service that pages by cursor may send some. */
const MOST_EMPTY = 100
const LIST = 'urn:ietf:params:scim:api:messages:2.0:ListResponse'

/** How one list is asked for. */
export interface Listing {
  readonly path: '/Users' | '/Groups'
  /** For people. */
  readonly what: 'people' | 'groups'
  readonly pageSize: number
  /** What the service tells at once, at most. */
  readonly mostAtOnce: number
  /** `none`: the service refuses to be asked for a page. */
  readonly paging: 'index' | 'cursor' | 'none'
  readonly query?: Query
  readonly filter?: Asked['filter']
}

/** One page (RFC 7644 section 3.4.2, RFC 9865 section 2). */
interface Page {
  readonly resources: readonly unknown[]
  readonly total: number | undefined
  /** The cursor of the next page; undefined: there is none, or the service does not page by cursor. */
  readonly next: string | undefined
}

/**
 * Tells a whole list page by page, nobody twice.
 * @returns why some may be missing; undefined: it is whole
 * @throws ServiceTrouble where it had to stop
 */
export const listAll = async (
  service: Service,
  listing: Listing,
  take: (page: readonly Listed[]) => Promise<void>,
): Promise<Lack | undefined> => {
  const count = new Count(service.host, listing.what)
  const { paging } = listing
  if (paging === 'cursor') await byCursor(service, listing, { count, take, cursor: '' })
  else if (paging === 'none') {
    const { resources, total, next } = await pageAt(service, listing, {})
    await take(count.add(resources, total))
    if (next !== undefined) await byCursor(service, listing, { count, take, cursor: next })
  } else await byIndex(service, listing, { count, take })
  return count.lack()
}

type Taking = { readonly count: Count; readonly take: (page: readonly Listed[]) => Promise<void> }

/**
 * Each page begins with the last one of the page before: where that one is not in it, somebody before went away, and others moved up unseen. A service
 * that has it elsewhere in the page begins only at full ones, and is asked for what follows.
 */
const byIndex = async (service: Service, listing: Listing, { count, take }: Taking): Promise<void> => {
  const { pageSize, mostAtOnce } = listing
  let canOverlap = pageSize > 1
  for (let last: string | undefined; ; ) {
    const behind = count.came > 0 && count.isReached
    const overlaps = canOverlap && !behind && last !== undefined
    const place = overlaps
      ? { startIndex: count.came, count: Math.min(pageSize + 1, mostAtOnce) }
      : { startIndex: count.came + 1, count: pageSize }
    const page = behind ? await pageBehind(service, listing, place, count) : await pageAt(service, listing, place)
    if (!page) return
    const { resources, total, next } = page
    const again = overlaps ? resources.findIndex(resource => idOf(resource) === last) : -1
    if (overlaps && again === -1 && resources.length > 0) count.hasMoved = true
    const fresh = count.add(resources.slice(again + 1), total)
    if (fresh.length > 0) await take(fresh)
    // A service that has no other paging may say so only here (RFC 9865 section 2.4).
    if (next !== undefined) return await byCursor(service, listing, { count, take, cursor: next })
    const asIs = !overlaps || (again <= 0 && resources.length !== 1)
    if (!asIs) canOverlap = false
    // Nobody, or only those who came before: it begins at the same place each time, whatever it is asked for.
    if (fresh.length === 0 && asIs) return
    // A full page that ends exactly where the service says that all ends is not believed: some count only what they send.
    if (count.isReached && resources.length !== place.count) return
    last = idOf(resources.at(-1))
  }
}

const byCursor = async (
  service: Service,
  listing: Listing,
  { count, take, cursor: first }: Taking & { readonly cursor: string },
): Promise<void> => {
  const { host } = service
  const { path, what, pageSize } = listing
  const asked = new Set<string>()
  let empty = 0
  for (let cursor: string | undefined = first; cursor !== undefined; ) {
    asked.add(cursor)
    const page: Page = await pageAt(service, listing, { cursor, count: pageSize })
    const fresh = count.add(page.resources, page.total)
    if (fresh.length > 0) await take(fresh)
    empty = page.resources.length === 0 ? empty + 1 : 0
    if (empty > MOST_EMPTY) throw strange(host, path, `${MOST_EMPTY} empty pages, one after the other`)
    const again = page.next !== undefined && (asked.has(page.next) || (fresh.length === 0 && empty === 0))
    if (again)
      throw new ServiceTrouble(
        'NotAllowed',
        `${host} goes round in circles: its list of ${what} comes back to a page that it sent before; look into the service`,
      )
    cursor = page.next
  }
}

/** @throws ServiceTrouble */
const pageAt = async (service: Service, { path, query, filter }: Listing, place: Query): Promise<Page> => {
  const body = await service.get(path, { ...query, ...place }, filter)
  const total = countOf(body, 'totalResults')
  const told = attributeOf(body, 'Resources')
  const isList = total !== undefined || valuesOf(body, 'schemas').includes(LIST)
  // They are left out where there are none (RFC 7644 section 3.4.2).
  if (!Array.isArray(told) && (told !== undefined || !isList))
    throw strange(service.host, path, 'something that is no list')
  return { resources: valuesOf(body, 'Resources'), total, next: textOf(body, 'nextCursor') }
}

/** A page where nobody is expected any more: undefined where nobody new is, or where the service does not look. */
const pageBehind = async (
  service: Service,
  { path, query }: Listing,
  place: Query,
  count: Count,
): Promise<Page | undefined> => {
  const body = await service.find(path, { ...query, ...place })
  const resources = body ? valuesOf(body, 'Resources') : []
  if (!body || !count.hasNew(resources)) return undefined
  return { resources, total: countOf(body, 'totalResults'), next: textOf(body, 'nextCursor') }
}
