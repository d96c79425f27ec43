import { describe, expect, it } from 'vitest'
import { Heap } from '../../src/runtime/heap.ts'
import fc from '../properties.ts'

describe('Heap', () => {
  it('gives its items back in order, whatever was raised or taken out between', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('push' as const), rank: fc.nat(50) }),
      fc.record({ do: fc.constantFrom('remove' as const, 'raise' as const), at: fc.nat(100), by: fc.nat(20) }),
      fc.record({ do: fc.constant('pop' as const) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), steps => {
        const heap = new Heap<{ place: number; rank: number }>((a, b) => a.rank < b.rank)
        const model: { place: number; rank: number }[] = []
        const take = (item: { place: number; rank: number }) => void model.splice(model.indexOf(item), 1)
        for (const each of steps) {
          if (each.do === 'push') {
            const item = { place: -1, rank: each.rank }
            heap.push(item)
            model.push(item)
          } else if (each.do === 'pop') {
            const item = heap.pop()
            expect(item?.rank).toBe(model.length === 0 ? undefined : Math.min(...model.map(({ rank }) => rank)))
            if (item) take(item)
          } else {
            const item = model[each.at % Math.max(1, model.length)]
            if (!item) continue
            if (each.do === 'raise') {
              item.rank -= each.by
              heap.raise(item)
            } else {
              heap.remove(item)
              take(item)
            }
          }
          expect(heap.size).toBe(model.length)
        }
        const rest: number[] = []
        for (let item = heap.pop(); item; item = heap.pop()) rest.push(item.rank)
        expect(rest).toEqual(model.map(({ rank }) => rank).sort((a, b) => a - b))
      }),
      { numRuns: 500 },
    )
  })
})
