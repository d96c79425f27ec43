const DAY = 24 * 3_600_000

/** How many mails may go to one address, from anybody: what a person who never asked for them has to bear. */
export const ADDRESS_LIMITS = [
  { most: 3, window: DAY },
  { most: 10, window: 30 * DAY },
] as const

/**
 * When somebody who has `ahead` others before them may go, where at most `most` may go in any `window`.
 *
 * `sent` are the times of what went, oldest first. Those ahead go as soon as they may, and take part in the window themselves:
 * so every place in a line has its own time, and it stays the same while the line moves on.
 * @returns a time, `now` or earlier where it may go at once, undefined where nothing may ever go
 */
export const slotTime = (
  sent: readonly number[],
  ahead: number,
  limit: { most: number; window: number },
  now: number,
): number | undefined => {
  if (limit.most === 0) return undefined
  const first = firstWithin(sent, now - limit.window)
  const count = sent.length - first
  // The one whose leaving the window makes room; among those ahead, the one a whole round earlier.
  let index = count + ahead - limit.most
  let rounds = 0
  if (index >= count) {
    rounds = Math.floor((index - count) / limit.most) + 1
    index -= rounds * limit.most
  }
  const base = index < 0 ? now : Math.max(now, (sent[first + index] ?? now) + limit.window)
  return base + rounds * limit.window
}

/** When one more mail may go to an address. `sent`: times of all mails to it, in any order, whichever organization sent them. */
export const addressTime = (sent: readonly number[], now: number): number => {
  const sorted = sent.toSorted((a, b) => a - b)
  return Math.max(now, ...ADDRESS_LIMITS.map(limit => slotTime(sorted, 0, limit, now) ?? now))
}

/** Index of the first time that is still inside a window which began at `since`; a mail counts up to, not at, the end of its window. */
export const firstWithin = (sent: readonly number[], since: number): number => {
  let low = 0
  let high = sent.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sent[middle] ?? 0) <= since) low = middle + 1
    else high = middle
  }
  return low
}
