import { StoreUnusableError } from './errors.ts'
import type { Marks } from './store.ts'

/** Names of the texts in which marks are kept. */
export const MARKS = ['keys', 'records', 'lost', 'restored', 'runs'] as const satisfies readonly (keyof Marks)[]
type Mark = (typeof MARKS)[number]
export type MarkTexts = { readonly [mark in Mark]?: string | undefined }

/** @param texts JSON, one a mark @throws StoreUnusableError for a text that nobody of us wrote: what it kept is unknown */
export const marksOf = (texts: MarkTexts, place: string): Marks =>
  Object.fromEntries(
    MARKS.flatMap(mark => {
      const text = texts[mark]
      return text === undefined ? [] : [[mark, readMark(mark, text, place)]]
    }),
  )

/** Undefined for a mark that is not set. Equal marks give equal texts. */
export const markTexts = (marks: Marks): MarkTexts =>
  Object.fromEntries(MARKS.map(mark => [mark, marks[mark] && JSON.stringify(sorted(marks[mark]))]))

/** Whether both keep the same. */
export const sameMarks = (one: MarkTexts, other: MarkTexts): boolean => MARKS.every(mark => one[mark] === other[mark])

const readMark = (mark: Mark, text: string, place: string): unknown => {
  try {
    const value: unknown = JSON.parse(text)
    if (FORMS[mark](value)) return value
  } catch {
    // No JSON.
  }
  throw new StoreUnusableError(
    `what ${place} remembers under ${mark} cannot be read`,
    'undo the edit that broke it, or take that entry away: it is written anew at the next start',
  )
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0

const FORMS: Readonly<Record<Mark, (value: unknown) => boolean>> = {
  keys: value => isMap(value) && Object.values(value).every(one => typeof one === 'string'),
  records: value => isMap(value) && Object.values(value).every(isCount),
  runs: value =>
    Array.isArray(value) &&
    value.every(
      one =>
        isMap(one) &&
        typeof one['source'] === 'string' &&
        typeof one['revision'] === 'string' &&
        typeof one['by'] === 'string' &&
        typeof one['time'] === 'string' &&
        isMap(one['kinds']) &&
        ['number', 'created', 'updated', 'deleted', 'held', 'failed'].every(count => isCount(one[count])),
    ),
  restored: value =>
    isMap(value) &&
    typeof value['time'] === 'string' &&
    (value['backup'] === undefined || typeof value['backup'] === 'string'),
  lost: value =>
    Array.isArray(value) &&
    value.every(one => isMap(one) && typeof one['kind'] === 'string' && isCount(one['noted']) && isCount(one['found'])),
}

const sorted = (value: object): unknown =>
  Array.isArray(value) ? value : Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
