import { type Filter, FilterParser, PagedResultsControl, SearchRequest } from 'ldapts'
import { ServiceTrouble } from '../trouble.ts'
import type { Connection } from './connection.ts'
import { DEADLINE } from './connection.ts'
import type { Entry } from './message.ts'
import { type Asked, resultTrouble } from './trouble.ts'

/** Pages without an entry, one after the other, after which a server is not believed any more. */
const MOST_EMPTY_PAGES = 1000

export interface Search {
  readonly connection: Connection
  readonly base: string
  readonly filter: Filter
  readonly attributes: readonly string[]
  /** For people: the server and who asks. */
  readonly asked: Pick<Asked, 'server' | 'reader'>
}

/**
 * A filter as the spec has it.
 * @throws ServiceTrouble InvalidSpec
 */
export const filterOf = (text: string): Filter => {
  try {
    // ldapts takes escaped bytes for letters of Latin 1: what is UTF-8 is unescaped before it looks.
    const readable = text.replace(/(?:\\[89a-fA-F][0-9a-fA-F])+/g, escaped =>
      new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(escaped.replaceAll('\\', ''), 'hex')),
    )
    return FilterParser.parseString(readable)
  } catch {
    throw new ServiceTrouble(
      'InvalidSpec',
      `the filter ${text} cannot be read; write it as RFC 4515 says, values in UTF-8`,
    )
  }
}

const ANYTHING = '(objectClass=*)'

const requestOf = (search: Search, scope: 'sub' | 'base', controls: PagedResultsControl[]): SearchRequest =>
  new SearchRequest({
    messageId: 0,
    baseDN: search.base,
    scope,
    derefAliases: 'never',
    sizeLimit: 0,
    timeLimit: DEADLINE / 1000,
    filter: search.filter,
    attributes: [...search.attributes],
    controls,
  })

/**
 * Everything beneath the base, page by page (RFC 2696). Ends without an exception only where the server said that nothing is left.
 * @param search.onReference told where the server says that more is on another one; nobody goes there
 * @throws ServiceTrouble after the entries that came before it
 */
export async function* searchPages(
  search: Search & { pageSize: number; onReference: (uris: readonly string[]) => void },
): AsyncGenerator<Entry[], void> {
  const { connection, pageSize, onReference, asked, base } = search
  let cookie: Buffer | undefined
  for (let empty = 0; empty < MOST_EMPTY_PAGES; ) {
    const paging = new PagedResultsControl({ value: { size: pageSize, ...(cookie ? { cookie } : {}) } })
    const entries = connection.search(requestOf(search, 'sub', [paging]), { batch: pageSize, onReference })
    empty++
    let step = await entries.next()
    for (; !step.done; step = await entries.next()) {
      empty = 0
      yield step.value
    }
    const result = step.value
    if (result.code !== 0) throw resultTrouble(result, { ...asked, what: 'search', base })
    if (cookie && !result.cookie)
      throw new ServiceTrouble(
        'Unreachable',
        `${asked.server} stopped to answer in pages beneath ${base}; it is tried again`,
      )
    if (!result.cookie?.length) return
    cookie = result.cookie
  }
  throw new ServiceTrouble('Unreachable', `${asked.server} sends one empty page after the other beneath ${base}`)
}

/**
 * One entry by its name.
 * @returns undefined where it is not, or not shown
 * @throws ServiceTrouble
 */
export const searchEntry = async (search: Omit<Search, 'filter'>): Promise<Entry | undefined> => {
  const request = requestOf({ ...search, filter: filterOf(ANYTHING) }, 'base', [])
  const answers = search.connection.search(request, { batch: 1, onReference: () => undefined })
  let found: Entry | undefined
  let step = await answers.next()
  for (; !step.done; step = await answers.next()) found ??= step.value[0]
  if (step.value.code === 32) return undefined
  if (step.value.code !== 0) throw resultTrouble(step.value, { ...search.asked, what: 'search', base: search.base })
  return found
}
