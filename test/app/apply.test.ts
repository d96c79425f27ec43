import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { API_VERSION } from '../../src/api/names.ts'
import { type ApplyOptions, applyRevision, OtherSourceError } from '../../src/app/apply.ts'
import { type RunningController, startController } from '../../src/app/controller.ts'
import { openRealm } from '../../src/app/openrealm.ts'
import type { Realm } from '../../src/app/realm.ts'
import { resolveSettings } from '../../src/app/settings.ts'
import { BindingError } from '../../src/store/errors.ts'
import { noLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { lettersIn } from '../e2e/person.ts'
import { placed, revisionWith } from './planning.ts'

let folder = ''
const open: AsyncDisposable[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'roster-apply-'))
})
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

/** One process on the store of the test, as far as the store can tell. */
const processOn = async (flags: Record<string, unknown> = {}): Promise<Realm> => {
  const { settings } = resolveSettings({ flags: { data: folder, ...flags }, environment: {}, cwd: folder })
  const realm = await openRealm({ settings, environment: {}, create: true })
  open.push(realm)
  return realm
}

const controllerOn = async (realm: Realm): Promise<RunningController> => {
  const signal = new AbortController().signal
  const controller = await startController({ realm, log: noLog(), metrics: createMetrics(), sources: false, signal })
  open.push(controller)
  return controller
}

const acme = placed('Organization', 'acme', { domains: ['acme.example'] })
const viewer = placed('Role', 'viewer', { organization: 'acme', allow: ['documents:read'] })
const user = (name: string) =>
  placed('User', name, {
    email: `${name}@acme.example`,
    memberships: [{ organization: 'acme', roles: ['viewer'], until: '2090-01-01' }],
  })
const people = (...names: string[]) => revisionWith(acme, viewer, ...names.map(user))

/** With the limits lifted. */
const many = (...names: string[]) =>
  revisionWith(
    placed('Organization', 'acme', { invitations: { dailyLimitPerInviter: 1000, dailyLimit: 1000 } }),
    viewer,
    ...names.map(user),
  )

const applyOn = (realm: Realm, options: Partial<ApplyOptions> = {}) =>
  applyRevision({
    realm,
    source: 'default',
    from: undefined,
    revision: people('ann'),
    prune: false,
    allowEmpty: false,
    wait: true,
    signal: new AbortController().signal,
    ...options,
  })

const invited = async (): Promise<string[]> => (await lettersIn(join(folder, 'mail'))).map(({ to }) => to).sort()

