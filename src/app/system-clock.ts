import { performance } from 'node:perf_hooks'
import type { Clock } from '../ports/clock.ts'
import type { ResourceStore } from '../store/store.ts'

/** A jump of the wall clock of more than this, against what the monotonic clock expects, is suspect. */
const SUSPECT_JUMP = 10 * 60_000
/** Node fires timers beyond 2^31 milliseconds at once, so longer ones are set in steps; short steps also notice a clock that was put forward. */
const LONGEST_TIMER = 30_000

/** A clock with what only its owner does. */
export interface SystemClock extends Clock {
  /** Holds it to a time that the store remembers, from now on. */
  raise(mark: number): void
  stop(): void
}

/**
 * The clock of a process: the wall clock, held so that it never goes back within a process nor behind a time that it is held to, the highest that the store remembers.
 * A wall clock far behind that, or a jump in between, makes it suspect for as long as the jump lasts.
 */
export const systemClock = (options: { wall?: () => number; monotonic?: () => number } = {}): SystemClock => {
  const wall = options.wall ?? Date.now
  const monotonic = options.monotonic ?? (() => performance.now())
  let highest = 0
  let base = { wall: wall(), monotonic: monotonic() }
  let suspectUntil = 0
  const timers = new Set<NodeJS.Timeout>()

  const read = (): number => {
    const now = wall()
    const expected = base.wall + (monotonic() - base.monotonic)
    if (Math.abs(now - expected) > SUSPECT_JUMP) {
      // Trusted again once the new time has stood for as long as a jump has to be: somebody corrected the clock, it does not flap.
      suspectUntil = monotonic() + SUSPECT_JUMP
      base = { wall: now, monotonic: monotonic() }
    }
    highest = Math.max(highest, now)
    return highest
  }

  return {
    now: read,
    at: (time, callback) => {
      let timer: NodeJS.Timeout
      const arm = (): void => {
        const wait = time - read()
        timer = setTimeout(
          () => {
            timers.delete(timer)
            if (read() >= time) callback()
            else arm()
          },
          Math.min(Math.max(wait, 0), LONGEST_TIMER),
        )
        timers.add(timer)
      }
      arm()
      return () => {
        clearTimeout(timer)
        timers.delete(timer)
      }
    },
    get suspect() {
      const now = read()
      return monotonic() < suspectUntil || now - wall() > SUSPECT_JUMP
    },
    raise: mark => {
      highest = Math.max(highest, mark)
    },
    stop: () => {
      for (const timer of timers) clearTimeout(timer)
      timers.clear()
    },
  }
}

/**
 * Opens a store with a clock that is, once it has caught up, never behind what the store has seen: so that a clock put back revives no link.
 * @returns `catchUp` asks the store, and resolves with the last time that its loop is known to have run
 */
export const steadyClock = async <S extends ResourceStore>(
  open: (clock: Clock) => Promise<S>,
): Promise<{ clock: SystemClock; store: S; catchUp: () => Promise<string | undefined> }> => {
  const clock = systemClock()
  const store = await open(clock)
  const catchUp = async () => {
    const mark = (await store.lease.read())?.clockMark
    if (mark !== undefined) clock.raise(Date.parse(mark))
    return mark
  }
  return { clock, store, catchUp }
}
