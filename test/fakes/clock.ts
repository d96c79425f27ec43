import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../../src/ports/clock.ts'

/** A clock that stands still until the test moves it. */
export interface FakeClock extends Clock {
  /** Moves on by so many milliseconds: callbacks run in the order of their times, and promises settle after each. */
  advance(milliseconds: number): Promise<void>
  /** Moves on to this time. */
  advanceTo(time: number): Promise<void>
  suspect: boolean
  /** Callbacks not yet called. */
  readonly pending: number
}

/** @param start milliseconds since 1970, or RFC 3339 */
export function fakeClock(start: number | string = '2026-01-05T09:00:00Z'): FakeClock {
  let now = typeof start === 'number' ? start : Date.parse(start)
  const alarms = new Set<{ time: number; callback: () => void }>()
  const next = (until: number) => [...alarms].filter(alarm => alarm.time <= until).sort((a, b) => a.time - b.time)[0]

  const clock: FakeClock = {
    suspect: false,
    now: () => now,
    at(time, callback) {
      const alarm = { time, callback }
      alarms.add(alarm)
      return () => void alarms.delete(alarm)
    },
    get pending() {
      return alarms.size
    },
    advance: milliseconds => clock.advanceTo(now + milliseconds),
    async advanceTo(time) {
      await settled()
      for (let alarm = next(time); alarm; alarm = next(time)) {
        alarms.delete(alarm)
        now = Math.max(now, alarm.time)
        alarm.callback()
        await settled()
      }
      now = Math.max(now, time)
      await settled()
    },
  }
  return clock
}

/** Lets everything run that needs neither time nor the outside. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await setImmediate()
}
