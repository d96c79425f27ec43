/** Columns of a table of people; `label:KEY` beside them. */
export const TABLE_COLUMNS = [
  'name',
  'email',
  'givenName',
  'familyName',
  'locale',
  'organization',
  'roles',
  'join',
  'from',
  'until',
] as const
export type TableColumn = (typeof TABLE_COLUMNS)[number] | `label:${string}`

/** How the controller's configuration describes a CSV file whose headers are not ours. */
export interface PeopleTable {
  /** The file, as findings name it, or its last part: `people/hr.csv`, `hr.csv`. */
  file: string
  /** Our column → the header of the file. Headers that nothing names are left out. */
  columns: Partial<Record<TableColumn, string>>
  /** Values for columns that the file does not have. */
  defaults?: Partial<Record<TableColumn, string>>
  /** `,` when absent. */
  delimiter?: string
}
