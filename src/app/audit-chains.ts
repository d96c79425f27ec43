import { readFile } from 'node:fs/promises'
import { type AuditHead, type AuditVerdict, verifyAudit } from '../telemetry/audit-chain.ts'
import type { Realm } from './realm.ts'
import { SettingsError } from './settings.ts'

/** Follows the chains of the audit trail. @param against file of heads as `roster audit head -o json` prints them @throws SettingsError */
export const auditChains = async (realm: Pick<Realm, 'paths'>, against?: string): Promise<AuditVerdict> =>
  verifyAudit(realm.paths.audit, against === undefined ? [] : await headsIn(against))

const headsIn = async (file: string): Promise<AuditHead[]> => {
  const wrong = (why: string): SettingsError =>
    new SettingsError(`${file} ${why}; it is what roster audit head -o json printed`)
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw wrong(`cannot be read (${error.code})`)
  })
  let heads: unknown
  try {
    ;({ heads } = JSON.parse(text) as { heads?: unknown })
  } catch {
    throw wrong('is no JSON')
  }
  if (!Array.isArray(heads) || !heads.every(isHead)) throw wrong('holds no heads')
  return heads
}

const isHead = (value: unknown): value is AuditHead => {
  const { writer, number, hash } = (value ?? {}) as Record<string, unknown>
  return typeof writer === 'string' && Number.isSafeInteger(number) && typeof hash === 'string'
}
