import type { Slot } from '../api/seatledger.ts'
import { timestamp } from '../api/timestamp.ts'
import { milliseconds } from './time.ts'

/** Slots of one page of a ledger. */
export const PAGE_SLOTS = 1000
/** Pages of one ledger. */
export const MOST_PAGES = 1000
/** How much of the line a ledger shows. Who stands behind waits all the same. */
const SHOWN_WAITING = 20_000

/** One page, as much of it as is decided here. */
export interface SeatPage {
  page: number
  slots: readonly Slot[]
}

/** Somebody who qualifies for seats of a pool, once a person. */
export interface SeatCandidate {
  /** `user/<uid>`, else `address/<address>`. */
  holder: string
  /** Normalized addresses of the person's memberships and of their User, the one that seats are given for first. */
  addresses: readonly string[]
  /** How many seats. */
  quantity: number
  /** `Reserved` for who is invited, `Used` for who has joined. */
  state: 'Reserved' | 'Used'
  /** Step of the pool's `priority`, 0 first. */
  rank: number
  /** Since when the membership is wanted. RFC 3339. */
  since: string
  /** Nothing new can be said of them (their expression fails): they keep what they have and get nothing. */
  unsure?: boolean
}

export interface AllocateInput {
  seats: number
  /** Milliseconds that a used seat stays with somebody who no longer qualifies. */
  releaseAfter: number
  pages: readonly SeatPage[]
  candidates: readonly SeatCandidate[]
  /** Milliseconds. */
  now: number
  /** The clock cannot be trusted: no release time that comes is believed. */
  clockSuspect?: boolean
}

/** Seats that somebody got or lost on one page. */
export interface SeatMove {
  page: number
  holder: string
  address?: string
  seats: number
  state: Slot['state']
}

export interface Waiting {
  holder: string
  since: string
  quantity: number
}

export interface Allocation {
  /**
   * What to write, in this order: in each round any order of the pages, each page once. Mostly there is one round.
   * Two only where a seat goes from one page to another: then the first frees, and the second gives. So whatever subset of the writes a crash leaves,
   * no number stands twice and no more seats are taken than there are (or were).
   */
  rounds: SeatPage[][]
  /** All pages as they are in the end. */
  pages: SeatPage[]
  /** The whole line, first in line first. */
  waiting: Waiting[]
  given: SeatMove[]
  freed: SeatMove[]
  used: number
  reserved: number
  free: number
  /** When the next releasing seat becomes free; milliseconds. */
  nextRelease?: number
}

/**
 * Gives, keeps and frees the seats of a whole pool. A pure function of the pages, the candidates as a set, and the time: their order never matters.
 *
 * - Whoever has seats keeps them while they qualify; nobody is evicted, also when `seats` was lowered.
 * - A person is found by their holder first, then by any of their addresses; what was found by address is rewritten to the holder.
 * - Who no longer qualifies: a reserved seat is free at once, a used one is `Releasing` and comes back to the same person within `releaseAfter`.
 * - Who waits is served in the order of rank, `since`, address, all missing seats at once or none. Whoever needs more than is free is passed by those whom it is enough for:
 *   no seat stays free while somebody waits whom it would serve, and nobody who asks for more than there is blocks the line.
 * - A slot's number is unique in the pool and below `seats`; a page is a container for any numbers. So free seats never lie fragmented:
 *   n free numbers serve n seats, wherever they were freed. What is given at once lies on one page, hence is written at once.
 */
