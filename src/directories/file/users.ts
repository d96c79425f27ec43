import type { FileDirectory } from '../../api/services/file.ts'
import type { FoundUser } from '../../ports/directory.ts'
import type { Entry } from './entry.ts'

/** Values with which an account is in use, where the directory names none. */
const ACTIVE = ['true', 'yes', '1', 'active']

/** A person as an entry has them. A problem is what keeps the entry from being anybody. */
export const userOf = (
  { values, problem }: Entry,
  { columns, activeValues }: FileDirectory,
): FoundUser | { problem: string } => {
  if (problem !== undefined) return { problem }
  const cell = (column: string | undefined): string | undefined => {
    const value = column === undefined ? undefined : values.get(column)
    const text = typeof value === 'string' ? value.trim() : undefined
    return text === '' ? undefined : text
  }
  const id = cell(columns.id)
  if (id === undefined) return { problem: `has no ${columns.id}` }
  const text = <K extends 'email' | 'login' | 'givenName' | 'familyName' | 'displayName' | 'locale'>(field: K) => {
    const found = cell(columns[field])
    return found === undefined ? {} : ({ [field]: found } as Record<K, string>)
  }
  return {
    id,
    ...text('email'),
    ...text('login'),
    ...text('givenName'),
    ...text('familyName'),
    ...text('displayName'),
    ...text('locale'),
    active: columns.active === undefined || isActive(cell(columns.active), activeValues),
  }
}

const isActive = (value: string | undefined, values: readonly string[] | undefined): boolean =>
  value !== undefined && (values ? values.includes(value) : ACTIVE.includes(value.toLowerCase()))
