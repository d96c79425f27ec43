import { StoreUnusableError } from './errors.ts'
import type { Marks } from './store.ts'

/** Names of the texts in which marks are kept. */
export const MARKS = ['keys'] as const satisfies readonly (keyof Marks)[]
export type MarkTexts = { readonly [mark in keyof Marks]?: string | undefined }

/** @param texts JSON, one a mark @throws StoreUnusableError for a text that nobody of us wrote: what it kept is unknown */
export const marksOf = (texts: MarkTexts, place: string): Marks => {
  const keys = read(texts.keys, isTextMap)
  if (keys === 'broken')
    throw new StoreUnusableError(
      `what ${place} remembers of its keys cannot be read`,
      'undo the edit that broke it, or take that entry away: it is written anew at the next start',
    )
  return { ...(keys && { keys }) }
}

/** Undefined for a mark that is not set. Equal marks give equal texts. */
export const markTexts = ({ keys }: Marks): MarkTexts => ({ keys: keys && JSON.stringify(sorted(keys)) })

/** Whether both keep the same. */
export const sameMarks = (one: MarkTexts, other: MarkTexts): boolean => MARKS.every(mark => one[mark] === other[mark])

const read = <T>(text: string | undefined, is: (value: unknown) => value is T): T | 'broken' | undefined => {
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return is(value) ? value : 'broken'
  } catch {
    return 'broken'
  }
}

const isTextMap = (value: unknown): value is Record<string, string> =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every(one => typeof one === 'string')

const sorted = (map: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)))