describe('apply', () => {
  it('runs the loop itself where nobody does, and lets the store go', async () => {
    const realm = await processOn()
    const result = await applyOn(realm)
    expect(result).toMatchObject({ settled: true, beside: false, unready: [] })
    expect(await invited()).toEqual(['ann@acme.example'])
    expect(result.later.map(({ action, target, name }) => `${action} ${target} ${name}`)).toEqual([
      'end membership ann',
    ])
    expect((await realm.store.lease.read())?.held).toBe(false)
  })

  it('writes and waits beside a running controller, whose settings count', async () => {
    await controllerOn(await processOn())
    const result = await applyOn(await processOn({ mailDir: join(folder, 'elsewhere') }))
    expect(result).toMatchObject({ settled: true, beside: true, later: [] })
    // When it returns, all that follows has happened.
    expect(await invited()).toEqual(['ann@acme.example'])
  })

  it('goes on in the place of a controller that ends meanwhile', async () => {
    const holder = await processOn()
    const lease = await holder.store.lease.acquire({ holder: 'dying', signal: new AbortController().signal })
    const applying = applyOn(await processOn())
    // Written, and waiting for a holder that does nothing.
    await expect.poll(() => holder.store.get('User', 'ann'), { timeout: 20_000 }).toBeDefined()
    expect(await invited()).toEqual([])
    await lease.release()
    expect(await applying).toMatchObject({ settled: true, beside: false })
    expect(await invited()).toEqual(['ann@acme.example'])
  })

  it('with two at once does everything once', async () => {
    const results = await Promise.all([
      applyOn(await processOn(), { source: 'a', revision: people('ann', 'ben') }),
      applyOn(await processOn(), { source: 'b', revision: revisionWith(user('cleo'), user('dan')) }),
    ])
    expect(results.every(({ settled }) => settled)).toBe(true)
    expect(await invited()).toEqual(['ann', 'ben', 'cleo', 'dan'].map(name => `${name}@acme.example`))
  })

  it('that does not wait sends nothing, and takes no lease', async () => {
    const realm = await processOn({ smtp: 'smtp://127.0.0.1:1', publicUrl: 'https://people.example' })
    expect(await applyOn(realm, { wait: false })).toMatchObject({ settled: false, beside: false })
    expect(await realm.store.lease.read()).toBeUndefined()
    expect((await realm.store.list('Membership')).items).toEqual([])
    expect(await realm.store.get('User', 'ann')).toBeDefined()
  })

  it('with other mail settings than the store is bound to is refused before anything is written', async () => {
    await applyOn(await processOn())
    const other = await processOn({ smtp: 'smtp://127.0.0.1:1', publicUrl: 'https://people.example' })
    await expect(applyOn(other, { revision: people('ann', 'ben') })).rejects.toThrow(BindingError)
    expect(await other.store.get('User', 'ben')).toBeUndefined()
    expect((await other.store.lease.read())?.held).toBe(false)
  })

  it('that is turned away rebinds nothing', async () => {
    const first = await processOn()
    await controllerOn(first)
    const bound = (await first.store.info()).binding
    await applyOn(await processOn({ mailDir: join(folder, 'elsewhere'), rebind: true }))
    expect((await first.store.info()).binding).toEqual(bound)
  })

  it('prunes only when told to, and only what it applied', async () => {
    const realm = await processOn()
    await applyOn(realm, { revision: people('ann', 'ben') })
    await applyOn(realm, { source: 'other', revision: revisionWith(user('cleo')) })
    const kept = await applyOn(realm, { revision: people('ann') })
    expect(kept.sync.kept).toMatchObject({ reason: 'PruneHeld' })
    expect(await realm.store.get('User', 'ben')).toBeDefined()
    const pruned = await applyOn(realm, { revision: people('ann'), prune: true })
    expect(pruned.sync.pruned.map(({ name }) => name)).toEqual(['ben'])
    // Gone, as its finalizer was let go of before apply returned.
    expect(await realm.store.get('User', 'ben')).toBeUndefined()
    expect(await realm.store.get('User', 'cleo')).toBeDefined()
  })

  it('of nothing prunes nothing, unless a person says that it may be empty', async () => {
    const realm = await processOn()
    await applyOn(realm)
    const kept = await applyOn(realm, { revision: revisionWith(), prune: true })
    expect(kept.sync.kept).toMatchObject({ reason: 'EmptySource' })
    expect(await realm.store.get('User', 'ann')).toBeDefined()
    await applyOn(realm, { revision: revisionWith(), prune: true, allowEmpty: true })
    expect((await realm.store.list('User')).items).toEqual([])
  })

  it('leaves to another source what it has, and says so', async () => {
    const realm = await processOn()
    await applyOn(realm)
    const { sync } = await applyOn(realm, { source: 'other', revision: revisionWith(user('ann')) })
    expect(sync.conflicts).toEqual([
      { ref: { kind: 'User', name: 'ann' }, holder: 'source default', place: 'users/ann.yaml:1' },
    ])
  })

  it('names what is not ready, and whether somebody must act', async () => {
    const realm = await processOn()
    const { unready } = await applyOn(realm, { revision: revisionWith(acme, user('ann')) })
    expect(unready).toEqual([
      expect.objectContaining({ ref: { kind: 'User', name: 'ann' }, reason: 'ReferenceNotFound', stalled: true }),
    ])
  })

  it('never fights with a Source that reads from elsewhere', async () => {
    const realm = await processOn()
    const spec = { folder: { path: '/somewhere/people' } }
    await realm.store.apply(
      { apiVersion: API_VERSION, kind: 'Source', metadata: { name: 'default' }, spec },
      { manager: 'local/somebody', force: true },
    )
    await expect(applyOn(realm, { from: { folder: { path: '/elsewhere' } } })).rejects.toThrow(OtherSourceError)
    await expect(applyOn(realm)).rejects.toThrow('Source/default reads from /somewhere/people')
    await applyOn(realm, { from: spec })
    expect(await realm.store.get('User', 'ann')).toBeDefined()
  })

  it('that is interrupted stops between two resources, and going on is applying again', async () => {
    const realm = await processOn()
    const stop = new AbortController()
    const names = Array.from({ length: 150 }, (_, at) => `p${at}`)
    const interrupted = applyOn(realm, {
      revision: many(...names),
      signal: stop.signal,
      onStep: done => (done === 8 ? stop.abort(new Error('interrupted')) : undefined),
    })
    await expect(interrupted).rejects.toThrow('interrupted')
    expect((await realm.store.list('User')).items.length).toBeLessThan(150)
    expect((await realm.store.lease.read())?.held).toBe(false)
    await applyOn(await processOn(), { revision: many(...names) })
    expect(await invited()).toEqual(names.map(name => `${name}@acme.example`).sort())
  })
})
