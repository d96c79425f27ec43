import { firstWithin, slotTime } from './limits.ts'

const DAY = 24 * 3_600_000
const FORGET = 1000

/** Who asked is not known yet: such an entry counts as being ahead of everybody behind it, whoever asked for those. */
export const UNKNOWN = '?'

/** Somebody who waits for their invitation. */
export interface Waiting {
  /** Name of the Membership. */
  name: string
  /** First wanted: the order of the line; then the address. RFC 3339. */
  since: string
  address: string
  /** Who asked, or {@link UNKNOWN}; undefined for a mail that is sent again by itself, which counts for the organization alone. */
  actor: string | undefined
}

/** One mail that was claimed. */
export interface Sent {
  time: number
  /** As in {@link Waiting}. */
  actor: string | undefined
}

/** Mails in any 24 hours. */
export interface LineLimits {
  perInviter: number
  perOrganization: number
}

export type Turn = { is: 'now' } | { is: 'later'; at: number } | { is: 'never' }

/**
 * The line of one organization: who waits, in order, and what went in the last day. Everybody in it has a time of their own,
 * so that a window that opens wakes one and not all. Who waits for another reason than the limits (an address that had enough mail, a suspension)
 * is not in line and keeps nobody from going.
 *
 * Asking and moving cost a binary search and one shift of an array: ten thousand waiting take no longer each than ten.
 */
export class Line {
  readonly #actors = new Map<string | undefined, { waiting: Waiting[]; sent: number[] }>()
  readonly #sent: number[] = []
  readonly #places = new Map<string, Waiting>()

  get size(): number {
    return this.#places.size
  }

  /** Takes a place, or corrects the one that this Membership has. */
  enter(entry: Waiting): void {
    const known = this.#places.get(entry.name)
    if (known) {
      if (known.actor === entry.actor && before(known, entry) === 0) return
      this.leave(entry.name)
    }
    this.#places.set(entry.name, entry)
    const { waiting } = this.#of(entry.actor)
    waiting.splice(rank(waiting, entry), 0, entry)
  }

  /** Gives the place up. */
  leave(name: string): void {
    const known = this.#places.get(name)
    if (!known) return
    this.#places.delete(name)
    const { waiting } = this.#of(known.actor)
    waiting.splice(rank(waiting, known), 1)
  }

  /** Counts one mail. */
  count(sent: Sent): void {
    insert(this.#sent, sent.time)
    if (sent.actor !== undefined) insert(this.#of(sent.actor).sent, sent.time)
  }

  /** Counts one mail no more: it certainly never went. */
  uncount(sent: Sent): void {
    remove(this.#sent, sent.time)
    if (sent.actor !== undefined) remove(this.#of(sent.actor).sent, sent.time)
  }

  /** When somebody who is in line may go. Never too late; where two limits meet, it may be too early, and then another time comes. */
  turn(name: string, limits: LineLimits, now: number): Turn {
    const entry = this.#places.get(name)
    if (!entry) throw new RangeError(`${name} is not in line`)
    const inviter = { most: limits.perInviter, window: DAY }
    const own = this.#of(entry.actor)
    const unknown = entry.actor === UNKNOWN ? 0 : rank(this.#of(UNKNOWN).waiting, entry)
    const ownAhead = rank(own.waiting, entry) + unknown
    const ownTime = entry.actor === undefined ? now : slotTime(own.sent, ownAhead, inviter, now)
    // Others ahead take a mail of the organization only as far as their own inviter lets them go now.
    let ahead = 0
    for (const [actor, { waiting, sent }] of this.#actors) {
      const before = rank(waiting, entry)
      if (before === 0) continue
      ahead += actor === undefined || actor === entry.actor ? before : Math.min(before, free(sent, inviter, now))
    }
    const time = slotTime(this.#sent, ahead, { most: limits.perOrganization, window: DAY }, now)
    if (ownTime === undefined || time === undefined) return { is: 'never' }
    const at = Math.max(ownTime, time)
    return at <= now ? { is: 'now' } : { is: 'later', at }
  }

  /** Mails of one inviter that went in the last day or wait for their turn, but for one that is asked about. */
  wantedBy(actor: string, except: string, now: number): number {
    const { waiting, sent } = this.#of(actor)
    const own = this.#places.get(except)?.actor === actor ? 1 : 0
    return waiting.length - own + sent.length - firstWithin(sent, now - DAY)
  }

  /** The first in line of every inviter: the ones to look again when something moved. Whoever is behind them is looked at when they have gone. */
  heads(): string[] {
    return [...this.#actors.values()].flatMap(({ waiting }) => waiting.slice(0, 1)).map(entry => entry.name)
  }

  #of(actor: string | undefined): { waiting: Waiting[]; sent: number[] } {
    let own = this.#actors.get(actor)
    if (!own) {
      own = { waiting: [], sent: [] }
      this.#actors.set(actor, own)
    }
    return own
  }
}

const before = (a: Waiting, b: Waiting): number =>
  compare(a.since, b.since) || compare(a.address, b.address) || compare(a.name, b.name)
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** How many stand before an entry; its own index where it is in the list. */
const rank = (waiting: readonly Waiting[], entry: Waiting): number => {
  let low = 0
  let high = waiting.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const other = waiting[middle]
    if (other && before(other, entry) < 0) low = middle + 1
    else high = middle
  }
  return low
}

const insert = (times: number[], time: number): void => {
  let at = times.length
  while (at > 0 && (times[at - 1] ?? 0) > time) at--
  times.splice(at, 0, time)
  // What no window reaches any more is dropped, a heap at a time.
  if ((times[FORGET] ?? time) <= time - DAY) times.splice(0, FORGET)
}
const remove = (times: number[], time: number): void => {
  const at = times.lastIndexOf(time)
  if (at !== -1) times.splice(at, 1)
}
const free = (sent: readonly number[], limit: { most: number; window: number }, now: number): number =>
  Math.max(0, limit.most - (sent.length - firstWithin(sent, now - limit.window)))
