import type { SeatKey, Slot } from '../api/seatledger.ts'
import { timestamp } from '../api/timestamp.ts'

/** Keys that one page of a ledger remembers. */
export const PAGE_KEYS = 5000

/** One page with its seats and the keys handed out for them. */
export interface KeyedPage {
  page: number
  slots: readonly Slot[]
  keys: readonly SeatKey[]
}

export interface KeyInput {
  pages: readonly KeyedPage[]
  /** Holders whose keys are mailed, with the addresses by which keys of theirs are found beside the holder. */
  mailed: ReadonlyMap<string, readonly string[]>
  /** Fingerprints of the keys there are, in the order in which they go. */
  available: readonly string[]
  /** Fingerprints handed out elsewhere: the same keys may stand behind two pools. */
  elsewhere: ReadonlySet<string>
  /** Milliseconds. */
  now: number
}

export interface KeyClaims {
  /** Page → all its keys, only where some were added. */
  pages: Map<number, SeatKey[]>
  /** Holders for whom there were not enough. */
  short: string[]
}

/**
 * Claims keys for used seats: every holder gets as many as they have seats, less those they ever had; all of them or none, whoever has had a seat longest first.
 * A key that was claimed for somebody is theirs for good: it is never given to somebody else, and comes back to them with a later seat.
 */
export const claimKeys = ({ pages, mailed, available, elsewhere, now }: KeyInput): KeyClaims => {
  const gone = new Set(elsewhere)
  const had = new Map<string, number>()
  const holderOf = new Map<string, string>()
  for (const [holder, addresses] of mailed)
    for (const address of addresses) if (!holderOf.has(address)) holderOf.set(address, holder)
  for (const key of pages.flatMap(page => page.keys)) {
    gone.add(key.fingerprint)
    const holder = mailed.has(key.holder) ? key.holder : holderOf.get(key.address ?? '')
    if (holder !== undefined) had.set(holder, (had.get(holder) ?? 0) + 1)
  }

  const seats = new Map<string, { at: number; slot: Slot }[]>()
  pages.forEach(({ slots }, at) => {
    for (const slot of slots) {
      if (slot.state !== 'Used' || !mailed.has(slot.holder)) continue
      const own = seats.get(slot.holder)
      if (own) own.push({ at, slot })
      else seats.set(slot.holder, [{ at, slot }])
    }
  })

  const line = [...seats].sort(([, a], [, b]) => compare(firstSince(a), firstSince(b)) || firstSlot(a) - firstSlot(b))
  const added = new Map<number, SeatKey[]>()
  const short: string[] = []
  let next = 0
  for (const [holder, own] of line) {
    const without = own.slice(had.get(holder) ?? 0)
    if (without.length === 0) continue
    const found: string[] = []
    let at = next
    for (; at < available.length && found.length < without.length; at++) {
      const fingerprint = available[at]
      if (fingerprint !== undefined && !gone.has(fingerprint) && !found.includes(fingerprint)) found.push(fingerprint)
    }
    const page = pageFor(pages, added, without)
    if (found.length < without.length || !page) {
      short.push(holder)
      continue
    }
    next = at
    const claims = found.map((fingerprint, place): SeatKey => {
      const { address, slot } = without[place]?.slot ?? { slot: 0 }
      gone.add(fingerprint)
      return { fingerprint, holder, ...(address !== undefined && { address }), slot, time: timestamp(now) }
    })
    added.set(page.page, [...(added.get(page.page) ?? page.keys), ...claims])
  }
  return { pages: added, short }
}

/** Keys that were claimed for one person at once, and go in one mail. */
export interface KeyBatch {
  holder: string
  address?: string
  time: string
  /** In the order of the ledger; the first one names the mail. */
  fingerprints: string[]
}

/** The mails that follow from the claims: the same claims always make the same ones. */
export const keyBatches = (pages: readonly Pick<KeyedPage, 'keys'>[]): KeyBatch[] => {
  const batches = new Map<string, KeyBatch>()
  for (const { keys } of pages)
    for (const { fingerprint, holder, address, time } of keys) {
      const id = `${time} ${holder}`
      const known = batches.get(id)
      if (known) known.fingerprints.push(fingerprint)
      else batches.set(id, { holder, ...(address !== undefined && { address }), time, fingerprints: [fingerprint] })
    }
  return [...batches.values()]
}

const pageFor = (
  pages: readonly KeyedPage[],
  added: ReadonlyMap<number, SeatKey[]>,
  seats: readonly { at: number }[],
): KeyedPage | undefined => {
  const fits = (page: KeyedPage | undefined) =>
    page !== undefined && (added.get(page.page) ?? page.keys).length + seats.length <= PAGE_KEYS
  const own = pages[seats[0]?.at ?? 0]
  return fits(own) ? own : pages.find(fits)
}

const firstSince = (own: readonly { slot: Slot }[]): string => own.map(({ slot }) => slot.since).sort()[0] ?? ''
const firstSlot = (own: readonly { slot: Slot }[]): number => own[0]?.slot.slot ?? 0
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
