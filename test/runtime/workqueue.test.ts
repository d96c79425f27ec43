import { describe, expect, it } from 'vitest'
import { AGEING, PRIORITY, WorkQueue } from '../../src/runtime/workqueue.ts'
import { fakeClock, settled } from '../fakes/clock.ts'
import fc from '../properties.ts'

const START = 1_000_000
const queueAt = (start = START, random = () => 0.5) => {
  const clock = fakeClock(start)
  return { clock, queue: new WorkQueue({ clock, random }) }
}
const drain = (queue: WorkQueue): string[] => {
  const keys: string[] = []
  for (let key = queue.tryGet(); key !== undefined; key = queue.tryGet()) {
    keys.push(key)
    queue.done(key)
  }
  return keys
}

describe('WorkQueue', () => {
  it('hands out a key once, however often it was added', () => {
    const { queue } = queueAt()
    for (const key of ['a', 'b', 'a', 'a']) queue.add(key)
    expect(drain(queue)).toEqual(['a', 'b'])
  })

  it('lets changes overtake what a list brought, in the order in which they came', () => {
    const { queue } = queueAt()
    queue.add('listed', { priority: PRIORITY.list })
    queue.add('changed first')
    queue.add('changed second')
    expect(drain(queue)).toEqual(['changed first', 'changed second', 'listed'])
  })

  it('keeps the highest priority that a key was added with', () => {
    const { queue } = queueAt()
    queue.add('a', { priority: PRIORITY.list })
    queue.add('b', { priority: PRIORITY.list })
    queue.add('b')
    queue.add('b', { priority: PRIORITY.list })
    expect(drain(queue)).toEqual(['b', 'a'])
  })

  it('ages what waits, so that a stream of changes starves nobody', async () => {
    const { clock, queue } = queueAt()
    queue.add('listed', { priority: PRIORITY.list })
    let behind = 0
    for (; behind < 10_000; behind++) {
      queue.add(`change-${behind}`)
      const key = queue.tryGet() as string
      queue.done(key)
      if (key === 'listed') break
      await clock.advance(100)
    }
    expect(behind).toBeLessThanOrEqual((-PRIORITY.list * AGEING) / 100 + 1)
  })

  it('knows whether a key that failed is tried again soon', async () => {
    const { clock, queue } = queueAt()
    queue.addAt('waits', START + 50)
    queue.add('fails')
    queue.tryGet()
    queue.retry('fails')
    queue.done('fails')
    const [again] = queue.later().filter(({ failed }) => failed)
    expect([queue.retriesBefore(again?.time as number), queue.retriesBefore((again?.time as number) + 1)]).toEqual([
      false,
      true,
    ])
    await clock.advanceTo(again?.time as number)
    expect(queue.retriesBefore(Number.POSITIVE_INFINITY)).toBe(false)
    expect(queue.tryGet()).toBe('fails')
    queue.forget('fails')
    queue.done('fails')
    expect(queue.retriesBefore(Number.POSITIVE_INFINITY)).toBe(false)
  })

  it('does not hand out a key in hand, and hands it out again when it was added meanwhile', () => {
    const { queue } = queueAt()
    queue.add('a')
    expect(queue.tryGet()).toBe('a')
    queue.add('a')
    expect([queue.tryGet(), queue.ready, queue.running]).toEqual([undefined, 1, 1])
    queue.done('a')
    expect(queue.tryGet()).toBe('a')
  })

  it('keeps the earliest time of a delayed key', async () => {
    const { clock, queue } = queueAt()
    queue.addAfter('a', 500)
    queue.addAfter('a', 200)
    queue.addAt('a', START + 900)
    expect(queue.later()).toEqual([{ key: 'a', time: START + 200, failed: false }])
    await clock.advance(199)
    expect(queue.tryGet()).toBeUndefined()
    await clock.advance(1)
    expect(queue.tryGet()).toBe('a')
    expect(clock.pending).toBe(0)
  })

  it('makes a delayed key ready at once when it is added', () => {
    const { queue } = queueAt()
    queue.addAfter('a', 500)
    queue.add('a')
    expect(drain(queue)).toEqual(['a'])
    expect(queue.delayed).toBe(0)
  })

  it('backs off twice as long after each failure up to the cap, and forgets', () => {
    const clock = fakeClock(START)
    const queue = new WorkQueue({ clock, random: () => 1 - Number.EPSILON, backoff: { first: 50, most: 300 } })
    const pause = () => Math.round(queue.retry('a') - START)
    expect([pause(), pause(), pause(), pause(), pause()]).toEqual([50, 100, 200, 300, 300])
    for (let more = 0; more < 2_000; more++) queue.retry('a')
    expect(pause()).toBe(300)
    queue.forget('a')
    expect(pause()).toBe(50)
  })

  it('spreads the pauses over half of their length', () => {
    const pauses = [0, 0.999].map(random => {
      const { queue } = queueAt(START, () => random)
      return Math.round(queue.retry('a') - START)
    })
    expect(pauses).toEqual([25, 50])
  })

  it('keeps the priority of a key in hand when it is tried again', async () => {
    const { clock, queue } = queueAt()
    queue.add('listed', { priority: PRIORITY.list })
    queue.tryGet()
    queue.retry('listed')
    queue.done('listed')
    await clock.advance(1000)
    queue.add('changed')
    expect(drain(queue)).toEqual(['changed', 'listed'])
  })

  it('knows how long the keys in hand have been worked on', async () => {
    const { clock, queue } = queueAt()
    queue.add('a')
    queue.tryGet()
    await clock.advance(2_000)
    queue.add('b')
    queue.tryGet()
    await clock.advance(1_000)
    expect(queue.unfinished()).toEqual({ seconds: 4, longest: 3 })
  })

  it('is idle when nothing is ready or running, whatever is delayed', async () => {
    const { clock, queue } = queueAt()
    queue.addAfter('delayed', 1000)
    queue.retry('failed')
    expect(queue.idle).toBe(true)
    queue.add('a')
    expect(queue.idle).toBe(false)
    let idle = false
    const waiting = queue.onIdle().then(() => {
      idle = true
    })
    const key = queue.tryGet() as string
    await settled()
    expect([queue.idle, idle]).toEqual([false, false])
    queue.done(key)
    await waiting
    expect(queue.idle).toBe(true)
    await clock.advance(1000)
    expect([queue.idle, queue.ready]).toEqual([false, 2])
  })

  it('serves those who wait in the order in which they came', async () => {
    const { queue } = queueAt()
    const waiting = [queue.get(), queue.get(), queue.get()]
    for (const key of ['a', 'b', 'c']) queue.add(key)
    expect(await Promise.all(waiting)).toEqual(['a', 'b', 'c'])
  })

  it('ends all who wait at shutdown, waits for the keys in hand, and takes nothing more', async () => {
    const { clock, queue } = queueAt()
    queue.add('in hand')
    expect(await queue.get()).toBe('in hand')
    queue.add('in hand')
    const waiting = [queue.get(), queue.get()]
    queue.add('x')
    queue.addAfter('delayed', 10)
    let ended = false
    const end = queue.shutdown().then(() => {
      ended = true
    })
    expect(await Promise.all(waiting)).toEqual(['x', undefined])
    queue.done('x')
    await settled()
    expect(ended).toBe(false)
    queue.add('late')
    queue.retry('in hand')
    queue.done('in hand')
    await end
    expect([queue.ready, queue.running, queue.delayed, clock.pending, await queue.get()]).toEqual([
      0,
      0,
      0,
      0,
      undefined,
    ])
  })

  it('refuses a key back that nobody holds', () => {
    const { queue } = queueAt()
    expect(() => queue.done('a')).toThrow('nobody holds it')
  })
})

