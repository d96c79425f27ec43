import { describe, expect, it } from 'vitest'
import type { LicensePoolSpec } from '../../src/api/licensepool.ts'
import type { MembershipSpec } from '../../src/api/membership.ts'
import { membershipName } from '../../src/decide/record-names.ts'
import type { World } from '../../src/reconcilers/context.ts'
import { licensePoolReconciler } from '../../src/reconcilers/licensepool.ts'
import { seatLedgerReconciler } from '../../src/reconcilers/seatledger.ts'
import type { Reconciler } from '../../src/runtime/reconciler.ts'
import { openRealm, type Realm, type RealmOptions } from '../fakes/realm.ts'
import { faultyStore } from '../faults/faulty-store.ts'

/** Only seats: Memberships are written by the test, as others would. */
const reconcilers = (world: World): Reconciler[] => {
  const secrets: World['secrets'] = { read: async () => ({ value: 'K-1\nK-2\nK-3\nK-4\nK-5\n', hosts: [] }) }
  return [
    licensePoolReconciler({ ...world, secrets }),
    seatLedgerReconciler({ ...world, secrets }),
  ] as unknown as Reconciler[]
}
const open = async (options: RealmOptions = {}): Promise<Realm> => {
  const realm = await openRealm({ reconcilers, ...options })
  await realm.declare('Organization', 'acme', {})
  return realm
}
const pool = (realm: Realm, spec: Partial<LicensePoolSpec>) =>
  realm.declare('LicensePool', 'suite', { organization: 'acme', product: 'X', seats: 10, selector: {}, ...spec })

const T = '2026-03-01T00:00:00.000Z'
const member = (realm: Realm, name: string, more: Partial<MembershipSpec> = {}) => {
  const address = `${name}@acme.example`
  const spec: MembershipSpec = {
    organization: 'acme',
    address,
    since: T,
    nonce: 'n'.repeat(43),
    series: [],
    attempts: [],
    mails: [],
    declared: { present: true, roles: [], join: 'None' },
    joined: { time: T, how: 'Declared' },
    settled: { roles: ['editor'], groups: [], permissions: [], time: T },
    grants: [],
    ...more,
  }
  return realm.store.create(
    { kind: 'Membership', metadata: { name: membershipName('acme', address) }, spec },
    { manager: 'controller' },
  )
}
const ledgers = async (realm: Realm) => (await realm.store.list('SeatLedger')).items.map(ledger => ledger.spec)
const taken = async (realm: Realm) => (await ledgers(realm)).flatMap(ledger => ledger.slots)

