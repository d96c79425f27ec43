import { describe, expect, it } from 'vitest'
import type { Kind } from '../../src/api/names.ts'
import { whenAtRest } from '../../src/app/at-rest.ts'
import { fakeClock } from '../fakes/clock.ts'

const MINUTE = 60_000
/** A loop in which some kinds are at rest when the test says so, and others never. */
const loop = () => {
  const waiting: { kinds: readonly Kind[]; rest: () => void }[] = []
  const clock = fakeClock()
  const stopped = new AbortController()
  let done = false
  const at = whenAtRest(
    {
      clock,
      whenIdle: (kinds, signal) =>
        new Promise((resolve, reject) => {
          waiting.push({ kinds, rest: resolve })
          signal.addEventListener('abort', () => reject(signal.reason))
        }),
    },
    stopped.signal,
  ).then(() => {
    done = true
  })
  return { clock, waiting, stopped, at, done: () => done }
}

describe('a moment at which everything is worked out', () => {
  it('is one at which nothing is left, as soon as there is one', async () => {
    const { clock, waiting, done } = loop()
    await clock.advance(MINUTE - 1)
    expect([done(), waiting.map(({ kinds }) => kinds.includes('User') && kinds.includes('Source'))]).toEqual([
      false,
      [true],
    ])
    waiting[0]?.rest()
    await clock.advance(0)
    expect([done(), clock.pending]).toEqual([true, 0])
  })

  it('is one at which no source is half written, where people are never at rest', async () => {
    const { clock, waiting, done } = loop()
    await clock.advance(MINUTE)
    expect([done(), waiting.at(-1)?.kinds]).toEqual([false, ['Source']])
    waiting.at(-1)?.rest()
    await clock.advance(0)
    expect([done(), clock.pending]).toEqual([true, 0])
  })

  it('is any moment, where sources are never at rest either', async () => {
    const { clock, done } = loop()
    await clock.advance(11 * MINUTE - 1)
    expect(done()).toBe(false)
    await clock.advance(1)
    expect(done()).toBe(true)
  })

  it('never comes once the process stops', async () => {
    const { clock, stopped, at, done } = loop()
    stopped.abort(new Error('stopped'))
    await expect(at).rejects.toThrow('stopped')
    await clock.advance(20 * MINUTE)
    expect([done(), clock.pending]).toEqual([false, 0])
  })

  it('hides no mistake of the loop', async () => {
    const broken = { clock: fakeClock(), whenIdle: () => Promise.reject(new Error('broken')) }
    await expect(whenAtRest(broken, new AbortController().signal)).rejects.toThrow('broken')
  })
})
