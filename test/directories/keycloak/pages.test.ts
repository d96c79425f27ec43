import { describe, expect, it } from 'vitest'
import { pagesOf } from '../../../src/directories/keycloak/pages.ts'
import fc from '../../properties.ts'

interface Entry {
  readonly id: string
}

/** A list in the order of its ids, which changes before each fetch. */
const reading = async (start: readonly string[], size: number, changes: readonly ((list: string[]) => void)[] = []) => {
  const list = [...start].sort()
  const pages: string[][] = []
  let fetches = 0
  const fetch = async (first: number, most: number): Promise<Entry[]> => {
    changes[fetches]?.(list)
    fetches++
    list.sort()
    return list.slice(first, first + most).map(id => ({ id }))
  }
  for await (const page of pagesOf(fetch, size)) pages.push(page.map(({ id }) => id))
  return { told: pages.flat(), pages, fetches, list }
}

const names = (count: number) => Array.from({ length: count }, (_, index) => `m${String(index).padStart(3, '0')}`)

describe('pages by offset', () => {
  it.each([
    [0, 1],
    [1, 1],
    [3, 1],
    [4, 1],
    [5, 2],
    [8, 2],
    [9, 3],
  ])('of %i entries, four at once, take %i requests', async (count, requests) => {
    const { told, fetches } = await reading(names(count), 4)
    expect([told, fetches]).toEqual([names(count), requests])
  })

  it('leave out nobody when somebody before them goes', async () => {
    for (const gone of [1, 2, 3, 4]) {
      const { told } = await reading(names(12), 4, [() => undefined, list => list.splice(0, gone)])
      expect(told).toEqual(names(12))
    }
  })

  it('leave out nobody and tell nobody twice when somebody is added before them', async () => {
    const { told } = await reading(names(12), 4, [() => undefined, list => list.push('a', 'b')])
    expect([...told].sort()).toEqual(names(12))
  })

  it('end when the list moves faster than it is read', async () => {
    const all = Array.from({ length: 40 }, (_, at) => (list: string[]) => {
      if (at > 0) list.splice(0, list.length, ...names(20).map(name => `${name}-${at}`))
    })
    await expect(reading(names(20), 4, all)).rejects.toMatchObject({ reason: 'Retrying' })
  })

  it('tell everybody who is there all the time, once, whoever comes and goes meanwhile', async () => {
    const name = fc.integer({ min: 0, max: 999 }).map(number => `m${String(number).padStart(3, '0')}`)
    const change = fc.record({ add: fc.array(name, { maxLength: 2 }), remove: fc.array(fc.nat(60), { maxLength: 2 }) })
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(name, { maxLength: 60 }),
        fc.integer({ min: 2, max: 10 }),
        fc.array(change, { maxLength: 40 }),
        async (start, size, changes) => {
          const stayed = new Set(start)
          const edits = changes.map(({ add, remove }) => (list: string[]) => {
            for (const at of remove) {
              const [gone] = list.splice(at % Math.max(list.length, 1), 1)
              if (gone !== undefined) stayed.delete(gone)
            }
            for (const one of add) if (!list.includes(one)) list.push(one)
          })
          const read = await reading(start, size, edits).catch(error => {
            expect(error).toMatchObject({ reason: 'Retrying' })
            return undefined
          })
          if (!read) return
          expect(new Set(read.told).size).toBe(read.told.length)
          for (const one of stayed) expect(read.told).toContain(one)
        },
      ),
      { numRuns: 500 },
    )
  })
})
