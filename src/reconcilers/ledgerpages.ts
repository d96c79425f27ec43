import type { LicensePool } from '../api/licensepool.ts'
import type { SeatKey, SeatLedger } from '../api/seatledger.ts'
import type { KeyedPage } from '../decide/license-keys.ts'
import { seatLedgerName } from '../decide/record-names.ts'
import { type Allocation, type SeatMove, type SeatPage, shownWaiting, type Waiting } from '../decide/seats.ts'
import type { Change } from '../effects/change.ts'
import type { World } from './context.ts'

/** The pages as they are to be, with the keys that they have. */
export const keyedPages = (pages: readonly SeatPage[], ledgers: readonly SeatLedger[]): KeyedPage[] =>
  pages.map(page => ({ ...page, keys: ledgers.find(ledger => ledger.spec.page === page.page)?.spec.keys ?? [] }))

/**
 * Writes an allocation, page by page in its rounds, with the keys claimed for it: a key is in the ledger together with its seat, before anybody is told.
 * Only pages that differ are written. Stops at the first write that fails: what was written is safe by itself, and the next pass goes on.
 * @returns the ledgers as they are then
 */
export const writeSeats = async (
  world: World,
  pool: LicensePool,
  of: {
    allocation: Allocation
    ledgers: readonly SeatLedger[]
    /** Page → all its keys, where some were added. */
    claimed: ReadonlyMap<number, SeatKey[]> | undefined
  },
): Promise<SeatLedger[]> => {
  const { allocation, claimed } = of
  const waiting = shownWaiting(allocation.waiting)
  const current = new Map(of.ledgers.map(ledger => [ledger.spec.page, ledger]))
  const keysOf = (page: number): SeatKey[] => current.get(page)?.spec.keys ?? []
  const write = async (page: SeatPage, keys: SeatKey[], changes: Change[]) => {
    current.set(
      page.page,
      await writePage(world, pool, { page, keys, waiting, changes, before: current.get(page.page) }),
    )
  }

  const written = allocation.rounds.flat()
  const first = new Map(written.toReversed().map(page => [page.page, page]))
  const last = new Map(written.map(page => [page.page, page]))
  for (const page of written) {
    const isLast = last.get(page.page) === page
    const freed = first.get(page.page) === page ? changesOn(world, pool, page, allocation.freed, 'free') : []
    const given = isLast ? changesOn(world, pool, page, allocation.given, 'give') : []
    await write(page, (isLast && claimed?.get(page.page)) || keysOf(page.page), [...freed, ...given])
  }
  for (const page of allocation.pages) {
    const keys = last.has(page.page) ? undefined : claimed?.get(page.page)
    const moved = page.page === 0 && !isSameLine(waiting, current.get(0)?.spec.waiting)
    if (keys || moved) await write(page, keys ?? keysOf(page.page), [])
  }
  // Who waits may come before the first seat.
  if (allocation.pages.length === 0 && waiting.length > 0) await write({ page: 0, slots: [] }, [], [])
  return [...current.values()]
}

const writePage = (
  world: World,
  pool: LicensePool,
  of: {
    page: SeatPage
    keys: SeatKey[]
    waiting: Waiting[]
    changes: Change[]
    before: SeatLedger | undefined
  },
): Promise<SeatLedger> => {
  const { name } = pool.metadata
  const { page, slots } = of.page
  const line = page === 0 && of.waiting.length > 0 && { waiting: of.waiting }
  return world.effects.writeSeats(
    {
      name: seatLedgerName(name, page),
      before: of.before,
      spec: { pool: name, page, slots: [...slots], keys: of.keys, ...line },
    },
    {
      actor: 'controller',
      because: `LicensePool/${name}`,
      organization: pool.spec.organization,
      changes: of.changes,
    },
  )
}

const isSameLine = (a: readonly Waiting[], b: readonly Waiting[] = []): boolean =>
  a.length === b.length &&
  a.every((one, at) => one.holder === b[at]?.holder && one.quantity === b[at]?.quantity && one.since === b[at]?.since)

/** What plan and audit say of one write: a page's first write frees, its last one gives. */
const changesOn = (
  world: World,
  pool: LicensePool,
  { page }: SeatPage,
  moves: readonly SeatMove[],
  action: 'give' | 'free',
): Change[] =>
  moves
    .filter(move => move.page === page)
    .map(move => ({
      action,
      target: 'seat',
      kind: 'User',
      name: nameOf(world, move),
      organization: pool.spec.organization,
      because: `LicensePool/${pool.metadata.name}`,
      fields: { pool: pool.metadata.name, seats: move.seats, ...(action === 'give' && { state: move.state }) },
    }))
/** Name of the User, else the address: how people know a holder. */
const nameOf = (world: World, { holder, address }: SeatMove): string => {
  const uid = holder.startsWith('user/') ? holder.slice('user/'.length) : undefined
  const [membership] = uid === undefined ? [] : world.cache.by('Membership', 'userUid', uid)
  return membership?.spec.user?.name ?? address ?? holder.slice(holder.indexOf('/') + 1)
}

/** The first few of them by name: `alice (4), bob and 40 more`. */
export const named = (world: World, moves: readonly SeatMove[]): string => {
  const shown = moves.slice(0, 5).map(move => `${nameOf(world, move)}${move.seats > 1 ? ` (${move.seats})` : ''}`)
  return moves.length > shown.length ? `${shown.join(', ')} and ${moves.length - shown.length} more` : shown.join(', ')
}
