import { afterEach, describe } from 'vitest'
import { describeApply } from './store/apply.ts'
import type { OpenedStore } from './store/harness.ts'
import { describeLease } from './store/lease.ts'
import { describeMarks } from './store/marks.ts'
import { describeObjects } from './store/objects.ts'
import { describeSingleWrites } from './store/single-writes.ts'
import { describeWatch } from './store/watch.ts'

export { accountOf, type OpenedStore, userOf } from './store/harness.ts'

/** Every promise of `store/store.ts`, on one implementation. */
export const describeStore = (name: string, open: () => Promise<OpenedStore>): void => {
  describe(name, () => {
    const opened: OpenedStore[] = []
    const begin = async () => {
      const one = await open()
      opened.push(one)
      return one
    }
    afterEach(async () => {
      for (const one of opened.splice(0)) await one.close()
    })

    describeObjects(begin)
    describeApply(begin)
    describeSingleWrites(begin)
    describeWatch(begin)
    describeLease(begin)
    describeMarks(begin)
  })
}
