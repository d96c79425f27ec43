import { type Info, parse } from 'csv-parse/sync'
import { API_VERSION } from '../api/names.ts'
import { normalizeAddress } from '../decide/address.ts'
import { type PeopleTable, TABLE_COLUMNS, type TableColumn } from './columns.ts'
import type { RuleId } from './finding.ts'
import type { Origin, Place } from './origin.ts'
import { escapePointer } from './pointer.ts'
import { nearest } from './suggest.ts'
import { lineText, type SourceText } from './text.ts'

/** One row as a manifest of a User; `value` is undefined where the whole file or row cannot be one. */
export interface TableRow {
  origin: Origin
  value: unknown
  problems: { rule: RuleId; message: string; pointer: string }[]
}

const MAX_ROW = 100_000

export const looksLikeTable = (file: string): boolean => /\.csv$/i.test(file)

/**
 * Reads a table of people (RFC 4180): one row, one User with at most one membership. Each cell keeps its place.
 * A broken quote hides the rows after it, and is an error. A file whose header is not ours and that no configuration describes is one finding: people in it must not silently be nobody.
 */
export function readTable(source: SourceText, tables: readonly PeopleTable[]): TableRow[] {
  const table = tables.find(({ file }) => source.file === file || source.file.endsWith(`/${file}`))
  const broken = (rule: RuleId, message: string, line: number): TableRow => ({
    origin: { source, file: source.file, line, at: () => ({ line, column: 1 }) },
    value: undefined,
    problems: [{ rule, message, pointer: '' }],
  })
  const failures: TableRow[] = []
  // The parser counts the two characters of such a break as two lines where they stand in a cell.
  const records = parse(source.text.replaceAll('\r\n', '\n'), {
    bom: true,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: MAX_ROW,
    delimiter: table?.delimiter ?? ',',
    on_skip: error => {
      const line = Number(error?.lines ?? 1)
      // A quote that is broken is not closed either.
      if (!failures.some(({ origin }) => origin.line === line))
        failures.push(broken('table-row', error?.message.split('\n')[0] ?? 'is no CSV', line))
      return undefined
    },
  }) as unknown as Row[]
  const [head, ...rows] = records
  if (!head)
    return failures.length > 0
      ? failures
      : [broken('table-header', 'the table is empty: its first line has to name the columns', 1)]
  const columns = columnsOf(head.record, table)
  if ('problem' in columns) return [broken('table-header', columns.problem, 1)]
  let previous = head.info.lines
  const read = rows.map(row => {
    // A quoted cell may span lines: the row begins after the one before.
    const line = firstLine(source, previous, row.info.lines)
    previous = row.info.lines
    return tableRow(source, columns.columns, table?.defaults ?? {}, head.record.length, row.record, line)
  })
  return [...read, ...failures]
}

interface Row {
  record: string[]
  info: Info
}

/** Empty lines between rows are skipped. */
function firstLine(source: SourceText, previous: number, last: number): number {
  let line = previous + 1
  while (line < last && lineText(source, line)?.trim() === '') line++
  return line
}

type Columns = { at: number; column: TableColumn }[]

function columnsOf(header: string[], table: PeopleTable | undefined): { columns: Columns } | { problem: string } {
  if (table) {
    const columns: Columns = []
    for (const [column, title] of Object.entries(table.columns)) {
      const at = header.indexOf(title ?? '')
      if (at < 0)
        return { problem: `the configured column ${JSON.stringify(title)} is not in the header: ${shown(header)}` }
      columns.push({ at, column: column as TableColumn })
    }
    return columns.some(({ column }) => column === 'email')
      ? { columns }
      : { problem: 'the configuration of this table names no column for email' }
  }
  const columns = header.map((title, at) => ({ at, column: title.trim() as TableColumn }))
  const foreign = columns.filter(
    ({ column }) => !(TABLE_COLUMNS as readonly string[]).includes(column) && !/^label:./.test(column),
  )
  const ours = `columns may be ${TABLE_COLUMNS.join(', ')} and label:KEY`
  const remedy =
    'rename the columns, describe the file under "tables" in the configuration of the controller, or move it out of the folder'
  if (header.length === 1 && header[0]?.includes(';'))
    return {
      problem: `no column is called email: the cells are set apart by ";" here; save the file with ",", describe it under "tables" in the configuration of the controller (delimiter: ";"), or move it out of the folder`,
    }
  if (!columns.some(({ column }) => column === 'email'))
    return { problem: `no column is called email, so this is no table of people; ${remedy}` }
  if (foreign.length > 0) {
    const [first] = foreign
    const near = first && nearest(first.column, TABLE_COLUMNS)
    return {
      problem: `${foreign.map(({ column }) => JSON.stringify(column)).join(', ')} is no column of a table of people${near ? `; did you mean "${near}"?` : ''}; ${ours}; ${remedy}`,
    }
  }
  const repeated = columns.find(({ column }, at) => columns.findIndex(other => other.column === column) !== at)
  return repeated ? { problem: `the column ${JSON.stringify(repeated.column)} stands twice` } : { columns }
}

