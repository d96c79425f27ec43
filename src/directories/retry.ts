/** Tries of one request. */
export const MOST_TRIES = 5
/** Milliseconds that one request waits for the service, all its pauses together. */
export const MOST_WAIT = 5 * 60_000
const FIRST = 500
const LONGEST = 30_000

/** Answers that pass by themselves (RFC 9110 sections 15.6.3 to 15.6.5). */
export const passes = (status: number): boolean => status === 502 || status === 503 || status === 504

/**
 * How long a service asks us to wait, in milliseconds: `Retry-After` in seconds or as a date (RFC 9110 section 10.2.3).
 * @param now milliseconds since 1970
 * @returns undefined where it says nothing that can be read
 */
export const retryAfter = (header: string | null, now: number): number | undefined => {
  const said = header?.trim()
  if (!said) return undefined
  if (/^\d{1,9}$/.test(said)) return Number(said) * 1000
  const date = /^[A-Z][a-z]{2}, /.test(said) ? Date.parse(said) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.max(date - now, 0)
}

/**
 * A pause of exponential back-off with full jitter, in milliseconds.
 * @param failures tries that failed, from 1
 * @param random from 0 to 1
 */
export const backOff = (failures: number, random: number): number =>
  random * Math.min(FIRST * 2 ** (failures - 1), LONGEST)
