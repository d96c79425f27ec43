import type { RecordKind } from '../api/names.ts'

/** Records that Roster makes and never takes away: so many there were, so many there are. */
export const LASTING_RECORDS = ['Membership', 'Account', 'SeatLedger'] as const satisfies readonly RecordKind[]
export type LastingRecord = (typeof LASTING_RECORDS)[number]
export type RecordCounts = { readonly [kind in LastingRecord]?: number }

/** Records of one kind that are gone, and nobody who may has taken them away. */
export interface RecordLoss {
  kind: LastingRecord
  noted: number
  found: number
}

export const isLasting = (kind: string): kind is LastingRecord => (LASTING_RECORDS as readonly string[]).includes(kind)

/** So many of so many records may be missing: somebody had a person forgotten by hand. */
export const bearable = (noted: number): number => Math.max(5, Math.floor(noted / 10))

/**
 * What a realm has lost since its records were counted: all of a kind, or more than may be missing.
 * It would go on as if nobody had ever been invited, had joined or had a seat: everybody would be asked anew.
 */
export const lostRecords = (noted: RecordCounts, found: (kind: LastingRecord) => number): RecordLoss[] =>
  LASTING_RECORDS.flatMap(kind => {
    const [before, now] = [noted[kind] ?? 0, found(kind)]
    const lost = before > 0 && (now === 0 || before - now > bearable(before))
    return lost ? [{ kind, noted: before, found: now }] : []
  })

/** Whether there are so many more than were counted that it is written down at once; the rest is when the loop ends. */
export const isWorthNoting = (noted: RecordCounts, found: (kind: LastingRecord) => number): boolean =>
  LASTING_RECORDS.some(kind => found(kind) > (noted[kind] ?? 0) * GROWTH)

const GROWTH = 1.25
