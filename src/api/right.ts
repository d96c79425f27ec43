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
