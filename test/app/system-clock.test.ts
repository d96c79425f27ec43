import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/app/system-clock.ts'

const HOUR = 3_600_000
const setUp = (mark?: number) => {
  const time = { wall: 1_000 * HOUR, monotonic: 0 }
  const clock = systemClock({
    wall: () => time.wall,
    monotonic: () => time.monotonic,
  })
  if (mark !== undefined) clock.raise(mark)
  return {
    clock,
    time,
    pass: (ms: number) => {
      time.wall += ms
      time.monotonic += ms
    },
  }
}

describe('system clock', () => {
  it('never goes back', () => {
    const { clock, time } = setUp()
    const before = clock.now()
    time.wall -= HOUR
    expect(clock.now()).toBe(before)
  })
  it('is not suspect while time passes evenly', () => {
    const { clock, pass } = setUp()
    for (let i = 0; i < 100; i++) pass(HOUR / 10)
    expect(clock.suspect).toBe(false)
  })
  it.each([HOUR, -HOUR])('is suspect after a jump of %i ms, and trusted again once the new time has stood', jump => {
    const { clock, time, pass } = setUp()
    clock.now()
    time.wall += jump
    expect(clock.suspect).toBe(true)
    pass(HOUR / 2)
    if (jump > 0) expect(clock.suspect).toBe(false)
  })
  it('is suspect when it starts far behind what the store remembers', () => {
    const { clock } = setUp(1_000 * HOUR + 2 * HOUR)
    expect(clock.suspect).toBe(true)
    expect(clock.now()).toBe(1_002 * HOUR)
  })
  it('calls back at its time, also beyond the longest timer', async () => {
    const start = Date.now()
    const clock = systemClock()
    await new Promise<void>(resolve => clock.at(start + 20, resolve))
    expect(clock.now()).toBeGreaterThanOrEqual(start + 20)
    clock.stop()
  })
})
