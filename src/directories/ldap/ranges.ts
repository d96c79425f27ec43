import type { Entry } from './message.ts'

/** Some values of an attribute that has too many for one answer ([MS-ADTS] section 3.1.1.3.1.3.3). */
export interface Range {
  readonly values: readonly Buffer[]
  /** Where the next ones begin; undefined: these are the last. */
  readonly next: number | undefined
}

/**
 * The values of an attribute, or the part of them that came.
 * @returns undefined where the answer has a range that does not begin at `from`: what it leaves out is unknown
 */
export const rangeOf = (entry: Entry, attribute: string, from: number): Range | undefined => {
  const name = attribute.toLowerCase()
  for (const [description, values] of entry.attributes) {
    const match = /^(.*);range=(\d+)-(\d+|\*)$/.exec(description)
    if (match?.[1] !== name) continue
    if (Number(match[2]) !== from) return undefined
    if (match[3] === '*') return { values, next: undefined }
    const next = Number(match[3]) + 1
    return next > from ? { values, next } : undefined
  }
  return from === 0 ? { values: entry.attributes.get(name) ?? [], next: undefined } : undefined
}

/** How the values from there on are asked for. */
export const rangeDescription = (attribute: string, from: number): string => `${attribute};range=${from}-*`
