/** What the age of an object is judged by. */
export interface Aged {
  metadata: { name: string; creationTimestamp: string }
}

/** The older first; of two of one moment the one with the smaller name. */
export const byAge = (a: Aged, b: Aged): number =>
  compare(a.metadata.creationTimestamp, b.metadata.creationTimestamp) || compare(a.metadata.name, b.metadata.name)

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
