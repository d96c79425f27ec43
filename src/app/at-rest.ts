import type { Kind } from '../api/names.ts'
import type { Clock } from '../ports/clock.ts'
import { DERIVING } from './world.ts'

/** So long a moment is waited for at which nothing at all is left to work out. */
const CALM = 60_000
/** And so long, after that, one at which at least no source is being read or written. */
const WRITTEN = 600_000

/**
 * Resolves at a moment at which everything that was written is worked out: what one change takes is known as a whole. A loop that is never at rest must not
 * hold up removals for ever, so after a minute a moment does at which no source is half written, and after ten more any. What is decided then is decided in
 * parts: no budget is wider for it, and nobody loses what a pass of their own does not find to be theirs no more.
 * @throws the signal's reason
 */
export const whenAtRest = async (
  { whenIdle, clock }: { whenIdle: (kinds: readonly Kind[], signal: AbortSignal) => Promise<void>; clock: Clock },
  signal: AbortSignal,
): Promise<void> => {
  const within = async (kinds: readonly Kind[], most: number): Promise<boolean> => {
    const over = new AbortController()
    const stop = clock.at(clock.now() + most, () => over.abort())
    try {
      await whenIdle(kinds, AbortSignal.any([signal, over.signal]))
      return true
    } catch (error) {
      signal.throwIfAborted()
      if (!over.signal.aborted) throw error
      return false
    } finally {
      stop()
    }
  }
  if (await within(DERIVING, CALM)) return
  await within(['Source'], WRITTEN)
}
