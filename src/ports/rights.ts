import type { Right } from '../api/right.ts'

/** The rights that were refused and have not come back. */
export interface MissingRights {
  readonly missing: readonly Right[]
  /** Told when one is refused for the first time, and when one is back. @returns stops it */
  onChange(listener: () => void): () => void
  /** Asks the cluster which of them are back. */
  ask(): Promise<void>
}
