/** One row or entry of an export: heading → text, or texts. What is neither is not there. */
export interface Entry {
  /** As a person finds it: `line 12`, `entry 7`. */
  readonly place: string
  readonly values: ReadonlyMap<string, string | readonly string[]>
  /** Why it cannot be taken. */
  readonly problem?: string
}