/** What the queue promises, without its speed: a list of wishes, searched each time. */
class Model {
  now = START
  sequence = 0
  wanted = new Map<string, { time: number; priority: number; due: boolean; sequence: number }>()
  held = new Map<string, number>()

  put(key: string, time: number, priority: number): void {
    const before = this.wanted.get(key)
    const due = time <= this.now || before?.due === true
    if (!before) {
      this.wanted.set(key, { time: due ? this.now : time, priority, due, sequence: this.sequence++ })
    } else {
      const woken = due && !before.due
      before.priority = Math.max(before.priority, priority)
      before.time = before.due ? before.time : due ? this.now : Math.min(before.time, time)
      before.due = due
      if (woken) before.sequence = this.sequence++
    }
  }
  move(by: number): void {
    this.now += by
    const due = [...this.wanted.values()].filter(wish => !wish.due && wish.time <= this.now)
    for (const wish of due.sort((a, b) => a.time - b.time || a.sequence - b.sequence)) {
      wish.due = true
      wish.sequence = this.sequence++
    }
  }
  /** The key to be handed out next. */
  next(): string | undefined {
    const rank = (wish: { time: number; priority: number }) => wish.time - wish.priority * AGEING
    return [...this.wanted]
      .filter(([key, wish]) => wish.due && !this.held.has(key))
      .sort(([, a], [, b]) => rank(a) - rank(b) || a.sequence - b.sequence)[0]?.[0]
  }
}

