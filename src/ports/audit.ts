/** One line of the audit trail. */
export interface AuditEntry {
  /** `intent` before an act that cannot be taken back, `result` after it; `change` for a write that is its own proof. */
  phase: 'intent' | 'result' | 'change'
  /** `source/people`, `user/alice`, `local/root`, `controller`. */
  actor: string
  /** `mail.send`, `membership.join`, `seat.give`, `access.take`, … */
  action: string
  /** `User/alice`, `Membership/m-…`. */
  target: string
  organization?: string
  /** Deterministic key of the act, the same in intent and result. */
  key?: string
  before?: unknown
  after?: unknown
  because?: string
}

/** Append-only. If a line cannot be appended, the act does not happen. */
export interface AuditLog extends AsyncDisposable {
  /** Resolves when the line is written; an intent also reached the disk. @throws when it cannot be */
  append(entry: AuditEntry): Promise<void>
}