export const allocate = (input: AllocateInput): Allocation => {
  const { now, seats } = input
  const before = input.pages
    .map(({ page, slots }): SeatPage => ({ page, slots: sorted(slots) }))
    .sort((a, b) => a.page - b.page)
  const candidates = [...input.candidates].sort(inLine)
  const owned = ownersOf(before, candidates)

  const given: SeatMove[] = []
  const freed: SeatMove[] = []
  const kept: Slot[][] = before.map(() => [])
  const line: { candidate: SeatCandidate; missing: number; page: number }[] = []
  const since = timestamp(now)
  const release = (at: number, slot: Slot): void => {
    const next = released(slot, input)
    if (next) kept[at]?.push(next)
    else freed.push(move(before[at]?.page ?? 0, slot))
  }

  for (const { at, slot } of owned.nobodys) release(at, slot)
  for (const candidate of candidates) {
    const own = owned.by.get(candidate.holder) ?? NONE
    if (own.length > 1) own.sort(worthKeeping)
    for (const { at, slot } of own.slice(0, candidate.quantity)) {
      kept[at]?.push(keptBy(candidate, slot, since))
    }
    for (const { at, slot } of own.slice(candidate.quantity)) release(at, writtenTo(candidate, slot))
    const missing = candidate.quantity - own.length
    if (missing > 0 && !candidate.unsure) line.push({ candidate, missing, page: own[0]?.at ?? -1 })
  }

  // Pages after everything was freed: what the second round builds on.
  const lean = before.map((page, at): SeatPage => ({ page: page.page, slots: sorted(kept[at] ?? []) }))
  const after = lean.map(page => ({ page: page.page, slots: [...page.slots] }))
  const taken = new Set(after.flatMap(page => page.slots.map(slot => slot.slot)))
  const waiting: Waiting[] = []
  let free = seats - taken.size
  let number = 0
  for (const { candidate, missing, page: own } of line) {
    const page = missing <= free ? roomFor(after, missing, own) : undefined
    if (!page) {
      waiting.push({ holder: candidate.holder, since: candidate.since, quantity: missing })
      continue
    }
    for (let left = missing; left > 0; left--) {
      while (taken.has(number)) number++
      taken.add(number)
      page.slots.push({
        slot: number,
        holder: candidate.holder,
        ...addressOf(candidate),
        state: candidate.state,
        since,
      })
    }
    free -= missing
    given.push({
      page: page.page,
      holder: candidate.holder,
      ...addressOf(candidate),
      seats: missing,
      state: candidate.state,
    })
  }

  const pages = after.map((page): SeatPage => ({ page: page.page, slots: sorted(page.slots) }))
  const slots = pages.flatMap(page => page.slots)
  const releases = slots.flatMap(slot => (slot.releaseTime === undefined ? [] : [milliseconds(slot.releaseTime)]))
  const reserved = slots.filter(slot => slot.state === 'Reserved').length
  return {
    rounds: roundsOf(before, lean, pages, seats),
    pages,
    waiting,
    given,
    freed: gathered(freed),
    used: slots.length - reserved,
    reserved,
    free: Math.max(0, free),
    ...(releases.length > 0 && { nextRelease: releases.reduce((a, b) => Math.min(a, b)) }),
  }
}

/** The part of the line that the first page of a ledger shows. */
export const shownWaiting = (waiting: readonly Waiting[]): Waiting[] => waiting.slice(0, SHOWN_WAITING)

const STATES: readonly Slot['state'][] = ['Used', 'Reserved', 'Releasing']

interface Owned {
  /** Index of the page. */
  at: number
  slot: Slot
}

const NONE: Owned[] = []

/** Which slots belong to which candidate (in the order of the line): by holder first, what is left by address. */
const ownersOf = (pages: readonly SeatPage[], candidates: readonly SeatCandidate[]) => {
  const holders = new Set(candidates.map(candidate => candidate.holder))
  const byAddress = new Map<string, string>()
  for (const { holder, addresses } of candidates)
    for (const address of addresses) if (!byAddress.has(address)) byAddress.set(address, holder)
  const by = new Map<string, Owned[]>()
  const nobodys: Owned[] = []
  pages.forEach(({ slots }, at) => {
    for (const slot of slots) {
      const address = slot.address ?? (slot.holder.startsWith('address/') ? slot.holder.slice('address/'.length) : '')
      const holder = holders.has(slot.holder) ? slot.holder : byAddress.get(address)
      if (holder === undefined) nobodys.push({ at, slot })
      else {
        const own = by.get(holder)
        if (own) own.push({ at, slot })
        else by.set(holder, [{ at, slot }])
      }
    }
  })
  return { by, nobodys }
}

/** The slot under the person's present holder and address; the same object where nothing changes. */
const writtenTo = (candidate: SeatCandidate, slot: Slot): Slot => {
  const { address = slot.address } = addressOf(candidate)
  if (slot.holder === candidate.holder && slot.address === address) return slot
  return { ...slot, holder: candidate.holder, ...(address !== undefined && { address }) }
}

