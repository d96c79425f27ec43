import { type PeopleTable, TABLE_COLUMNS } from '../manifests/columns.ts'

/**
 * The CSV tables of a configuration file: `tables: [{file: hr.csv, columns: {email: Mail}}]`.
 * @returns what is wrong, in words that begin with the place, where it is something else
 */
export const readTables = (value: unknown): readonly PeopleTable[] | { problem: string } => {
  if (!Array.isArray(value))
    return { problem: 'tables must be a list of {file, columns}, such as {file: hr.csv, columns: {email: Mail}}' }
  for (const [index, table] of value.entries()) {
    const problem = problemOf(table)
    if (problem !== undefined) return { problem: `tables[${index}]${problem}` }
  }
  return value
}

const FIELDS = ['file', 'columns', 'defaults', 'delimiter']

const problemOf = (table: unknown): string | undefined => {
  if (!isMapping(table) || typeof table.file !== 'string' || !isMapping(table.columns))
    return ' is no {file, columns}, such as {file: hr.csv, columns: {email: Mail}}'
  const unknown = Object.keys(table).find(field => !FIELDS.includes(field))
  if (unknown !== undefined) return ` has no ${JSON.stringify(unknown)}; there are ${FIELDS.join(', ')}`
  const { delimiter } = table
  if (delimiter !== undefined && (typeof delimiter !== 'string' || delimiter.length !== 1))
    return '.delimiter must be one character'
  return columnsProblem('columns', table.columns) ?? columnsProblem('defaults', table.defaults ?? {})
}

const columnsProblem = (field: string, columns: unknown): string | undefined => {
  if (!isMapping(columns)) return `.${field} must be a mapping`
  for (const [column, text] of Object.entries(columns)) {
    if (!(TABLE_COLUMNS as readonly string[]).includes(column) && !/^label:./.test(column))
      return `.${field} has no ${JSON.stringify(column)}; there are ${TABLE_COLUMNS.join(', ')} and label:KEY`
    if (typeof text !== 'string') return `.${field}.${column} must be a text`
  }
  return undefined
}

const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
