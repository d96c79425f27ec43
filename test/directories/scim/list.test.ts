import { describe, expect, it } from 'vitest'
import { type Listing, listAll } from '../../../src/directories/scim/list.ts'
import type { Json } from '../../../src/directories/scim/resource.ts'
import type { Service } from '../../../src/directories/scim/service.ts'
import fc from '../../properties.ts'

/** A service with one list, which `answer` makes up for each request. */
const serviceWith = (answer: (query: Record<string, string | number | undefined>) => Json): Service => ({
  host: 'crm.acme.example',
  get: async (_, query = {}) => answer(query),
  find: async (_, query = {}) => answer(query),
})

const read = async (service: Service, options: Pick<Listing, 'pageSize' | 'paging'> & Partial<Listing>) => {
  const told: string[] = []
  const list: Listing = { path: '/Users', what: 'people', mostAtOnce: options.pageSize + 1, ...options }
  const lack = await listAll(service, list, async page => {
    told.push(...page.map(({ id }) => id))
  })
  return { told, lack }
}

/** What happens to the list between two pages. */
type Change = { readonly add: number } | { readonly remove: number }
const changes = fc.array(
  fc.oneof(
    fc.record({ add: fc.nat({ max: 30 }) }),
    fc.record({ remove: fc.nat({ max: 30 }) }),
  ) satisfies fc.Arbitrary<Change>,
  { maxLength: 3 },
)

describe('a list that is read to its end', () => {
  it('has everybody, once, whatever size its pages have', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: 40 }),
        fc.integer({ min: 1, max: 12 }),
        fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 5 }),
        fc.constantFrom('index' as const, 'cursor' as const),
        async (count, pageSize, sizes, paging) => {
          const all = Array.from({ length: count }, (_, index) => ({ id: `${index}` }))
          let asked = 0
          const service = serviceWith(({ startIndex, cursor }) => {
            const from = cursor === undefined ? Number(startIndex) - 1 : Number(cursor === '' ? 0 : cursor)
            const to = from + Math.min(pageSize, sizes[asked++ % sizes.length] ?? 1)
            return {
              totalResults: count,
              Resources: all.slice(from, to),
              ...(cursor !== undefined && to < count && { nextCursor: `${to}` }),
            }
          })
          const { told, lack } = await read(service, { pageSize, paging })
          expect(lack).toBeUndefined()
          expect(told).toEqual(all.map(({ id }) => id))
        },
      ),
    )
  })

  it('lacks nobody who was there all the time, or says so, whoever comes and goes between its pages', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 2, max: 6 }),
        fc.integer({ min: 0, max: 1 }),
        fc.array(changes, { maxLength: 12 }),
        async (count, pageSize, more, steps) => {
          let all = Array.from({ length: count }, (_, index) => `${index}`)
          const always = new Set(all)
          let next = count
          let asked = 0
          const service = serviceWith(({ startIndex, count = 0 }) => {
            for (const step of asked > 0 ? (steps[asked - 1] ?? []) : [])
              if ('add' in step) all = all.toSpliced(step.add % (all.length + 1), 0, `${next++}`)
              else if (all.length > 0) {
                const [gone] = all.splice(step.remove % all.length, 1)
                if (gone !== undefined) always.delete(gone)
              }
            asked++
            const from = Number(startIndex) - 1
            return { totalResults: all.length, Resources: all.slice(from, from + Number(count)).map(id => ({ id })) }
          })
          const { told, lack } = await read(service, { pageSize, paging: 'index', mostAtOnce: pageSize + more })
          expect(new Set(told).size).toBe(told.length)
          if (lack === undefined) for (const id of always) expect(told).toContain(id)
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('is whole where a service begins its pages only at full ones', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: 40 }),
        fc.integer({ min: 1, max: 12 }),
        fc.nat({ max: 1 }),
        async (count, pageSize, more) => {
          const all = Array.from({ length: count }, (_, index) => ({ id: `${index}` }))
          const service = serviceWith(({ startIndex, count: size }) => {
            const page = Math.floor((Number(startIndex) - 1) / Number(size))
            return { totalResults: count, Resources: all.slice(page * Number(size), (page + 1) * Number(size)) }
          })
          const { told, lack } = await read(service, { pageSize, paging: 'index', mostAtOnce: pageSize + more })
          expect(lack).toBeUndefined()
          expect(told).toEqual(all.map(({ id }) => id))
        },
      ),
    )
  })

  it('never hangs, whatever comes', async () => {
    const resource = fc.oneof(fc.record({ id: fc.nat({ max: 8 }).map(String) }), fc.jsonValue())
    const page = fc.record(
      {
        totalResults: fc.oneof(fc.nat({ max: 20 }), fc.jsonValue()),
        Resources: fc.oneof(fc.array(resource, { maxLength: 6 }), fc.jsonValue()),
        nextCursor: fc.oneof(fc.nat({ max: 3 }).map(String), fc.jsonValue()),
      },
      { requiredKeys: [] },
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(page, { minLength: 1, maxLength: 6 }),
        fc.constantFrom('index' as const, 'cursor' as const, 'none' as const),
        async (pages, paging) => {
          let asked = 0
          const service = serviceWith(() => {
            if (asked > 1000) throw new Error('asked a thousand times')
            return (pages[asked++ % pages.length] ?? {}) as Json
          })
          const ended = await read(service, { pageSize: 4, paging }).then(
            ({ told }) => new Set(told).size === told.length,
            (error: Error) => error.name !== 'TypeError' && !error.message.includes('thousand'),
          )
          expect(ended).toBe(true)
        },
      ),
      { numRuns: 500 },
    )
  })
})
