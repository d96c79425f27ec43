import { FAILSAFE_SCHEMA, load, YAMLException } from 'js-yaml'
import type { Entry } from './entry.ts'
import { FileTrouble } from './trouble.ts'

/** Bytes that are read at once; a table is not bounded. */
export const MOST_BYTES = { JSON: 64 * 1024 * 1024, YAML: 16 * 1024 * 1024 } as const
const DEPTH = 20

/** The entries of a list of objects in JSON or YAML. @throws FileTrouble for a text that is none */
export function* entriesOf(
  text: string,
  { path, format }: { path: string; format: 'JSON' | 'YAML' },
): Generator<Entry> {
  let all: unknown
  try {
    // In YAML every scalar is taken as it is written: a number of an employee is a text, whatever it looks like.
    all = format === 'JSON' ? JSON.parse(text) : load(text, { schema: FAILSAFE_SCHEMA, maxDepth: DEPTH })
  } catch (error) {
    throw new FileTrouble('InvalidSpec', `${path} is no ${format}${placeOf(error)}`)
  }
  if (!Array.isArray(all)) throw new FileTrouble('InvalidSpec', `${path} is no list of objects`)
  for (const [at, one] of all.entries()) yield entryOf(one, `entry ${at + 1}`)
}

/** Where, and never what stands there: an export is about people. */
const placeOf = (error: unknown): string => {
  if (error instanceof YAMLException) return `: ${error.reason}${error.mark ? `, line ${error.mark.line + 1}` : ''}`
  const position = error instanceof Error ? /position (\d+)/.exec(error.message)?.[1] : undefined
  return position === undefined ? '' : `, at character ${position}`
}

const entryOf = (one: unknown, place: string): Entry => {
  const values = new Map<string, string | readonly string[]>()
  if (typeof one !== 'object' || one === null || Array.isArray(one)) return { place, values, problem: 'is no object' }
  for (const [key, value] of Object.entries(one)) {
    const text = Array.isArray(value) ? value.flatMap(item => textOf(item) ?? []) : textOf(value)
    if (text !== undefined) values.set(key, text)
  }
  return { place, values }
}

/** A number that JavaScript cannot hold exactly is none: two of them could read alike. */
const textOf = (value: unknown): string | undefined => {
  if (typeof value === 'string') return value === '~' || value === 'null' ? undefined : value
  if (typeof value === 'boolean') return String(value)
  return typeof value === 'number' && (Number.isSafeInteger(value) || !Number.isInteger(value))
    ? String(value)
    : undefined
}
