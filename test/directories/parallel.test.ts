import { describe, expect, it } from 'vitest'
import { inParallel } from '../../src/directories/parallel.ts'
import { settled } from '../fakes/clock.ts'

describe('work in parallel', () => {
  it.each([0, 1, 3, 4, 9])('does each of %i items once, in any order, four at a time', async count => {
    const items = Array.from({ length: count }, (_, index) => index)
    let under = 0
    let most = 0
    const done = await inParallel(items, 4, async item => {
      most = Math.max(most, ++under)
      for (let turns = item % 3; turns >= 0; turns--) await Promise.resolve()
      under--
      return item * 2
    })
    expect([done, most]).toEqual([items.map(item => item * 2), Math.min(count, 4)])
  })

  it('begins no more once one failed, and ends after what was begun', async () => {
    const begun: number[] = []
    const ended: number[] = []
    const release = Promise.withResolvers<void>()
    const working = inParallel([0, 1, 2, 3, 4, 5], 2, async item => {
      begun.push(item)
      if (item === 1) throw new Error('broken')
      await release.promise
      ended.push(item)
    })
    const outcome = working.then(
      () => 'done',
      (error: Error) => error.message,
    )
    await settled()
    expect([begun, ended]).toEqual([[0, 1], []])
    release.resolve()
    expect([await outcome, begun, ended]).toEqual(['broken', [0, 1], [0]])
  })
})
