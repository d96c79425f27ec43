import { ServiceTrouble } from '../trouble.ts'

const malformed = (what: string): ServiceTrouble =>
  new ServiceTrouble(
    'NotAllowed',
    `the answer holds no ${what} where GitHub documents one; look at url, and what stands between`,
  )

/** Looks into an answer whose shape nobody checked. Each throws ServiceTrouble where something else is there. */
export const shape = {
  object: (value: unknown, what: string): Record<string, unknown> => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed(what)
    return value as Record<string, unknown>
  },
  list: (value: unknown, what: string): unknown[] => {
    if (!Array.isArray(value)) throw malformed(what)
    return value
  },
  text: (value: unknown, what: string): string => {
    if (typeof value !== 'string') throw malformed(what)
    return value
  },
  /** A number that names something for good, as text. */
  id: (value: unknown, what: string): string => {
    if (!Number.isSafeInteger(value)) throw malformed(what)
    return String(value)
  },
  count: (value: unknown, what: string): number => {
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw malformed(what)
    return value
  },
}

/** A text that is there and says something. */
export const said = (value: unknown): string | undefined =>
  typeof value === 'string' && value.trim() !== '' ? value : undefined
