import type { Session } from './session.ts'
import { strange, type What } from './trouble.ts'

/** A thing as the admin API has it, of which only the id is looked at yet. */
export interface Item {
  readonly id: string
  readonly [field: string]: unknown
}

/** @throws ServiceTrouble where it is something else than a list of things with ids */
export const itemsOf = (session: Session, what: What, body: unknown): Item[] => {
  if (!Array.isArray(body)) throw strange(session.asked, what)
  return body.map(item => {
    if (typeof item !== 'object' || item === null || typeof item.id !== 'string' || item.id === '')
      throw strange(session.asked, what)
    return item
  })
}

/** @throws ServiceTrouble where it is no count: a number, or one in an object as groups are counted */
export const countOf = (session: Session, what: What, body: unknown): number => {
  const count = typeof body === 'object' && body !== null && 'count' in body ? body.count : body
  if (typeof count !== 'number' || !Number.isSafeInteger(count) || count < 0) throw strange(session.asked, what)
  return count
}

/** A text that says something. */
export const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value.trim() !== '' ? value : undefined