describe('WorkQueue whose alarm is late', () => {
  it('gives a waiter one key, and keeps the one that came due meanwhile', async () => {
    let now = START
    const queue = new WorkQueue({
      clock: { now: () => now, at: () => () => undefined, suspect: false },
      random: () => 0.5,
    })
    const waiter = queue.get()
    queue.addAt('later', START + 10)
    now = START + 20
    queue.add('now')
    const got = await waiter
    const other = queue.tryGet()
    expect([got, other].sort()).toEqual(['later', 'now'])
    expect(queue.running).toBe(2)
    for (const key of [got, other]) if (key !== undefined) queue.done(key)
    expect(queue.idle).toBe(true)
  })
})

describe('WorkQueue against its model', () => {
  type World = { queue: WorkQueue; clock: ReturnType<typeof fakeClock>; waiting: Promise<string | undefined>[] }
  const key = fc.constantFrom('a', 'b', 'c', 'd', 'e')
  const priority = fc.constantFrom(PRIORITY.change, PRIORITY.list, -3, 5)
  const command = fc.oneof(
    fc.record({ do: fc.constant('add' as const), key, priority }),
    fc.record({ do: fc.constant('addAfter' as const), key, priority, after: fc.integer({ min: -5, max: 2000 }) }),
    fc.record({ do: fc.constant('get' as const) }),
    fc.record({ do: fc.constant('done' as const), key }),
    fc.record({ do: fc.constant('retry' as const), key }),
    fc.record({ do: fc.constant('move' as const), by: fc.integer({ min: 0, max: 3000 }) }),
  )

  it('hands out the same keys in the same order, never twice at once, and loses none', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 60 }), fc.boolean(), async (commands, late) => {
        const clock = fakeClock(START)
        const queue = new WorkQueue({ clock, random: () => 0.5 })
        const world: World = { queue, clock, waiting: [] }
        const model = new Model()
        for (const step of commands) {
          if (step.do === 'add') {
            queue.add(step.key, step)
            model.put(step.key, model.now, step.priority)
          } else if (step.do === 'addAfter') {
            queue.addAfter(step.key, step.after, step)
            model.put(step.key, model.now + step.after, step.priority)
          } else if (step.do === 'get') {
            const expected = model.next()
            const got = queue.tryGet()
            expect(got).toBe(expected)
            if (expected !== undefined) {
              model.held.set(expected, model.wanted.get(expected)?.priority ?? 0)
              model.wanted.delete(expected)
            }
          } else if (step.do === 'done') {
            if (!model.held.has(step.key)) continue
            queue.done(step.key)
            model.held.delete(step.key)
          } else if (step.do === 'retry') {
            const fresh = model.held.get(step.key)
            const time = queue.retry(step.key)
            model.put(step.key, time, model.wanted.has(step.key) ? PRIORITY.change : (fresh ?? PRIORITY.change))
          } else {
            model.move(step.by)
            await clock.advance(step.by)
          }
          const due = [...model.wanted.values()].filter(wish => wish.due).length
          expect([queue.ready, queue.running, queue.delayed]).toEqual([due, model.held.size, model.wanted.size - due])
          expect(queue.idle).toBe(due === 0 && model.held.size === 0)
          expect(queue.later().map(each => each.time)).toEqual(
            [...model.wanted.values()]
              .filter(wish => !wish.due)
              .map(wish => wish.time)
              .sort((a, b) => a - b),
          )
        }
        for (const held of model.held.keys()) queue.done(held)
        if (late) {
          model.move(1e9)
          await world.clock.advance(1e9)
          expect(drain(queue).sort()).toEqual([...model.wanted.keys()].sort())
        }
        const waiting = [queue.get(), queue.get()]
        const drained = drain(queue)
        const got = new Set(drained)
        for (let more = 0; more < waiting.length; more++) queue.add(`extra-${more}`)
        void queue.shutdown()
        for (const held of await Promise.all(waiting)) if (held !== undefined) expect(got.has(held)).toBe(false)
        expect(clock.pending).toBe(0)
      }),
      { numRuns: 300 },
    )
  })
})
