import type { Kind } from '../api/names.ts'
import type { SeatLedger } from '../api/seatledger.ts'
import type { Rehearsal, Stage } from './rehearsal.ts'

/** Something that only applying will tell. */
export interface PlanUnknown {
  /** Of what, where it is of one resource. */
  kind?: Kind
  name?: string
  organization?: string
  /** What is not known, and why. */
  message: string
}

/**
 * What a rehearsal could not find out about the pools that it reached: keys in a secret that cannot be read here, and keys that nobody can recognize here.
 * @param recognizes whether what fingerprints licence keys was at hand
 */
export const unknownKeys = (
  { cache, secrets }: Pick<Rehearsal<unknown>, 'cache' | 'secrets'>,
  { snapshot }: Stage,
  recognizes: boolean,
): PlanUnknown[] => {
  const ledgers = [...(snapshot.objects.get('SeatLedger')?.values() ?? [])] as SeatLedger[]
  return [...cache.list('LicensePool')].flatMap(
    ({ kind, metadata: { name }, spec: { organization } }): PlanUnknown[] => {
      const secret = secrets.get(`licensepool/${name}`)
      if (!secret) return []
      const of = { kind, name, ...(organization !== undefined && { organization }) }
      if (secret.trouble !== undefined) return [{ ...of, message: `who gets licence keys: ${secret.trouble}` }]
      const given = ledgers.some(({ spec }) => spec.pool === name && spec.keys.length > 0)
      if (recognizes || !given) return []
      return [{ ...of, message: 'who gets licence keys: those that were given cannot be told from new ones here' }]
    },
  )
}
