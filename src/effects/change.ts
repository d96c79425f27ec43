/** One thing that happens: the word list that `plan` and the audit trail share. */
export interface Change {
  action:
    | 'create'
    | 'update'
    | 'delete'
    | 'send'
    | 'grant'
    | 'take'
    | 'give'
    | 'free'
    | 'hold'
    | 'release'
    | 'join'
    | 'end'
    | 'queue'
  /** `resource`: a manifest's object. `mail`, `access`, `seat`, `membership`: what follows from it. */
  target: 'resource' | 'mail' | 'access' | 'seat' | 'membership' | 'account'
  kind: string
  name: string
  /** The address of somebody whose name Roster made: how people know them. */
  called?: string
  organization?: string
  /** `users/alice.yaml:1`, or `User/alice`. */
  because: string
  /** Only what differs; for mail `template` and `to`; for access `roles`, `permissions`. Plain JSON, no version, no time. */
  fields: Record<string, unknown>
}
