import { type ChildProcess, fork } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { KINDS } from '../../src/api/names.ts'
import { systemClock } from '../../src/app/system-clock.ts'
import { Informer } from '../../src/runtime/informer.ts'
import { openKubernetesStore } from '../../src/store/kubernetes/store.ts'

/** What a process holds, after a garbage collection. */
export interface Held {
  /** Open files and sockets. */
  descriptors: number
  /** Timers and requests that keep the process alive. */
  resources: number
  /** Bytes. */
  heap: number
  /** Warnings of the runtime so far: of listeners that pile up, say. */
  warnings: string[]
}

/** Another process that follows a namespace, and asks for objects when it is told to. */
export interface Follower extends AsyncDisposable {
  /** Asks so often for a User, 16 at a time. @returns how many answers there were */
  ask(times: number): Promise<number>
  /** Resolves when its view has this User. */
  knows(name: string): Promise<void>
  held(): Promise<Held>
}

type Order = { ask: number } | { knows: string } | { held: true }

export const startFollower = async (options: { kubeconfig: string; namespace: string }): Promise<Follower> => {
  const child = fork(import.meta.filename, [JSON.stringify(options)], { execArgv: ['--expose-gc'] })
  await answerOf(child)
  const tell = async <T>(order: Order): Promise<T> => {
    child.send(order)
    return await answerOf<T>(child)
  }
  return {
    ask: times => tell({ ask: times }),
    knows: name => tell({ knows: name }),
    held: () => tell({ held: true }),
    [Symbol.asyncDispose]: async () => {
      const gone = new Promise(resolve => child.once('exit', resolve))
      child.kill('SIGKILL')
      await gone
    },
  }
}

const answerOf = <T>(child: ChildProcess): Promise<T> =>
  new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`the follower ended with ${code}`))
    child.once('exit', ended)
    child.once('message', answer => {
      child.removeListener('exit', ended)
      resolve((answer as { answer: T }).answer)
    })
  })

const main = async (options: { kubeconfig: string; namespace: string }): Promise<void> => {
  const warnings: string[] = []
  process.on('warning', ({ name, message }) => warnings.push(`${name}: ${message}`))
  const clock = systemClock()
  const store = await openKubernetesStore({ ...options, clock })
  const informer = new Informer({ store, clock, random: Math.random, kinds: KINDS, indexes: {} })
  await informer.start()
  const collect = (globalThis as { gc?: () => void }).gc
  const held = async (): Promise<Held> => {
    // What has just ended closes its sockets a moment later.
    for (let round = 0; round < 5; round++) {
      collect?.()
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    return {
      descriptors: readdirSync('/proc/self/fd').length,
      resources: process.getActiveResourcesInfo().length,
      heap: process.memoryUsage().heapUsed,
      warnings,
    }
  }
  const ask = async (times: number): Promise<number> => {
    let begun = 0
    let answered = 0
    const one = async () => {
      while (begun < times) {
        begun += 1
        await store.get('User', `u${begun % 50}`)
        answered += 1
      }
    }
    await Promise.all(Array.from({ length: 16 }, one))
    return answered
  }
  const knows = async (name: string): Promise<void> => {
    while (!informer.cache.get('User', name)) await new Promise(resolve => setTimeout(resolve, 20))
  }
  process.on('message', async (order: Order) => {
    const answer = 'ask' in order ? await ask(order.ask) : 'knows' in order ? await knows(order.knows) : await held()
    process.send?.({ answer })
  })
  process.send?.({ answer: 'ready' })
}

if (process.argv[1] === import.meta.filename) await main(JSON.parse(process.argv[2] ?? ''))
