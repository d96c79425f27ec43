import type { AuditEntry, AuditLog } from '../../src/ports/audit.ts'

export interface FakeAudit extends AuditLog {
  readonly lines: AuditEntry[]
  /** Set: appending fails with it. */
  failure: Error | undefined
}

/** An audit trail in memory. */
export const fakeAudit = (): FakeAudit => {
  const lines: AuditEntry[] = []
  return {
    lines,
    failure: undefined,
    async append(entry) {
      if (this.failure) throw this.failure
      lines.push(entry)
    },
    async [Symbol.asyncDispose]() {},
  }
}
