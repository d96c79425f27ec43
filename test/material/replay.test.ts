import { describe, expect, it } from 'vitest'
import { openEmbeddedStore } from '../../src/store/embedded/store.ts'
import { fakeClock } from '../fakes/clock.ts'
import { material, REAL_SHAPE } from './organization.ts'
import { replay } from './stream.ts'

/** Of the thousand that `npm run bench -- stream` replays. */
const COMMITS = 120

describe('an organization of real size', () => {
  it('is the same for the same seed, and has the shape that it is to have', () => {
    const { files } = material()
    const count = (folder: string) => [...files.keys()].filter(path => path.startsWith(folder)).length
    expect([count('users/'), count('groups/')]).toEqual([REAL_SHAPE.people, REAL_SHAPE.groups])
    expect([...material().files]).toEqual([...files])
    expect(files.has('users/0x1f.yaml')).toBe(true)
  })

  it('stands in the store as its manifests say, after each commit', async () => {
    await using store = await openEmbeddedStore({ folder: ':memory:', clock: fakeClock('2026-11-22T09:00:00Z') })
    let number = 0
    for await (const { what, result, differing } of replay(store, COMMITS)) {
      expect([result.failed, differing], what).toEqual([[], []])
      if (number++ > 0) expect(result.updated.length + result.created.length + result.pruned.length).toBeLessThan(30)
    }
    expect(number).toBe(COMMITS + 1)
  }, 120_000)
})
