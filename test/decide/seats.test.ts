import { describe, expect, it } from 'vitest'
import type { Slot } from '../../src/api/seatledger.ts'
import { type Allocation, allocate, PAGE_SLOTS, type SeatCandidate, type SeatPage } from '../../src/decide/seats.ts'
import fc from '../properties.ts'

const HOUR = 3_600_000
const NOW = Date.parse('2026-11-22T09:00:00Z')
const T = (hours = 0) => new Date(NOW + hours * HOUR).toISOString()

const candidate = (name: string, more: Partial<SeatCandidate> = {}): SeatCandidate => ({
  holder: `user/${name}`,
  addresses: [`${name}@acme.example`],
  quantity: 1,
  state: 'Used',
  rank: 0,
  since: T(-1),
  ...more,
})
const slot = (number: number, name: string, more: Partial<Slot> = {}): Slot => ({
  slot: number,
  holder: `user/${name}`,
  address: `${name}@acme.example`,
  state: 'Used',
  since: T(-10),
  ...more,
})
const page = (...slots: Slot[]): SeatPage => ({ page: 0, slots })

const run = (
  seats: number,
  pages: SeatPage[],
  candidates: SeatCandidate[],
  more: { now?: number; releaseAfter?: number; clockSuspect?: boolean } = {},
) => allocate({ seats, pages, candidates, now: NOW, releaseAfter: 72 * HOUR, ...more })
const holders = (allocation: Allocation) =>
  allocation.pages.flatMap(one =>
    one.slots.map(({ slot: number, holder, state }) => `${number} ${holder.replace(/^\w+\//, '')} ${state}`),
  )

