import type { Kind } from '../api/names.ts'

/**
 * What a store cannot have lost. An informer asks before it lets anybody see that things are gone; what is thrown ends it, with the view as it was.
 */
export interface Expectation {
  /** Of a complete list, before it is shown: how many of a kind it has. @throws */
  listed(count: (kind: Kind) => number): void
  /** Of a deletion that somebody else made, before it is shown: how many of its kind there are, this one counted. @throws */
  deleted(kind: Kind, count: number): void
}
