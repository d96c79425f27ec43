import { RosterError } from '../api/errors.ts'

/** Whether a write lost a race, or found the object made already: read again and decide anew. */
export const isLostRace = (error: unknown): boolean =>
  error instanceof RosterError && error.reason === 'Conflict' && error.retry === 'backoff'

/** Runs work of one key after the other, so that fifty clicks on one button do one thing and find it done forty-nine times. */
export const createLine = (): (<T>(key: string, work: () => Promise<T>) => Promise<T>) => {
  const tails = new Map<string, Promise<unknown>>()
  return async (key, work) => {
    const before = tails.get(key) ?? Promise.resolve()
    const mine = before.then(work, work)
    tails.set(key, mine)
    try {
      return await mine
    } finally {
      if (tails.get(key) === mine) tails.delete(key)
    }
  }
}
