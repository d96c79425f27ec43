import type { SeatKey, SeatLedgerSpec, Slot } from '../api/seatledger.ts'

/** One pool's seats of one person, as `User.status.licenses` shows them. */
export interface HeldSeats {
  pool: string
  quantity: number
  state: 'Reserved' | 'Used' | 'Waiting' | 'Releasing'
}

/**
 * The seats that a person holds or waits for, by pool. `keys` are `user/<uid>` and `address/<address>` of each of the person's addresses;
 * the ledgers are found by the index `holder` of SeatLedger, asked with each of these.
 * Where seats of one pool are in several states, the state is the first of Used, Reserved, Releasing; who holds some and waits for more shows those they hold.
 */
export const seatsOf = (
  ledgers: Iterable<Pick<SeatLedgerSpec, 'pool' | 'slots' | 'waiting'>>,
  keys: Iterable<string>,
): HeldSeats[] => {
  const own = new Set(keys)
  const addresses = new Set([...own].flatMap(key => (key.startsWith('address/') ? key.slice('address/'.length) : [])))
  const held = new Map<string, HeldSeats & { state: Slot['state'] }>()
  const waiting = new Map<string, HeldSeats>()
  for (const { pool, slots, waiting: line = [] } of new Set(ledgers)) {
    for (const slot of slots) {
      // As holdersOf says, without making a text for each slot of a large pool.
      if (!own.has(slot.holder) && !(slot.address !== undefined && addresses.has(slot.address))) continue
      const known = held.get(pool)
      const state = known && STATES.indexOf(known.state) < STATES.indexOf(slot.state) ? known.state : slot.state
      held.set(pool, { pool, quantity: (known?.quantity ?? 0) + 1, state })
    }
    for (const { holder, quantity } of line)
      if (own.has(holder)) waiting.set(pool, { pool, quantity, state: 'Waiting' })
  }
  return [...new Map([...waiting, ...held]).values()].sort((a, b) => (a.pool < b.pool ? -1 : 1))
}

/** Holders of whom one state of a page says something else than the other, as {@link holdersOf} names them: who has to look at it. */
export const holdersThatDiffer = (
  page: Pick<SeatLedgerSpec, 'slots' | 'waiting'>,
  other: Pick<SeatLedgerSpec, 'slots' | 'waiting'> | undefined,
): string[] => {
  const said = saidOf(other)
  return [...saidOf(page)].flatMap(([holder, text]) => (said.get(holder) === text ? [] : [holder]))
}

const saidOf = (page: Pick<SeatLedgerSpec, 'slots' | 'waiting'> | undefined): Map<string, string> => {
  const said = new Map<string, string>()
  const say = (holder: string, text: string) => said.set(holder, `${said.get(holder) ?? ''} ${text}`)
  for (const slot of page?.slots ?? []) for (const holder of holdersOf(slot)) say(holder, slot.state)
  for (const waiting of page?.waiting ?? []) say(waiting.holder, `waits ${waiting.quantity}`)
  return said
}

/** The keys under which a slot is found: its holder, and the address it was given for. */
export const holdersOf = (slot: Pick<Slot | SeatKey, 'holder' | 'address'>): string[] =>
  slot.address === undefined || slot.holder === `address/${slot.address}`
    ? [slot.holder]
    : [slot.holder, `address/${slot.address}`]

const STATES: readonly Slot['state'][] = ['Used', 'Reserved', 'Releasing']
