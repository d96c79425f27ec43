import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/app/system-clock.ts'
import { openEmbeddedStore } from '../../src/store/embedded/store.ts'
import type { ResourceStore } from '../../src/store/store.ts'
import { LEASE_DURATION } from './store/specs.ts'

const program = fileURLToPath(new URL('store/process.ts', import.meta.url))
const never = new AbortController().signal

describe('a store of several processes', () => {
  let folder: string
  const children = new Set<ChildProcess>()
  const clocks: { stop(): void }[] = []
  const stores: ResourceStore[] = []

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'roster-processes-'))
  })
  afterEach(async () => {
    for (const child of children) {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null)
        await new Promise(resolve => child.once('exit', resolve))
    }
    children.clear()
    for (const store of stores.splice(0)) await store[Symbol.asyncDispose]()
    for (const clock of clocks.splice(0)) clock.stop()
    await rm(folder, { recursive: true })
  })

  const open = async () => {
    const clock = systemClock()
    clocks.push(clock)
    const store = await openEmbeddedStore({ folder, clock, leaseDuration: LEASE_DURATION })
    stores.push(store)
    return store
  }

  /** A process, and the lines it said. */
  const start = (verb: string, name: string) => {
    const child = spawn(process.execPath, [program, verb, folder, name], { stdio: ['pipe', 'pipe', 'pipe'] })
    children.add(child)
    const lines: string[] = []
    const listeners = new Set<() => void>()
    const errors: string[] = []
    child.stderr.on('data', (text: Buffer) => errors.push(text.toString()))
    createInterface({ input: child.stdout }).on('line', line => {
      lines.push(line)
      for (const listener of listeners) listener()
    })
    const ended = new Promise<void>(resolve => child.once('close', () => resolve()))
    const said = (start: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const look = () => {
          const line = lines.find(each => each.startsWith(start))
          if (line === undefined) return
          listeners.delete(look)
          resolve(line)
        }
        listeners.add(look)
        void ended.then(() => reject(new Error(`it ended without saying ${JSON.stringify(start)}: ${errors.join('')}`)))
        look()
      })
    return { child, lines, said, ended }
  }

  test('sees what another one writes within a quarter of a second', async () => {
    const store = await open()
    const writer = start('create', 'alice')
    await writer.said('ready')
    const stop = new AbortController()
    const { resourceVersion } = await store.info()
    const seen = (async () => {
      for await (const event of store.watch({ since: resourceVersion, signal: stop.signal })) {
        if (event.type === 'ADDED') return { name: event.object.metadata.name, at: performance.now() }
      }
      return undefined
    })()
    writer.child.stdin?.write('now\n')
    const written = writer.said('created').then(() => performance.now())
    const { name, at } = (await seen) ?? { name: '', at: Number.POSITIVE_INFINITY }
    stop.abort()
    expect(name).toBe('alice')
    expect(at - (await written)).toBeLessThan(250)
  })

  test('loses no write that was acknowledged, whenever a writer is killed', async () => {
    const started = performance.now()
    for (let round = 0; round < 12 && performance.now() - started < 10_000; round++) {
      const writer = start('write', `r${round}`)
      await writer.said('written 1')
      await new Promise(resolve => setTimeout(resolve, Math.random() * 250))
      writer.child.kill('SIGKILL')
      await writer.ended

      const check = new DatabaseSync(join(folder, 'roster.sqlite'))
      expect(check.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }])
      check.close()
      const store = await open()
      const highest = (fact: string) =>
        Math.max(0, ...writer.lines.filter(line => line.startsWith(`${fact} `)).map(line => Number(line.split(' ')[1])))
      const [written, withStatus, deleted] = ['written', 'status', 'deleted'].map(highest) as [number, number, number]
      for (let at = 1; at <= written; at++) {
        const user = await store.get('User', `r${round}-${at}`)
        if (at % 5 === 0 && at <= deleted) expect(user).toBeUndefined()
        // A deletion may have been carried out before it could be said.
        else if (at % 5 !== 0 || at < withStatus) expect(user?.spec.email).toBe(`r${round}-${at}@acme.example`)
        if (user && at <= withStatus) expect(user.status).toEqual({ state: 'Active' })
      }
      expect((await store.get('Account', `a-r${round}`))?.spec.credentialVersion).toBeGreaterThanOrEqual(written)
    }
  })

  test('lets four writers write at once, each everything', async () => {
    const writers = ['w1', 'w2', 'w3', 'w4'].map(name => start('write', name))
    await Promise.all(writers.map(writer => writer.said('written 40')))
    for (const writer of writers) {
      writer.child.kill('SIGKILL')
      await writer.ended
    }
    const store = await open()
    for (const name of ['w1', 'w2', 'w3', 'w4']) expect(await store.get('User', `${name}-39`)).toBeDefined()
  })

  describe('the lease', () => {
    test('of a holder that was killed is free at once', async () => {
      const first = start('hold', 'first')
      await first.said('wrote 1')
      const store = await open()
      expect(await store.lease.read()).toMatchObject({ holder: 'first', held: true })
      first.child.kill('SIGKILL')
      await first.ended
      expect((await store.lease.read())?.held).toBe(false)
      // Before it ran out: the operating system freed the lock.
      const held = await store.lease.acquire({ holder: 'second', signal: never })
      expect(held.epoch).toBe(2)
    })

    test('of a holder that was stopped is taken when it ran out; woken up, it writes nothing and knows', async () => {
      const first = start('hold', 'first')
      await first.said('wrote 3')
      first.child.kill('SIGSTOP')
      const store = await open()
      const held = await store.lease.acquire({ holder: 'second', signal: never })
      expect(held.epoch).toBe(2)
      const before = await store.list('User')
      first.child.kill('SIGCONT')
      expect(await first.said('lost')).toBe('lost true')
      expect(await store.list('User')).toEqual(before)
      await held.store.create(
        { kind: 'User', metadata: { name: 'mine' }, spec: { email: 'm@acme.example' } },
        { manager: 'local/second' },
      )
    })

    test('of a holder that slept while nobody wanted it goes on', async () => {
      const first = start('hold', 'first')
      await first.said('wrote 3')
      first.child.kill('SIGSTOP')
      await new Promise(resolve => setTimeout(resolve, LEASE_DURATION * 1.5))
      const before = first.lines.length
      first.child.kill('SIGCONT')
      await first.said(`wrote ${before + 5}`)
      expect(first.lines.some(line => line.startsWith('lost'))).toBe(false)
    })

    test('taken from a holder that is stopped is not taken again when that one dies', async () => {
      const first = start('hold', 'first')
      await first.said('wrote 1')
      first.child.kill('SIGSTOP')
      const second = start('hold', 'second')
      await second.said('held 2')
      first.child.kill('SIGKILL')
      await first.ended
      const store = await open()
      const stop = new AbortController()
      const third = store.lease.acquire({ holder: 'third', signal: stop.signal })
      const outcome = third.then(
        () => 'taken',
        () => 'waiting',
      )
      setTimeout(() => stop.abort(), LEASE_DURATION * 3)
      expect(await outcome).toBe('waiting')
      expect(await store.lease.read()).toMatchObject({ holder: 'second', epoch: 2, held: true })
    })
  })
})
