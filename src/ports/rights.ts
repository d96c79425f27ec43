/** A right that the cluster refused us, as RBAC names it. */
export interface Right {
  verb: string
  /** With its subresource: `users/status`. */
  resource: string
  /** API group; empty: the core's. */
  group: string
  namespace: string
  /** Of the one object that it is about, where the request named one. */
  name?: string
}

/** The rights that were refused and have not come back. */
export interface MissingRights {
  readonly missing: readonly Right[]
  /** Told when one is refused for the first time, and when one is back. @returns stops it */
  onChange(listener: () => void): () => void
  /** Asks the cluster which of them are back. */
  ask(): Promise<void>
}
