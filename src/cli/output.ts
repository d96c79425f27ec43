import { escapeText } from '../api/escape.ts'

export const FORMATS = ['table', 'wide', 'json', 'yaml', 'name'] as const
export type Format = (typeof FORMATS)[number]

/** Lines with aligned columns, three spaces between them, no trailing space: kubectl's look. Texts are escaped; width counts characters as a terminal shows them. */
export const table = (
  heads: readonly string[],
  rows: readonly (readonly string[])[],
  options: { heads?: boolean } = {},
): string => {
  const all = [
    ...(options.heads === false ? [] : [heads.map(head => head.toUpperCase())]),
    ...rows.map(row => row.map(escapeText)),
  ]
  const widths = heads.map((_, column) => all.reduce((most, row) => Math.max(most, width(row[column] ?? '')), 0))
  return all
    .map(
      row =>
        `${row
          .map((cell, column) =>
            column === row.length - 1 ? cell : cell + ' '.repeat((widths[column] ?? 0) - width(cell)),
          )
          .join('   ')
          .trimEnd()}\n`,
    )
    .join('')
}

const segmenter = new Intl.Segmenter()
const WIDE =
  /\p{Extended_Pictographic}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u

/** Columns that a text takes in a terminal. */
export const width = (text: string): number => {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length
  let columns = 0
  for (const { segment } of segmenter.segment(text)) columns += WIDE.test(segment) ? 2 : 1
  return columns
}

/** How kubectl writes an age: `45s`, `12m`, `5h`, `3d`, `2y`. */
export const age = (from: string, now: number): string => {
  const seconds = Math.max(0, Math.floor((now - Date.parse(from)) / 1000))
  if (seconds < 120) return `${seconds}s`
  if (seconds < 2 * 3600) return `${Math.floor(seconds / 60)}m`
  if (seconds < 2 * 86_400) return `${Math.floor(seconds / 3600)}h`
  if (seconds < 2 * 365 * 86_400) return `${Math.floor(seconds / 86_400)}d`
  return `${Math.floor(seconds / (365 * 86_400))}y`
}

/** One line for people, whatever is in it. */
export const line = (text: string): string => `${escapeText(text)}\n`

/** One JSON value on one line, for what is printed as it comes. */
export const jsonLine = (value: unknown): string => visible(`${JSON.stringify(value)}\n`)

/** A JSON document for `-o json`, YAML for `-o yaml`. What must not reach a terminal as it is stands there as an escape that a parser reads back. */
export const document = async (value: unknown, format: 'json' | 'yaml'): Promise<string> => {
  if (format === 'json') return jsonText(value)
  // Reached by a file of ours: a bundle gives the names of a library in CommonJS to a static import only.
  const { quotedYamlText, yamlText } = await import('./yamltext.ts')
  const text = yamlText(value)
  // Only quoted texts take escapes, so all are quoted.
  return isSafe(text) ? text : visible(quotedYamlText(value))
}

/** One JSON document, indented, on lines of its own. */
export const jsonText = (value: unknown): string => visible(`${JSON.stringify(value, undefined, 2)}\n`)

/** Whether every line can be printed as it is. */
const isSafe = (text: string): boolean => text.split('\n').every(line => escapeText(line) === line)

/** Unsafe characters, which can only stand in quoted texts here, as `\\uXXXX`, by UTF-16 units. */
const visible = (text: string): string =>
  isSafe(text)
    ? text
    : text
        .split('\n')
        .map(line => {
          if (escapeText(line) === line) return line
          return [...line]
            .map(character => (escapeText(character) === character ? character : unitsOf(character)))
            .join('')
        })
        .join('\n')

const unitsOf = (character: string): string =>
  Array.from(
    { length: character.length },
    (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`,
  ).join('')