describe('seats', () => {
  it('go to whoever qualifies, by number, and are then left alone', () => {
    const first = run(3, [], [candidate('alice'), candidate('bob', { state: 'Reserved', since: T(-2) })])
    expect(holders(first)).toEqual(['0 bob Reserved', '1 alice Used'])
    expect(first).toMatchObject({ used: 1, reserved: 1, free: 1, waiting: [] })
    expect(first.rounds).toHaveLength(1)
    const second = run(3, first.pages, [candidate('alice'), candidate('bob', { state: 'Reserved' })])
    expect(second.rounds).toEqual([])
    expect([...second.given, ...second.freed]).toEqual([])
  })

  it('are ten for eleven people, in every order in which they come: the last in line waits', () => {
    const people = Array.from({ length: 11 }, (_, at) =>
      candidate(`p${String(at).padStart(2, '0')}`, { since: T(at - 20) }),
    )
    fc.assert(
      fc.property(fc.shuffledSubarray(people, { minLength: 11 }), shuffled => {
        const allocation = run(10, [], shuffled)
        expect(allocation.pages[0]?.slots).toHaveLength(10)
        expect(allocation.waiting).toEqual([{ holder: 'user/p10', since: T(-10), quantity: 1 }])
      }),
    )
  })

  it('serve rank before time, and time before name', () => {
    const people = [
      candidate('late-admin', { rank: 0, since: T(-1) }),
      candidate('early', { rank: 1, since: T(-9) }),
      candidate('b', { rank: 1, since: T(-5) }),
      candidate('a', { rank: 1, since: T(-5) }),
    ]
    expect(run(3, [], people).given.map(one => one.holder)).toEqual(['user/late-admin', 'user/early', 'user/a'])
  })

  it('are taken from nobody for somebody of a better rank', () => {
    const allocation = run(1, [page(slot(0, 'bob'))], [candidate('bob', { rank: 9 }), candidate('admin', { rank: 0 })])
    expect(holders(allocation)).toEqual(['0 bob Used'])
    expect(allocation.waiting.map(one => one.holder)).toEqual(['user/admin'])
  })

  it('for several come all at once or not at all, and pass to those whom they are enough for', () => {
    const people = [candidate('four', { quantity: 4, since: T(-9) }), candidate('one', { since: T(-1) })]
    const short = run(3, [], people)
    expect(holders(short)).toEqual(['0 one Used'])
    expect(short.waiting).toEqual([{ holder: 'user/four', since: T(-9), quantity: 4 }])
    expect(run(5, short.pages, people).given).toEqual([
      { page: 0, holder: 'user/four', address: 'four@acme.example', seats: 4, state: 'Used' },
    ])
  })

  it('that are more than wanted are released, the highest first', () => {
    const allocation = run(5, [page(slot(0, 'a'), slot(1, 'a'), slot(2, 'a'))], [candidate('a', { quantity: 1 })])
    expect(holders(allocation)).toEqual(['0 a Used', '1 a Releasing', '2 a Releasing'])
  })

  it('become used when the person joins', () => {
    expect(holders(run(1, [page(slot(0, 'a', { state: 'Reserved' }))], [candidate('a')]))).toEqual(['0 a Used'])
  })

  it('reserved for somebody who no longer qualifies are free at once, and serve the next in the same pass', () => {
    const allocation = run(1, [page(slot(0, 'gone', { state: 'Reserved' }))], [candidate('next')])
    expect(holders(allocation)).toEqual(['0 next Used'])
    expect(allocation.freed).toEqual([
      { page: 0, holder: 'user/gone', address: 'gone@acme.example', seats: 1, state: 'Reserved' },
    ])
    expect(allocation.rounds).toHaveLength(1)
  })

  it('used stay for their grace, come back to the same person, and are free at its very end', () => {
    const left = run(1, [page(slot(0, 'a'))], [candidate('b')])
    expect(left.pages[0]?.slots).toEqual([slot(0, 'a', { state: 'Releasing', since: T(), releaseTime: T(72) })])
    expect(left.nextRelease).toBe(NOW + 72 * HOUR)
    expect(left.waiting).toHaveLength(1)
    const back = run(1, left.pages, [candidate('a'), candidate('b')], { now: NOW + 71 * HOUR })
    expect(holders(back)).toEqual(['0 a Used'])
    expect(back.pages[0]?.slots[0]).not.toHaveProperty('releaseTime')
    expect(holders(run(1, left.pages, [candidate('b')], { now: NOW + 72 * HOUR - 1 }))).toEqual(['0 a Releasing'])
    expect(holders(run(1, left.pages, [candidate('b')], { now: NOW + 72 * HOUR }))).toEqual(['0 b Used'])
    expect(holders(run(1, left.pages, [candidate('b')], { now: NOW + 72 * HOUR, clockSuspect: true }))).toEqual([
      '0 a Releasing',
    ])
  })

  it('used are free at once where there is no grace', () => {
    expect(holders(run(1, [page(slot(0, 'a'))], [], { releaseAfter: 0 }))).toEqual([])
  })

  it('lowered take nothing away and give nothing until enough are free; raised serve the line', () => {
    const pages = [page(slot(0, 'a'), slot(1, 'b'), slot(2, 'c'))]
    const people = [candidate('a'), candidate('b'), candidate('c'), candidate('d')]
    const lowered = run(1, pages, people)
    expect(lowered.rounds).toEqual([])
    expect(lowered).toMatchObject({ used: 3, free: 0 })
    expect(run(1, pages, people.slice(1), { releaseAfter: 0 }).given).toEqual([])
    expect(run(4, pages, people).given.map(one => one.holder)).toEqual(['user/d'])
  })

  it('stay with a person who comes under another User, and with the User when the address goes to somebody else', () => {
    const generated = [page(slot(0, 'generated-uid', { address: 'a@acme.example' }))]
    const declared = run(1, generated, [
      candidate('declared-uid', { addresses: ['new@acme.example', 'a@acme.example'] }),
    ])
    expect(declared.pages[0]?.slots).toEqual([slot(0, 'declared-uid', { address: 'new@acme.example', since: T(-10) })])
    const both = run(2, generated, [
      candidate('generated-uid', { addresses: ['b@acme.example'] }),
      candidate('x', { addresses: ['a@acme.example'] }),
    ])
    expect(holders(both)).toEqual(['0 generated-uid Used', '1 x Used'])
    const bare = [page({ slot: 0, holder: 'address/a@acme.example', state: 'Reserved', since: T() })]
    expect(holders(run(1, bare, [candidate('a')]))).toEqual(['0 a Used'])
  })

  it('stay as they are for somebody nothing can be said of', () => {
    const unsure = run(
      3,
      [page(slot(0, 'a', { state: 'Reserved' }))],
      [candidate('a', { unsure: true, quantity: 2 }), candidate('b', { unsure: true })],
    )
    expect(holders(unsure)).toEqual(['0 a Reserved'])
    expect(unsure.waiting).toEqual([])
  })

  it('freed on several pages serve one who needs several', () => {
    const many = (at: number) => Array.from({ length: PAGE_SLOTS }, (_, n) => slot(at * PAGE_SLOTS + n, `p${at}-${n}`))
    const pages = [0, 1].map(at => ({ page: at, slots: many(at).filter(one => one.slot % PAGE_SLOTS !== 7) }))
    const people = pages.flatMap(one =>
      one.slots.map(({ holder, address = '' }) => candidate(holder.slice(5), { addresses: [address] })),
    )
    const allocation = run(2 * PAGE_SLOTS, pages, [...people, candidate('two', { quantity: 2 })])
    expect(allocation.given).toHaveLength(1)
    const changed = allocation.rounds.flat()
    expect(changed).toHaveLength(1)
    expect(changed[0]?.slots.filter(one => one.holder === 'user/two').map(one => one.slot)).toEqual([7, 1007])
  })

  it('of a page that another one frees are given only after that was written', () => {
    const full = { page: 0, slots: Array.from({ length: PAGE_SLOTS }, (_, n) => slot(n, `p${n}`)) }
    const people = full.slots.map(({ holder, address = '' }) => candidate(holder.slice(5), { addresses: [address] }))
    const second = { page: 1, slots: [slot(PAGE_SLOTS, 'last', { state: 'Reserved' })] }
    const allocation = run(PAGE_SLOTS + 1, [full, second], [...people, candidate('own', { quantity: 1 })])
    expect(allocation.rounds.map(round => round.map(one => one.page))).toEqual([[1]])
    const moved = run(
      PAGE_SLOTS,
      [
        { page: 0, slots: full.slots.map((one, n) => (n === 3 ? { ...one, state: 'Reserved' as const } : one)) },
        { page: 1, slots: [] },
      ],
      [...people.filter((_, n) => n !== 3), candidate('pair', { quantity: 1, addresses: [] })],
    )
    expect(moved.given.map(one => one.holder)).toEqual(['user/pair'])
  })

  it('are never oversold at any instant, whatever comes, in whatever order the pages are written and wherever that breaks off', () => {
    const name = fc.constantFrom(...'abcdefghij')
    const person = fc.record({
      name,
      quantity: fc.integer({ min: 1, max: 3 }),
      state: fc.constantFrom('Reserved' as const, 'Used' as const),
      rank: fc.integer({ min: 0, max: 2 }),
      since: fc.integer({ min: -9, max: 0 }),
      unsure: fc.boolean(),
    })
    const step = fc.record({
      seats: fc.integer({ min: 0, max: 12 }),
      hours: fc.integer({ min: 0, max: 50 }),
      people: fc.uniqueArray(person, { selector: one => one.name, maxLength: 10 }),
      breakAt: fc.nat(3),
      backwards: fc.boolean(),
    })
    // Slots spread over pages that are small on purpose, as after a long life.
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 8 }), fc.nat(2), (steps, spread) => {
        let store: SeatPage[] = Array.from({ length: spread }, (_, at) => ({ page: at, slots: [] }))
        let now = NOW
        const check = (seats: number, most: number) => {
          const slots = store.flatMap(one => one.slots)
          expect(new Set(slots.map(one => one.slot)).size).toBe(slots.length)
          expect(slots.length).toBeLessThanOrEqual(Math.max(seats, most))
        }
        for (const { seats, hours, people, breakAt, backwards } of steps) {
          now += hours * HOUR
          // Slots wander between the pages.
          store = store.map(one => ({
            page: one.page,
            slots: store.flatMap(other => other.slots).filter(each => (each.slot + hours) % store.length === one.page),
          }))
          const candidates = people.map(({ name: who, since, ...rest }) => candidate(who, { ...rest, since: T(since) }))
          const most = store.flatMap(one => one.slots).length
          const wanted = run(seats, store, candidates, { now })
          expect(run(seats, [...store].reverse(), [...candidates].reverse(), { now })).toEqual(wanted)
          // A crash leaves any part of one round, and nothing of the next.
          let written = 0
          for (const round of wanted.rounds) {
            const crashes = breakAt < written + round.length
            for (const one of backwards ? [...round].reverse() : round) {
              if (written++ === breakAt) continue
              store = [...store.filter(other => other.page !== one.page), one].sort((a, b) => a.page - b.page)
              check(seats, most)
            }
            if (crashes) break
          }
          // Whatever broke off, the next pass makes it whole, and the one after writes nothing.
          for (let passes = 0; passes < 3; passes++)
            for (const round of run(seats, store, candidates, { now }).rounds)
              for (const one of round) {
                store = [...store.filter(other => other.page !== one.page), one].sort((a, b) => a.page - b.page)
                check(seats, most)
              }
          const rest = run(seats, store, candidates, { now })
          expect(rest.rounds).toEqual([])
          for (const one of rest.waiting) expect(one.quantity).toBeGreaterThan(rest.free)
          for (const one of candidates.filter(each => !each.unsure))
            expect(
              store.flatMap(each => each.slots).filter(each => each.holder === one.holder && each.state !== 'Releasing')
                .length,
            ).toBeLessThanOrEqual(one.quantity)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('for ten thousand people take one pass, not one a person', () => {
    const people = Array.from({ length: 10_000 }, (_, at) =>
      candidate(`p${at}`, { since: T(-(at % 977)), rank: at % 3 }),
    )
    const start = performance.now()
    const first = run(9_000, [], people)
    const second = run(9_000, first.pages, people)
    const took = (performance.now() - start) / 2
    expect(first.rounds[0]).toHaveLength(9)
    expect(first.waiting).toHaveLength(1000)
    expect(second.rounds).toEqual([])
    // A tenth of a second; with a pass a person it is minutes, on any machine.
    expect(took).toBeLessThan(10_000)
  })
})
