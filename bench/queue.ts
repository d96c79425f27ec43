import PQueue from 'p-queue'
import { PRIORITY, WorkQueue } from '../src/runtime/workqueue.ts'
import type { Bench, Row } from './bench.ts'

const KEYS = 100_000
const ROUNDS = 7
const names = Array.from({ length: KEYS }, (_, index) => `user-${index}`)
/** One key in ten is a change that overtakes what a list brought. */
const isChange = (index: number): boolean => index % 10 === 0
const clock = { now: () => Date.now(), at: () => () => undefined, suspect: false }

/** The work queue against what it cannot do without, a Map, and against p-queue, which caps what goes out: add, hand out and give back 100,000 keys. */
export const queue: Bench = {
  name: 'work queue',
  async run() {
    const ours = await best(withWorkQueue)
    const map = await best(withMap)
    const other = await best(withPQueue)
    const memory = bytesPerKey()
    const rows: Row[] = [
      { name: 'add, get, done', figure: ours, floor: map, unit: 'µs a key', against: 'a bare Map', aim: 15 },
      { name: 'add, get, done', figure: ours, floor: other, unit: 'µs a key', against: 'p-queue', aim: 1 },
    ]
    if (memory !== undefined) {
      rows.push({
        name: 'memory of a queued key',
        figure: memory,
        floor: 512,
        unit: 'B',
        against: 'half a KiB',
        aim: 1,
      })
    }
    return rows
  },
}

/** Microseconds a key, of the fastest round. */
async function best(round: () => Promise<void>): Promise<number> {
  let fastest = Number.POSITIVE_INFINITY
  for (let index = 0; index < ROUNDS; index++) {
    const start = performance.now()
    await round()
    fastest = Math.min(fastest, performance.now() - start)
  }
  return (fastest * 1000) / KEYS
}

async function withWorkQueue(): Promise<void> {
  const queue = new WorkQueue({ clock, random: Math.random })
  for (const [index, name] of names.entries())
    queue.add(name, { priority: isChange(index) ? PRIORITY.change : PRIORITY.list })
  for (let index = 0; index < KEYS; index++) queue.done((await queue.get()) ?? '')
}

async function withMap(): Promise<void> {
  const waiting = new Map<string, number>()
  for (const name of names) waiting.set(name, 0)
  for (const name of waiting.keys()) {
    await undefined
    waiting.delete(name)
  }
}

async function withPQueue(): Promise<void> {
  const queue = new PQueue({ concurrency: 1 })
  for (const [index, id] of names.entries())
    void queue.add(async () => undefined, { id, priority: isChange(index) ? 1 : 0 })
  await queue.onIdle()
}

/** Heap that a queue of fresh keys takes, the key's text included; undefined without `--expose-gc`. */
function bytesPerKey(): number | undefined {
  const { gc } = globalThis as { gc?: () => void }
  if (!gc) return undefined
  gc()
  const before = process.memoryUsage().heapUsed
  const queue = new WorkQueue({ clock, random: Math.random })
  for (let index = 0; index < KEYS; index++) queue.add(`queued-user-${index}`)
  gc()
  const used = (process.memoryUsage().heapUsed - before) / KEYS
  return queue.ready === KEYS ? used : undefined
}
