import type { Readable } from 'node:stream'
import { type CsvError, type Info, parse } from 'csv-parse'
import { parse as parseNow } from 'csv-parse/sync'
import type { Entry } from './entry.ts'
import { FileTrouble } from './trouble.ts'

const MAX_ROW = 1_000_000
/** What spreadsheets write between cells. */
const DELIMITERS = [',', ';', '\t'] as const

/**
 * The rows of a table (RFC 4180), one after the other. A row that is broken has a problem and no values; after a quote that is never closed nothing more is told.
 * @param of.head the beginning of the text, by which the delimiter is found: the one with which all headings are there
 * @throws FileTrouble for a heading that is missing
 */
export async function* rowsOf(
  text: Readable,
  of: { path: string; head: string; headings: readonly string[] },
): AsyncGenerator<Entry> {
  const delimiter = delimiterOf(of)
  const broken: Entry[] = []
  const parser = text.pipe(
    parse({
      bom: true,
      info: true,
      delimiter,
      relax_column_count: true,
      skip_empty_lines: true,
      skip_records_with_error: true,
      max_record_size: MAX_ROW,
      on_skip: (error: CsvError | undefined) => {
        broken.push({
          place: `line ${error?.['lines'] ?? '?'}`,
          values: new Map(),
          problem: error?.message.split('\n')[0] ?? 'is no CSV',
        })
        return undefined
      },
    }),
  )
  text.on('error', error => parser.destroy(error))
  let columns: string[] | undefined
  for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: Info }>) {
    if (!columns) {
      columns = record.map(cell => cell.trim())
      continue
    }
    yield* broken.splice(0)
    const place = `line ${info.lines}`
    yield record.length === columns.length
      ? { place, values: new Map(columns.map((column, at) => [column, record[at] ?? ''])) }
      : {
          place,
          values: new Map(),
          problem: `has ${record.length} cells, where the heading has ${columns.length}`,
        }
  }
  yield* broken
}

const delimiterOf = ({ path, head, headings }: { path: string; head: string; headings: readonly string[] }): string => {
  let nearest: string[] = []
  for (const delimiter of DELIMITERS) {
    const cells = headOf(head, delimiter)
    if (headings.every(heading => cells.includes(heading))) return delimiter
    if (cells.length > nearest.length) nearest = cells
  }
  if (nearest.length === 0)
    throw new FileTrouble('EmptySource', `${path} is empty: its first line has to name the columns`)
  const missing = headings.filter(heading => !nearest.includes(heading))
  throw new FileTrouble(
    'InvalidSpec',
    `${path} has no column ${missing.map(heading => JSON.stringify(heading)).join(', ')}; it has ${nearest
      .slice(0, 20)
      .map(cell => JSON.stringify([...cell].slice(0, 40).join('')))
      .join(', ')}`,
  )
}

const headOf = (head: string, delimiter: string): string[] => {
  try {
    const [first = []] = parseNow(head, {
      bom: true,
      delimiter,
      relax_column_count: true,
      skip_empty_lines: true,
      to: 1,
    })
    return (first as string[]).map(cell => cell.trim())
  } catch {
    return []
  }
}