function tableRow(
  source: SourceText,
  columns: Columns,
  defaults: NonNullable<PeopleTable['defaults']>,
  width: number,
  record: string[],
  line: number,
): TableRow {
  const cells = new Map<string, string>(
    Object.entries(defaults).filter(([, value]) => value !== undefined) as [string, string][],
  )
  for (const { at, column } of columns) {
    const value = record[at]?.trim()
    if (value) cells.set(column, value)
  }
  const pointers = new Map<string, string>()
  const take = (column: TableColumn, pointer: string): string | undefined => {
    pointers.set(pointer, column)
    return cells.get(column)
  }
  const email = take('email', '/spec/email')
  const organization = take('organization', '/spec/memberships/0/organization')
  const membership = {
    ...optional('organization', organization),
    ...optional(
      'roles',
      take('roles', '/spec/memberships/0/roles')
        ?.split(/[\s,;]+/)
        .filter(role => role !== ''),
    ),
    ...optional('join', take('join', '/spec/memberships/0/join')),
    ...optional('from', take('from', '/spec/memberships/0/from')),
    ...optional('until', take('until', '/spec/memberships/0/until')),
  }
  const labels = Object.fromEntries(
    [...cells].flatMap(([column, value]) =>
      column.startsWith('label:') ? [[column.slice('label:'.length), value]] : [],
    ),
  )
  for (const key of Object.keys(labels)) pointers.set(`/metadata/labels/${escapePointer(key)}`, `label:${key}`)
  const value = {
    apiVersion: API_VERSION,
    kind: 'User',
    metadata: {
      ...optional('name', take('name', '/metadata/name') ?? (email && nameFrom(email))),
      ...(Object.keys(labels).length ? { labels } : {}),
    },
    spec: {
      ...optional('email', email),
      ...optional('givenName', take('givenName', '/spec/givenName')),
      ...optional('familyName', take('familyName', '/spec/familyName')),
      ...optional('locale', take('locale', '/spec/locale')),
      ...(Object.keys(membership).length > 0 ? { memberships: [membership] } : {}),
    },
  }
  const at = (pointer: string): Place => {
    for (let path = pointer; path !== ''; path = path.slice(0, path.lastIndexOf('/'))) {
      const column = pointers.get(path)
      const cell = column === undefined ? undefined : cells.get(column)
      const start = cell === undefined ? -1 : (lineText(source, line) ?? '').indexOf(cell)
      if (cell !== undefined && start >= 0) return { line, column: start + 1, raw: cell }
    }
    return { line, column: 1 }
  }
  const problems: TableRow['problems'] = []
  if (record.length > width)
    problems.push({
      rule: 'table-row',
      message: `the row has ${record.length} cells, and the header ${width}; put cells with commas in quotes`,
      pointer: '',
    })
  if (!email) problems.push({ rule: 'table-row', message: 'the row has no email', pointer: '' })
  return { origin: { source, file: source.file, line, at }, value: problems.length > 0 ? undefined : value, problems }
}

const optional = <K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> =>
  value === undefined || value === '' ? {} : ({ [key]: value } as Record<K, V>)

/** `Alice.Smith+x@acme.example` → `alice.smith-x`: the part before the @ in the letters that a name may have. */
const nameFrom = (email: string): string =>
  normalizeAddress(email)
    .split('@')[0]
    ?.normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9.]+/g, '-')
    .replaceAll(/\.{2,}/g, '.')
    .replaceAll(/(^|\.)[-.]+|[-.]+(?=\.|$)/g, '$1')
    .slice(0, 200) || 'person'

const shown = (header: string[]): string =>
  header
    .map(title => JSON.stringify(title))
    .join(', ')
    .slice(0, 200)
