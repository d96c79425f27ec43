import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openRealm } from '../../src/app/openrealm.ts'
import type { Realm } from '../../src/app/realm.ts'
import { startReplica } from '../../src/app/replica.ts'
import { OpsListenError, type RunOptions, StoreInUseError, startRun } from '../../src/app/run.ts'
import { resolveSettings } from '../../src/app/settings.ts'
import { ListenError } from '../../src/portal/server.ts'
import { GoneError } from '../../src/store/errors.ts'
import { noLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'

let folder = ''
const open: AsyncDisposable[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'roster-run-'))
})
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

const realmOn = async (flags: Record<string, unknown> = {}): Promise<Realm> => {
  const given = {
    data: folder,
    listen: '127.0.0.1:0',
    opsListen: '127.0.0.1:0',
    publicUrl: 'http://127.0.0.1:9',
    ...flags,
  }
  const { settings } = resolveSettings({ flags: given, environment: {}, cwd: folder })
  const realm = await openRealm({ settings, environment: {}, create: true })
  open.push(realm)
  return realm
}

const runOn = (realm: Realm, options: Partial<RunOptions> = {}) =>
  startRun({ realm, log: noLog(), sources: [], cwd: folder, signal: new AbortController().signal, ...options })

/** A port with something else on it. */
const occupied = async (): Promise<number> => {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  open.push({ [Symbol.asyncDispose]: () => new Promise(resolve => server.close(() => resolve())) })
  return (server.address() as AddressInfo).port
}

describe('a replica', () => {
  it('that cannot lead follows once, however often it tries', async () => {
    const realm = await realmOn()
    const follows = new AbortController()
    let watches = 0
    let tries = 0
    const watch: Realm['store']['watch'] = options => {
      watches += 1
      return realm.store.watch(options)
    }
    const acquire = async (): Promise<never> => {
      tries += 1
      if (tries === 3) follows.abort()
      throw new GoneError('away')
    }
    const store = new Proxy(realm.store, {
      get: (target, key) => {
        if (key === 'watch') return watch
        if (key === 'lease')
          return new Proxy(target.lease, {
            get: (lease, name) => (name === 'acquire' ? acquire : Reflect.get(lease, name).bind(lease)),
          })
        const value = Reflect.get(target, key)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    await using replica = startReplica({
      realm: { ...realm, store },
      log: noLog(),
      metrics: createMetrics(),
      signal: follows.signal,
      onLeading: async () => undefined,
    })
    await replica.ended
    expect(tries).toBe(3)
    expect(watches).toBe(1)
  })
})

describe('a run', () => {
  it('that cannot listen begins nothing and lets everything go', async () => {
    const port = await occupied()
    const portal = await realmOn({ listen: `127.0.0.1:${port}` })
    await expect(runOn(portal)).rejects.toThrow(ListenError)
    const ops = await realmOn({ opsListen: `127.0.0.1:${port}` })
    await expect(runOn(ops)).rejects.toThrow(OpsListenError)
    expect(await ops.store.lease.read()).toBeUndefined()
    await using running = await runOn(await realmOn())
    expect(running.opsPort).toBeGreaterThan(0)
  })

  it('is turned away by one that runs already, and changes nothing of it', async () => {
    const first = await realmOn()
    await using _ = await runOn(first, { sources: ['people'] })
    const bound = (await first.store.info()).binding
    const second = await realmOn({ mailDir: join(folder, 'elsewhere'), rebind: true })
    await expect(runOn(second, { sources: ['others'] })).rejects.toThrow(StoreInUseError)
    expect((await first.store.get('Source', 'default'))?.spec.folder?.path).toBe(join(folder, 'people'))
    expect((await first.store.info()).binding).toEqual(bound)
  }, 30_000)

  it('takes over from one that stops meanwhile', async () => {
    const running = await runOn(await realmOn())
    const next = runOn(await realmOn())
    await new Promise(resolve => setTimeout(resolve, 300))
    await running[Symbol.asyncDispose]()
    await using taken = await next
    expect(taken.replica.controller?.manager.lease.epoch).toBe(2)
  }, 30_000)

  it('knows that its first pass is over only once its sources were read, for better or worse', async () => {
    await using running = await runOn(await realmOn(), { sources: ['nowhere'] })
    await running.firstPass
    const [source] = [...(running.replica.cache?.list('Source') ?? [])]
    expect(source?.status?.conditions?.find(({ type }) => type === 'Synced')).toMatchObject({
      status: 'False',
      reason: 'PathNotFound',
    })
  })

  it('lets go of sources that the command line names no more, and what they applied stays', async () => {
    const realm = await realmOn()
    await (await runOn(realm, { sources: ['a', 'b'] }))[Symbol.asyncDispose]()
    await using _ = await runOn(realm, { sources: ['a'] })
    expect((await realm.store.list('Source')).items.map(({ metadata }) => metadata.name)).toEqual(['default'])
  })

  it('writes down when it stopped', async () => {
    const realm = await realmOn()
    const before = Date.now()
    await (await runOn(realm))[Symbol.asyncDispose]()
    const state = await realm.store.lease.read()
    expect(state?.held).toBe(false)
    expect(Date.parse(state?.clockMark ?? '')).toBeGreaterThanOrEqual(before)
    expect(existsSync(join(folder, 'roster.sqlite'))).toBe(true)
  })
})
