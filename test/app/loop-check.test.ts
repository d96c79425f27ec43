import { describe, expect, it } from 'vitest'
import { loopCheck } from '../../src/app/loop-check.ts'
import type { Ending, Manager } from '../../src/runtime/manager.ts'

const managerWith = (longest: number, ended: Promise<Ending> = new Promise(() => undefined)) =>
  ({
    ended,
    loop: { controllers: [{ kind: 'User', queue: { unfinished: () => ({ seconds: longest, longest }) } }] },
  }) as unknown as Manager

describe('the health of the loop', () => {
  it('is good before it is there, and while its runs end', () => {
    expect(loopCheck(() => undefined).check()).toBeUndefined()
    const manager = managerWith(60)
    expect(loopCheck(() => manager).check()).toBeUndefined()
  })
  it('is bad when a run hangs', () => {
    const manager = managerWith(16 * 60)
    expect(loopCheck(() => manager).check()).toBe('a run of User has taken longer than 15 minutes')
  })
  it('is bad when the loop ended by itself, and not when it was asked to', async () => {
    const lost = managerWith(0, Promise.resolve({ why: 'lost' }))
    const check = loopCheck(() => lost)
    await check.check()
    expect(await check.check()).toBe('the loop has ended: lost')
    const stopped = managerWith(0, Promise.resolve({ why: 'stopped', finished: true }))
    const fine = loopCheck(() => stopped)
    await fine.check()
    expect(await fine.check()).toBeUndefined()
  })
})
