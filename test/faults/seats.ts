import type { SeatLedgerSpec } from '../../src/api/seatledger.ts'
import type { ResourceStore } from '../../src/store/store.ts'
import { overriding } from './overriding.ts'

/** A write of a page of seats: what is taken of its pool before and after it, and how many seats there are then. */
export interface SeatWrite {
  pool: string
  before: number
  after: number
  seats: number
  /** Two holders have one slot. */
  doubled: boolean
}

/** The same store; notes every write of a page of seats as it happens. */
export const watchingSeats = (store: ResourceStore, note: (write: SeatWrite) => void): ResourceStore => {
  const noting = async <T>({ pool }: SeatLedgerSpec, write: () => Promise<T>): Promise<T> => {
    const slots = async () =>
      (await store.list('SeatLedger')).items.filter(({ spec }) => spec.pool === pool).flatMap(({ spec }) => spec.slots)
    const before = (await slots()).length
    const done = await write()
    const after = await slots()
    const seats = (await store.get('LicensePool', pool))?.spec.seats ?? 0
    note({
      pool,
      before,
      after: after.length,
      seats,
      doubled: new Set(after.map(({ slot }) => slot)).size < after.length,
    })
    return done
  }
  const create: ResourceStore['create'] = (object, options) =>
    object.kind === 'SeatLedger'
      ? noting(object.spec as unknown as SeatLedgerSpec, () => store.create(object, options))
      : store.create(object, options)
  const replace: ResourceStore['replace'] = (record, options) =>
    record.kind === 'SeatLedger'
      ? noting(record.spec as unknown as SeatLedgerSpec, () => store.replace(record, options))
      : store.replace(record, options)
  return overriding(store, { create, replace })
}

/** Writes that gave more seats than there are, or one seat twice. A pool that was made smaller may hold what it held. */
export const oversold = (writes: readonly SeatWrite[]): SeatWrite[] =>
  writes.filter(({ before, after, seats, doubled }) => doubled || after > Math.max(before, seats))