/** A slot that stays with somebody who qualifies. */
const keptBy = (candidate: SeatCandidate, slot: Slot, now: string): Slot => {
  const own = writtenTo(candidate, slot)
  const state = candidate.unsure ? (slot.state === 'Releasing' ? 'Used' : slot.state) : candidate.state
  if (state === slot.state) return own
  const { releaseTime: _, ...rest } = own
  return { ...rest, state, since: now }
}

/** What becomes of a slot that nobody is entitled to any more; undefined: it is free. */
const released = (
  slot: Slot,
  { now, releaseAfter, clockSuspect = false }: Pick<AllocateInput, 'now' | 'releaseAfter' | 'clockSuspect'>,
): Slot | undefined => {
  if (slot.state === 'Reserved') return undefined
  if (slot.releaseTime !== undefined) return milliseconds(slot.releaseTime) <= now && !clockSuspect ? undefined : slot
  if (releaseAfter === 0) return undefined
  return { ...slot, state: 'Releasing', since: timestamp(now), releaseTime: timestamp(now + releaseAfter) }
}

/** A page with room for all of them: the person's own, else the first one; a new page when all are full. */
const roomFor = (pages: { page: number; slots: Slot[] }[], count: number, own: number) => {
  const fits = (page: { slots: Slot[] } | undefined) => page !== undefined && page.slots.length + count <= PAGE_SLOTS
  if (fits(pages[own])) return pages[own]
  const found = pages.find(fits)
  if (found) return found
  const number = (pages.at(-1)?.page ?? -1) + 1
  if (number >= MOST_PAGES) return undefined
  const page = { page: number, slots: [] }
  pages.push(page)
  return page
}

/** One round where that is safe at every instant; otherwise first what is freed, then what is given. */
const roundsOf = (
  before: readonly SeatPage[],
  lean: readonly SeatPage[],
  after: readonly SeatPage[],
  seats: number,
): SeatPage[][] => {
  const differing = (from: readonly SeatPage[], to: readonly SeatPage[]) =>
    to.filter((page, at) => {
      const was = from[at]?.slots ?? []
      return page.slots.length !== was.length || page.slots.some((slot, place) => slot !== was[place])
    })
  const pageOf = new Map(before.flatMap((page, at) => page.slots.map(slot => [slot.slot, at] as const)))
  const moves = after.some((page, at) => page.slots.some(slot => (pageOf.get(slot.slot) ?? at) !== at))
  const most = after.reduce((sum, page, at) => sum + Math.max(page.slots.length, before[at]?.slots.length ?? 0), 0)
  const stored = before.reduce((sum, page) => sum + page.slots.length, 0)
  const single = !moves && most <= Math.max(seats, stored)
  const rounds = single ? [differing(before, after)] : [differing(before, lean), differing(lean, after)]
  return rounds.filter(round => round.length > 0)
}

const addressOf = (candidate: SeatCandidate): { address?: string } => {
  const [address] = candidate.addresses
  return address === undefined ? {} : { address }
}

const move = (page: number, slot: Slot): SeatMove => ({
  page,
  holder: slot.holder,
  ...(slot.address !== undefined && { address: slot.address }),
  seats: 1,
  state: slot.state,
})

const gathered = (moves: readonly SeatMove[]): SeatMove[] => {
  const all = new Map<string, SeatMove>()
  for (const one of moves) {
    const id = `${one.page} ${one.holder}`
    const known = all.get(id)
    all.set(id, known ? { ...known, seats: known.seats + one.seats } : one)
  }
  return [...all.values()]
}

/** The address before the holder: those who come in one moment stand as a plan told, which could not know their uids. */
const inLine = (a: SeatCandidate, b: SeatCandidate): number =>
  a.rank - b.rank ||
  compare(a.since, b.since) ||
  compare(a.addresses[0] ?? '', b.addresses[0] ?? '') ||
  compare(a.holder, b.holder)
const worthKeeping = (a: Owned, b: Owned): number =>
  STATES.indexOf(a.slot.state) - STATES.indexOf(b.slot.state) || a.slot.slot - b.slot.slot
const sorted = (slots: readonly Slot[]): Slot[] => [...slots].sort((a, b) => a.slot - b.slot)
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
