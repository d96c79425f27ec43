/** How long to wait after the n-th failure in a row; all in milliseconds. */
export interface Backoff {
  /** After the first failure; doubles with each further one. */
  first: number
  most: number
}

/** For keys: quick at first, since most failures are lost races; then no oftener than every five minutes. */
export const KEY_BACKOFF: Backoff = { first: 50, most: 300_000 }
/** For lists and watches that break, and reports of idleness that fail. */
export const WATCH_BACKOFF: Backoff = { first: 100, most: 30_000 }

/** Milliseconds to wait after `failures` (1, 2, …) failures in a row: between half and the whole of the doubled pause, so that many do not come back at once. */
export const backoffDelay = (failures: number, backoff: Backoff, random: () => number): number =>
  Math.min(backoff.most, backoff.first * 2 ** (failures - 1)) * (0.5 + random() / 2)