describe('a pool', () => {
  it('ends the same wherever the process dies, gives no seat and no key twice, and mails each key once or, at the very crash, twice to the same person', async () => {
    const play = async (crashAt: number, effect: 'before' | 'after') => {
      await using realm = await open()
      await pool(realm, { seats: 3, sendToEmail: true, keysSecretRef: { name: 'k', key: 'k' }, releaseAfter: '0s' })
      for (const name of ['a', 'b', 'c', 'd']) await member(realm, name)
      const faulty = { writes: 0 }
      await realm.restart({
        reconcilers,
        wrap: store => {
          const wrapped = faultyStore(store, { crash: { atWrite: crashAt, effect } })
          Object.defineProperty(faulty, 'writes', { get: () => wrapped.writes, configurable: true })
          return wrapped
        },
      })
      await realm.loop.runUntilIdle().catch(() => undefined)
      const { writes } = faulty
      const slots = await taken(realm)
      expect(slots.length).toBeLessThanOrEqual(3)
      await realm.restart({ reconcilers })
      // Whoever claimed a mail may be at it until its deadline.
      await realm.pass(10 * 60_000)
      await realm.portal('acme', 'a@acme.example', spec => ({ ...spec, ended: { time: T, by: 'x', because: 'x' } }))
      await realm.pass(10 * 60_000)
      const end = (await ledgers(realm)).map(({ slots: all, keys, waiting }) => ({
        slots: all.map(one => `${one.slot} ${one.holder} ${one.state}`),
        keys: keys.map(one => `${one.fingerprint} ${one.holder}`),
        waiting,
      }))
      const mails = new Map<string, Set<string>>()
      for (const mail of realm.mailer.sent)
        for (const key of JSON.parse(mail.text).keys) mails.set(key, (mails.get(key) ?? new Set()).add(mail.to.address))
      return { end, writes, mails: [...mails].map(([key, to]) => [key, [...to]]).sort() }
    }
    const fine = await play(10_000, 'before')
    expect(fine.mails).toEqual([
      ['K-1', ['a@acme.example']],
      ['K-2', ['b@acme.example']],
      ['K-3', ['c@acme.example']],
      ['K-4', ['d@acme.example']],
    ])
    expect(fine.writes).toBeGreaterThan(5)
    for (let at = 1; at <= fine.writes; at++)
      for (const effect of ['before', 'after'] as const) {
        const { end, mails } = await play(at, effect)
        expect({ at, effect, end, mails }).toEqual({ at, effect, end: fine.end, mails: fine.mails })
      }
  }, 60_000)

  it('of ten thousand people is one quick pass, one write a page', async () => {
    await using realm = await open()
    await pool(realm, {
      seats: 9000,
      selector: { roles: ['editor'], skip: ['svc-*'] },
      priority: [{ roles: ['admin'] }],
    })
    for (let at = 0; at < 10_000; at++) await member(realm, `p${at}`)
    await realm.restart({ reconcilers })
    const before = Number((await realm.store.info()).resourceVersion)
    const start = performance.now()
    const rest = await realm.run()
    const took = performance.now() - start
    expect(await taken(realm)).toHaveLength(9000)
    const writes = Number((await realm.store.info()).resourceVersion) - before
    // Nine pages and the status. Made pages wake the pool once more, which finds nothing to do.
    expect(writes).toBe(10)
    expect(rest.runs).toBeLessThan(20)
    const again = performance.now()
    await realm.portal('acme', 'p7@acme.example', spec => ({ ...spec, ended: { time: T, by: 'x', because: 'x' } }))
    await realm.run()
    const one = performance.now() - again
    if (process.env.MEASURE) console.log({ first: took, one })
    expect(took).toBeLessThan(5000)
    expect(one).toBeLessThan(2000)
  }, 60_000)

  it('of a few people is never kept waiting, however much happens', async () => {
    await using realm = await open()
    await pool(realm, { seats: 100 })
    for (let at = 0; at < 50; at++) {
      await member(realm, `p${at}`)
      await realm.run()
      expect(await taken(realm)).toHaveLength(at + 1)
    }
  })

  it('that is deleted and made again finds its people', async () => {
    await using realm = await open()
    await pool(realm, { seats: 1 })
    await member(realm, 'a')
    await realm.run()
    await realm.remove('LicensePool', 'suite')
    await member(realm, '0-first')
    await realm.run()
    await pool(realm, { seats: 1 })
    await realm.run()
    expect((await taken(realm)).map(slot => slot.holder)).toEqual(['address/a@acme.example'])
  })

  it('does not believe a clock that jumped: what it would free stays', async () => {
    await using realm = await open()
    await pool(realm, { seats: 1, releaseAfter: '1h' })
    await member(realm, 'a')
    await realm.run()
    await realm.portal('acme', 'a@acme.example', spec => ({ ...spec, ended: { time: T, by: 'x', because: 'x' } }))
    await realm.run()
    realm.clock.suspect = true
    await realm.pass(2 * 3_600_000)
    expect(await taken(realm)).toMatchObject([{ state: 'Releasing' }])
    realm.clock.suspect = false
    await realm.pass(60_000)
    expect(await taken(realm)).toEqual([])
  })
})
