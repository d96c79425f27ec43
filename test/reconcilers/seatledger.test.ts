import { beforeEach, describe, expect, it } from 'vitest'
import type { MembershipSpec } from '../../src/api/membership.ts'
import { membershipName } from '../../src/decide/record-names.ts'
import type { World } from '../../src/reconcilers/context.ts'
import { licensePoolReconciler } from '../../src/reconcilers/licensepool.ts'
import { seatLedgerReconciler } from '../../src/reconcilers/seatledger.ts'
import type { Reconciler } from '../../src/runtime/reconciler.ts'
import { factsOf } from '../fakes/composer.ts'
import { openRealm, type Realm } from '../fakes/realm.ts'

let keys: string[]
const reconcilers = (world: World): Reconciler[] => {
  const secrets: World['secrets'] = { read: async () => ({ value: keys.join('\n'), hosts: [] }) }
  return [
    licensePoolReconciler({ ...world, secrets }),
    seatLedgerReconciler({ ...world, secrets }),
  ] as unknown as Reconciler[]
}
const open = async (): Promise<Realm> => {
  const realm = await openRealm({ reconcilers })
  await realm.declare('Organization', 'acme', {})
  await pool(realm)
  return realm
}
const pool = (realm: Realm) =>
  realm.declare('LicensePool', 'suite', {
    organization: 'acme',
    product: 'X',
    seats: 10,
    selector: {},
    sendToEmail: true,
    keysSecretRef: { name: 'k', key: 'k' },
  })
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
    settled: { roles: [], groups: [], permissions: [], time: T },
    grants: [],
    ...more,
  }
  return realm.store.create(
    { kind: 'Membership', metadata: { name: membershipName('acme', address) }, spec },
    { manager: 'controller' },
  )
}
const mailed = (realm: Realm) =>
  realm.mailer.sent.map(mail => `${mail.to.address} ${factsOf<{ keys: string[] }>(mail).keys.join()}`).sort()
const ready = async (realm: Realm) =>
  (await realm.store.get('LicensePool', 'suite'))?.status?.conditions?.find(one => one.type === 'Ready')

beforeEach(() => {
  keys = ['K-1', 'K-2', 'K-3']
})

describe('a page of a ledger', () => {
  it('mails its keys, says so once, and then rests', async () => {
    await using realm = await open()
    await member(realm, 'a')
    await member(realm, 'b')
    await realm.run()
    expect(mailed(realm)).toEqual(['a@acme.example K-1', 'b@acme.example K-2'])
    expect((await realm.membership('acme', 'a@acme.example'))?.mails).toMatchObject([
      { key: expect.stringMatching(/^keys\/suite\//), outcome: 'Sent' },
    ])
    const version = await realm.version()
    await realm.runAll()
    expect(await realm.version()).toBe(version)
    const events = (await realm.store.events.list()).filter(event => event.reason === 'KeyMailed')
    expect(events.map(event => event.message)).toEqual(['keys mailed to 2 people'])
  })

  it('keeps nobody from a seat while the mail server hangs', async () => {
    await using realm = await open()
    await member(realm, 'a')
    const hanging = Promise.withResolvers<void>()
    realm.mailer.onSend = () => hanging.promise
    const run = realm.loop.controller('LicensePool')
    await run?.step()
    await realm.loop.informer.caughtUp()
    const mailing = realm.loop.controller('SeatLedger')?.step()
    await member(realm, 'b')
    await realm.loop.informer.caughtUp()
    await run?.step()
    expect((await realm.store.list('SeatLedger')).items[0]?.spec.slots).toHaveLength(2)
    expect(mailed(realm)).toEqual([])
    hanging.resolve()
    await mailing
    await realm.run()
    expect(mailed(realm)).toEqual(['a@acme.example K-1', 'b@acme.example K-2'])
  })

  it('tries again what certainly did not arrive, with the same key, and never tells an address that refuses', async () => {
    await using realm = await open()
    realm.mailer.answers = mail =>
      mail.to.address.startsWith('a@')
        ? { outcome: 'Refused', response: '550 no' }
        : { outcome: 'NotSent', response: '421 later' }
    await member(realm, 'a')
    await member(realm, 'b')
    await realm.run()
    expect(mailed(realm)).toEqual([])
    realm.mailer.answers = []
    await realm.pass(10 * 60_000)
    expect(mailed(realm)).toEqual(['b@acme.example K-2'])
    await realm.pass(10 * 3_600_000)
    expect(realm.mailer.tried.filter(mail => mail.to.address.startsWith('a@'))).toHaveLength(1)
  })

  it('whose claimed key was taken out of the secret says so, and mails it when it is back', async () => {
    await using realm = await open()
    realm.mailer.answers = [{ outcome: 'NotSent', response: '421 later' }]
    await member(realm, 'a')
    await realm.run()
    keys = ['K-2']
    await realm.pass(5 * 60_000)
    expect(mailed(realm)).toEqual([])
    await realm.runAll()
    expect(await ready(realm)).toMatchObject({
      reason: 'KeysExhausted',
      message: expect.stringContaining('put it back'),
    })
    keys = ['K-1', 'K-2']
    await realm.pass(2 * 60_000)
    expect(mailed(realm)).toEqual(['a@acme.example K-1'])
    expect(await ready(realm)).toMatchObject({ status: 'True' })
  })

  it('gives no key while none of those handed out is recognised: they may be the very ones', async () => {
    await using realm = await open()
    await member(realm, 'a')
    await realm.run()
    // As after a restore without the folder of keys: every fingerprint is another one.
    await realm.restart({
      reconcilers: world =>
        reconcilers({ ...world, fingerprint: key => `other-${world.fingerprint(key)}`.slice(0, 64) }),
    })
    await member(realm, 'b')
    await realm.run()
    expect(mailed(realm)).toEqual(['a@acme.example K-1'])
    expect(await ready(realm)).toMatchObject({ status: 'False', message: expect.stringContaining('none is given') })
    await realm.restart({ reconcilers })
    await realm.pass(2 * 60_000)
    expect(mailed(realm)).toEqual(['a@acme.example K-1', 'b@acme.example K-2'])
  })

  it('mails nothing of a pool that is paused, or to somebody who lost the seat before', async () => {
    await using realm = await open()
    realm.mailer.answers = [{ outcome: 'NotSent', response: '421 later' }]
    await member(realm, 'a')
    await realm.run()
    await realm.store.annotate({ kind: 'LicensePool', name: 'suite' }, { 'roster.dev/pause': 'yes' }, { manager: 'x' })
    await realm.pass(3_600_000)
    expect(mailed(realm)).toEqual([])
    await realm.portal('acme', 'a@acme.example', spec => ({ ...spec, ended: { time: T, by: 'x', because: 'x' } }))
    await realm.store.annotate({ kind: 'LicensePool', name: 'suite' }, { 'roster.dev/pause': null }, { manager: 'x' })
    await realm.pass(3_600_000)
    expect(mailed(realm)).toEqual([])
  })
})
