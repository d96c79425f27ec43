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

/** A JSON document for `-o json`, YAML for `-o yaml`. */
export const document = async (value: unknown, format: 'json' | 'yaml'): Promise<string> => {
  if (format === 'json') return `${JSON.stringify(value, undefined, 2)}\n`
  const { stringify } = await import('yaml')
  return stringify(value, { lineWidth: 120 })
}
