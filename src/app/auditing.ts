import type { AuditLog } from '../ports/audit.ts'
import type { Clock } from '../ports/clock.ts'
import { fileAuditLog } from '../telemetry/audit.ts'
import { streamAuditLog } from '../telemetry/auditstream.ts'
import { dataPaths } from './paths.ts'
import type { RealmOptions } from './realm.ts'

/** The audit trail where the settings want it. What cannot be written to one of its places does not happen. */
export const auditOf = (
  { settings, onAudit, auditStream = process.stderr }: Pick<RealmOptions, 'settings' | 'onAudit' | 'auditStream'>,
  clock: Clock,
): AuditLog => {
  const logs = [
    ...(settings.audit === 'stdout' ? [] : [fileAuditLog({ folder: dataPaths(settings.data).audit, clock })]),
    ...(settings.audit === 'file' ? [] : [streamAuditLog({ stream: auditStream, clock })]),
  ]
  return {
    append: async entry => {
      for (const log of logs) await log.append(entry)
      onAudit?.(entry)
    },
    [Symbol.asyncDispose]: async () => {
      for (const log of logs) await log[Symbol.asyncDispose]()
    },
  }
}
