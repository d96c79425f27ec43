import { SCHEMAS } from '../api/generated/schemas.ts'
import type { AnyResource } from '../api/kinds.ts'
import type { Kind } from '../api/names.ts'

/** Heads of the table of a kind; NAME first and AGE last are the caller's. */
export const columnsOf = (kind: Kind, wide: boolean): { name: string; cell: (object: AnyResource) => string }[] =>
  SCHEMAS[kind].columns
    .filter(({ priority = 0 }) => wide || priority === 0)
    .map(({ name, jsonPath, type }) => {
      const path = parsePath(jsonPath)
      return {
        name,
        cell: object => {
          const value = path.reduce<unknown>(step, object)
          if (value === undefined || value === null) return type === 'integer' ? '' : '-'
          return Array.isArray(value) ? value.join(',') : String(value)
        },
      }
    })

type Step = string | { key: string; value: string }

/** The part of JSONPath that printer columns use: `.a.b` and `[?(@.type=="Ready")]`. */
const parsePath = (path: string): Step[] =>
  [...path.matchAll(/\.([A-Za-z][\w]*)|\[\?\(@\.(\w+)=="([^"]*)"\)\]/g)].map(
    ([, field, key, value]): Step => field ?? { key: key ?? '', value: value ?? '' },
  )

const step = (at: unknown, next: Step): unknown => {
  if (typeof next === 'string')
    return typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[next] : undefined
  return Array.isArray(at) ? at.find(item => item?.[next.key] === next.value) : undefined
}
