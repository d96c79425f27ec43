import type { Clock } from '../ports/clock.ts'

/** What hooks take at most. */
export const HOOK_LIMITS = {
  /** Bytes of one body. A push of 2,000 commits stays below. */
  body: 4 * 1024 * 1024,
  /** Bytes of all bodies that are being received. */
  bodies: 32 * 1024 * 1024,
  /** Deliveries that nobody vouches for: so many at once, and one more a second. */
  unknown: 60,
} as const

/** Why a body is not taken. */
export class BodyRefused extends Error {
  readonly status: 400 | 413 | 429
  constructor(status: 400 | 413 | 429) {
    super({ 400: 'the body did not come', 413: 'the body is too large', 429: 'too much at once' }[status])
    this.status = status
  }
}

/** Counts deliveries that nobody vouches for: checking one costs time, so whoever knows no secret can only have so much of it. */
export const createGate = (clock: Pick<Clock, 'now'>): { enter(): boolean; vouched(): void } => {
  let left: number = HOOK_LIMITS.unknown
  let since = clock.now()
  return {
    enter: () => {
      const now = clock.now()
      left = Math.min(HOOK_LIMITS.unknown, left + (now - since) / 1000)
      since = now
      if (left < 1) return false
      left -= 1
      return true
    },
    vouched: () => {
      left = Math.min(HOOK_LIMITS.unknown, left + 1)
    },
  }
}

/** Reads bodies, with a bound for each and one for all that are under way. What does not come in time, the listener ends. */
export const createBodies = (): ((request: Request) => Promise<Uint8Array>) => {
  let held = 0
  return async request => {
    const chunks: Uint8Array[] = []
    let size = 0
    try {
      for await (const chunk of request.body ?? []) {
        size += chunk.length
        held += chunk.length
        if (size > HOOK_LIMITS.body) throw new BodyRefused(413)
        if (held > HOOK_LIMITS.bodies) throw new BodyRefused(429)
        chunks.push(chunk)
      }
      return Buffer.concat(chunks)
    } catch (error) {
      // Whoever sent it went away in the middle.
      throw error instanceof BodyRefused ? error : new BodyRefused(400)
    } finally {
      held -= size
    }
  }
}
