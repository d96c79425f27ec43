import { beforeEach, describe, expect, it } from 'vitest'
import { RosterError } from '../../src/api/errors.ts'
import type { LicensePoolSpec } from '../../src/api/licensepool.ts'
import type { RoleSpec } from '../../src/api/role.ts'
import type { UserMembership, UserSpec } from '../../src/api/user.ts'
import { accountName } from '../../src/decide/record-names.ts'
import type { World } from '../../src/reconcilers/context.ts'
import { groupReconciler } from '../../src/reconcilers/group.ts'
import { invitationReconciler } from '../../src/reconcilers/invitation.ts'
import { licensePoolReconciler } from '../../src/reconcilers/licensepool.ts'
import { organizationReconciler } from '../../src/reconcilers/organization.ts'
import { roleReconciler } from '../../src/reconcilers/role.ts'
import { seatLedgerReconciler } from '../../src/reconcilers/seatledger.ts'
import { userReconciler } from '../../src/reconcilers/user.ts'
import type { Reconciler } from '../../src/runtime/reconciler.ts'
import { factsOf } from '../fakes/composer.ts'
import { HOUR, openRealm, type Realm, type RealmOptions } from '../fakes/realm.ts'

class NoSecret extends RosterError {
  readonly retry = 'backoff'
  readonly reason = 'SecretNotFound'
}

let keys: string[] | undefined

const everything = (world: World): Reconciler[] => {
  const secrets: World['secrets'] = {
    read: async (ref, audience) => {
      if (!keys || audience !== 'licensepool/suite') throw new NoSecret(`secret ${ref.name} has no key ${ref.key}`)
      return { value: `${keys.join('\n')}\n`, hosts: [] }
    },
  }
  return [
    organizationReconciler(world),
    roleReconciler(world),
    groupReconciler(world),
    userReconciler(world),
    invitationReconciler(world),
    licensePoolReconciler({ ...world, secrets }),
    seatLedgerReconciler({ ...world, secrets }),
  ] as unknown as Reconciler[]
}

const open = async (options: RealmOptions = {}): Promise<Realm> => {
  const realm = await openRealm({ reconcilers: everything, ...options })
  await realm.declare('Organization', 'acme', { domains: ['acme.example'] })
  for (const role of ['editor', 'viewer', 'admin'])
    await realm.declare('Role', role, { organization: 'acme' } satisfies RoleSpec)
  return realm
}

const pool = (realm: Realm, spec: Partial<LicensePoolSpec> = {}, name = 'suite') =>
  realm.declare('LicensePool', name, { organization: 'acme', product: 'CloudHub', seats: 10, selector: {}, ...spec })

const person = (realm: Realm, name: string, membership: Partial<UserMembership> = {}, spec: Partial<UserSpec> = {}) =>
  realm.declare('User', name, {
    email: `${name}@acme.example`,
    memberships: [{ organization: 'acme', roles: ['editor'], ...membership }],
    ...spec,
  })

/** `alice Used`, by slot; a User by name. */
const seats = async (realm: Realm, name = 'suite'): Promise<string[]> => {
  const users = new Map(
    (await realm.store.list('User')).items.map(user => [`user/${user.metadata.uid}`, user.metadata.name]),
  )
  const pages = (await realm.store.list('SeatLedger')).items.filter(page => page.spec.pool === name)
  return pages
    .flatMap(page => page.spec.slots)
    .sort((a, b) => a.slot - b.slot)
    .map(slot => `${users.get(slot.holder) ?? slot.address ?? slot.holder} ${slot.state}`)
}
const status = async (realm: Realm, name = 'suite') => {
  const { conditions = [], ...counts } = (await realm.store.get('LicensePool', name))?.status ?? {}
  const ready = conditions.find(one => one.type === 'Ready')
  return { ...counts, ready: ready?.reason, message: ready?.message, conditions: conditions.map(one => one.type) }
}
const reasons = async (realm: Realm) =>
  (await realm.store.events.list()).map(event => `${event.reason} ${event.message}`)

beforeEach(() => {
  keys = undefined
})

describe('seats', () => {
  it('are kept for eleven invited people as far as ten go, and the eleventh waits, first in line', async () => {
    await using realm = await open()
    await pool(realm)
    for (let at = 0; at < 11; at++) {
      await person(realm, `p${String(at).padStart(2, '0')}`)
      await realm.pass(1000)
    }
    expect(await seats(realm)).toEqual(
      Array.from({ length: 10 }, (_, at) => `p${String(at).padStart(2, '0')} Reserved`),
    )
    expect(await status(realm)).toMatchObject({
      seats: 10,
      reserved: 10,
      used: 0,
      free: 0,
      waiting: 1,
      ready: 'WaitingForSeat',
      conditions: ['Exhausted', 'Ready'],
    })

    await realm.accept('acme', 'p03@acme.example')
    await realm.run()
    expect(await status(realm)).toMatchObject({ reserved: 9, used: 1 })

    await realm.portal('acme', 'p05@acme.example', spec => ({
      ...spec,
      declined: { time: new Date(realm.clock.now()).toISOString(), attempt: 1, reported: false },
    }))
    await realm.run()
    expect((await seats(realm))[5]).toBe('p10 Reserved')
    expect(await status(realm)).toMatchObject({ waiting: 0, ready: 'Succeeded' })
  })

  it('are shown on the person: reserved, used, waited for, releasing', async () => {
    await using realm = await open()
    await pool(realm, { seats: 1 })
    const licenses = async (name: string) => (await realm.store.get('User', name))?.status?.licenses
    await person(realm, 'alice')
    await realm.pass(1000)
    await person(realm, 'bob', { join: 'None' })
    await realm.run()
    expect(await licenses('alice')).toEqual([{ pool: 'suite', quantity: 1, state: 'Reserved' }])
    expect(await licenses('bob')).toEqual([{ pool: 'suite', quantity: 1, state: 'Waiting' }])
    await realm.accept('acme', 'alice@acme.example')
    await realm.run()
    expect(await licenses('alice')).toEqual([{ pool: 'suite', quantity: 1, state: 'Used' }])
    await person(realm, 'alice', {}, { suspended: true })
    await realm.run()
    expect(await licenses('alice')).toEqual([{ pool: 'suite', quantity: 1, state: 'Releasing' }])
    await realm.pass(72 * HOUR)
    expect(await licenses('alice')).toBeUndefined()
    expect(await licenses('bob')).toEqual([{ pool: 'suite', quantity: 1, state: 'Used' }])
  })

  it('of a member without roles who comes back are used again, not only kept', async () => {
    await using realm = await open()
    await pool(realm, { seats: 1, releaseAfter: '0s' })
    await person(realm, 'alice', { join: 'None', roles: [] })
    await realm.pass(1000)
    await person(realm, 'alice', { join: 'None', roles: [], state: 'Ended' })
    await realm.pass(1000)
    expect(await seats(realm)).toEqual([])
    await person(realm, 'alice', { join: 'None', roles: [] })
    await realm.pass(1000)
    expect(await seats(realm)).toEqual(['alice Used'])
  })

  it('written once are not written again, and a wiped status comes back without a change', async () => {
    await using realm = await open()
    await pool(realm, { seats: 1 })
    await person(realm, 'alice')
    await person(realm, 'bob')
    await realm.run()
    const version = await realm.version()
    await realm.runAll()
    expect(await realm.version()).toBe(version)
    const before = await realm.store.list('SeatLedger')
    for (const { metadata } of (await realm.store.list('LicensePool')).items)
      await realm.store.patchStatus({ kind: 'LicensePool', name: metadata.name }, undefined, { ifUid: metadata.uid })
    await realm.runAll()
    expect((await realm.store.list('SeatLedger')).items).toEqual(before.items)
    expect(await status(realm)).toMatchObject({ reserved: 1, waiting: 1 })
  })

  it('of somebody who is not invited any more are free at once; used ones after their grace, and nobody has to look', async () => {
    await using realm = await open()
    await pool(realm, { seats: 1, releaseAfter: '72h' })
    await person(realm, 'alice', { join: 'None' })
    await realm.pass(1000)
    await person(realm, 'bob', { join: 'None' })
    await realm.run()
    expect(await seats(realm)).toEqual(['alice Used'])
    await realm.remove('User', 'alice')
    await realm.run()
    expect(await seats(realm)).toEqual(['alice@acme.example Releasing'])
    await realm.pass(72 * HOUR - 1)
    expect(await seats(realm)).toEqual(['alice@acme.example Releasing'])
    await realm.pass(1)
    expect(await seats(realm)).toEqual(['bob Used'])
  })

  it('come back to who comes back in time, in the same slot, also under a new User', async () => {
    await using realm = await open()
    await pool(realm, { seats: 2 })
    await person(realm, 'alice', { join: 'None' })
    await realm.run()
    await realm.remove('User', 'alice')
    await realm.pass(HOUR)
    expect(await seats(realm)).toEqual(['alice@acme.example Releasing'])
    await person(realm, 'alice', { join: 'None' })
    await realm.pass(HOUR)
    expect(await seats(realm)).toEqual(['alice Used'])
  })

  it('are given up when all invitations ran out', async () => {
    await using realm = await open()
    await pool(realm, { seats: 1 })
    await person(realm, 'alice')
    await realm.run()
    expect(await seats(realm)).toEqual(['alice Reserved'])
    await realm.pass(25 * HOUR)
    expect(await seats(realm)).toEqual(['alice Reserved'])
    await realm.pass(60 * HOUR)
    expect((await realm.store.list('Invitation')).items[0]?.status?.state).toBe('GaveUp')
    expect(await seats(realm)).toEqual([])
  })

  it('follow the selector: roles, external people, skipped addresses, an expression', async () => {
    await using realm = await open()
    await pool(realm, {
      selector: {
        roles: ['editor', 'admin'],
        external: 'Exclude',
        skip: ['svc-*'],
        expression: 'user.labels.team == "red"',
      },
    })
    const red = { labels: { team: 'red' } }
    const declare = (name: string, email: string, roles: string[], options?: object) =>
      realm.declare('User', name, { email, memberships: [{ organization: 'acme', roles, join: 'None' }] }, options)
    await declare('yes', 'yes@acme.example', ['editor'], red)
    await declare('other-role', 'other-role@acme.example', ['viewer'], red)
    await declare('external', 'external@partner.example', ['editor'], red)
    await declare('skipped', 'SVC-1@acme.example', ['admin'], red)
    await declare('blue', 'blue@acme.example', ['editor'], { labels: { team: 'blue' } })
    await declare('no-label', 'no-label@acme.example', ['editor'])
    await realm.run()
    expect(await seats(realm)).toEqual(['yes Used'])
  })

  it('stay with who has them when the expression fails, and nobody new gets one', async () => {
    await using realm = await open()
    await pool(realm, { selector: {} })
    await person(realm, 'alice', { join: 'None' })
    await realm.run()
    await pool(realm, { selector: { expression: 'user.name + 1 == 2' } })
    await person(realm, 'bob', { join: 'None' })
    await realm.run()
    expect(await seats(realm)).toEqual(['alice Used'])
    expect(await status(realm)).toMatchObject({ ready: 'ExpressionFailed' })
  })

  it('named for a person come without a selector, as many as were named, all at once', async () => {
    await using realm = await open()
    await pool(realm, { seats: 5, selector: undefined as never })
    await person(realm, 'nobody', { join: 'None' })
    await person(realm, 'alice', { join: 'None' }, { licenses: [{ pool: 'suite', quantity: 4 }] })
    await realm.pass(1000)
    await person(realm, 'bob', { join: 'None' }, { licenses: [{ pool: 'suite', quantity: 2 }] })
    await realm.run()
    expect(await seats(realm)).toEqual(Array(4).fill('alice Used'))
    expect(await status(realm)).toMatchObject({ free: 1, waiting: 1 })
  })

  it('named from a pool that is not there, or does not reach the person, are said to be', async () => {
    await using realm = await open()
    await realm.declare('Organization', 'other', {})
    await pool(realm, { organization: 'other' }, 'theirs')
    const ready = async () =>
      (await realm.store.get('User', 'alice'))?.status?.conditions?.find(one => one.type === 'Ready')
    await person(realm, 'alice', { join: 'None' }, { licenses: [{ pool: 'suite' }] })
    await realm.run()
    expect(await ready()).toMatchObject({ status: 'False', message: 'license pool suite does not exist' })
    await pool(realm)
    await realm.run()
    expect(await ready()).toMatchObject({ status: 'True' })
    await person(realm, 'alice', { join: 'None' }, { licenses: [{ pool: 'theirs' }] })
    await realm.run()
    expect(await ready()).toMatchObject({
      status: 'False',
      message: 'license pool theirs belongs to other, where the person has no membership',
    })
  })

  it('are kept when there are fewer of them, which is said, and given when there are more', async () => {
    await using realm = await open()
    await pool(realm, { seats: 2 })
    for (const name of ['alice', 'bob', 'carol']) await person(realm, name, { join: 'None' })
    await realm.run()
    await pool(realm, { seats: 1 })
    await realm.run()
    expect(await seats(realm)).toHaveLength(2)
    expect(await status(realm)).toMatchObject({
      seats: 1,
      used: 2,
      free: 0,
      waiting: 1,
      conditions: ['Exhausted', 'OverAllocated', 'Ready'],
    })
    await pool(realm, { seats: 3 })
    await realm.run()
    expect(await seats(realm)).toHaveLength(3)
  })

  it('of a shared pool reach the organizations below, once a person', async () => {
    await using realm = await open()
    await realm.declare('Organization', 'acme', { domains: ['acme.example'], children: ['north'] })
    await realm.declare('Organization', 'north', { parent: 'acme' })
    await pool(realm, { shared: true })
    await pool(realm, {}, 'own')
    await person(
      realm,
      'alice',
      {},
      {
        memberships: [
          { organization: 'acme', join: 'None' },
          { organization: 'north', join: 'None' },
        ],
      },
    )
    await person(realm, 'bob', {}, { memberships: [{ organization: 'north', join: 'None' }] })
    await realm.run()
    expect((await seats(realm)).sort()).toEqual(['alice Used', 'bob Used'])
    expect(await seats(realm, 'own')).toEqual(['alice Used'])
  })

  it('of a shared pool are given up by an organization that leaves it, and begin again where a parent confirms it', async () => {
    await using realm = await open()
    await realm.declare('Organization', 'acme', { children: ['shop'] })
    await realm.declare('Organization', 'shop', { parent: 'acme' })
    await pool(realm, { shared: true, releaseAfter: '0s' })
    await pool(realm, { organization: 'shop' }, 'own')
    await person(realm, 'ann', { organization: 'shop', roles: [], join: 'None' })
    await realm.run()
    expect(await seats(realm)).toEqual(['ann Used'])
    expect(await seats(realm, 'own')).toEqual(['ann Used'])

    await realm.declare('Organization', 'shop', {})
    await realm.run()
    expect(await seats(realm)).toEqual([])

    await realm.declare('Organization', 'acme', { children: [] })
    await realm.declare('Organization', 'shop', { parent: 'acme' })
    await realm.run()
    expect((await status(realm, 'own')).ready).toBe('ParentNotConfirmed')
    await realm.declare('Organization', 'acme', { children: ['shop'] })
    await realm.run()
    expect((await status(realm, 'own')).ready).toBe('Succeeded')
    expect(await seats(realm)).toEqual(['ann Used'])
  })

  it('serve who matters first, but take nothing from who is there', async () => {
    await using realm = await open()
    await pool(realm, { seats: 1, priority: [{ roles: ['admin'] }], releaseAfter: '0s' })
    await person(realm, 'early', { join: 'None' })
    await realm.pass(1000)
    await person(realm, 'next', { join: 'None' })
    await realm.pass(1000)
    await person(realm, 'boss', { join: 'None', roles: ['admin'] })
    await realm.run()
    expect(await seats(realm)).toEqual(['early Used'])
    await realm.remove('User', 'early')
    await realm.run()
    expect(await seats(realm)).toEqual(['boss Used'])
  })

  it('stay as they are while the place of the organization is not settled', async () => {
    await using realm = await open()
    await pool(realm)
    await person(realm, 'alice', { join: 'None' })
    await realm.run()
    await realm.declare('Organization', 'acme', { domains: ['acme.example'], parent: 'nowhere' })
    await person(realm, 'bob', { join: 'None' })
    await realm.run()
    expect(await seats(realm)).toEqual(['alice Used'])
    expect(await status(realm)).toMatchObject({ ready: 'ReferenceNotFound' })
  })

  it('that come and go are told as Events, and to the audit trail', async () => {
    await using realm = await open()
    await pool(realm, { releaseAfter: '0s' })
    await person(realm, 'alice', { join: 'None' })
    await realm.run()
    await realm.remove('User', 'alice')
    await realm.run()
    expect(await reasons(realm)).toEqual(expect.arrayContaining(['SeatGiven to alice', 'SeatFreed of alice']))
    const lines = realm.audit.lines.filter(entry => entry.action.startsWith('seat.'))
    expect(lines.map(entry => `${entry.action} ${entry.target}`)).toEqual([
      'seat.give User/alice',
      'seat.free User/alice',
    ])
  })
})

describe('licence keys', () => {
  const secret = { keysSecretRef: { name: 'suite-keys', key: 'keys' }, sendToEmail: true }
  const mailed = (realm: Realm, address: string) =>
    realm.mailer
      .to(address)
      .filter(mail => mail.subject === 'licenseKeys')
      .flatMap(mail => factsOf<{ keys: string[] }>(mail).keys)
  const prove = async (realm: Realm, address: string) =>
    realm.store.create(
      {
        kind: 'Account',
        metadata: { name: accountName(address) },
        spec: {
          address,
          credentialVersion: 0,
          proven: { time: new Date(realm.clock.now()).toISOString(), how: 'Link' },
        },
      },
      { manager: 'portal' },
    )

  it('are mailed one a seat, in their order, and never twice', async () => {
    keys = ['K-1', 'K-2', 'K-3', 'K-4']
    await using realm = await open()
    await pool(realm, { ...secret, selector: undefined as never })
    await person(realm, 'alice', { join: 'None' }, { licenses: [{ pool: 'suite', quantity: 2 }] })
    await realm.pass(1000)
    await person(realm, 'bob', { join: 'None' }, { licenses: [{ pool: 'suite' }] })
    await realm.run()
    await realm.runAll()
    expect(mailed(realm, 'alice@acme.example')).toEqual(['K-1', 'K-2'])
    expect(mailed(realm, 'bob@acme.example')).toEqual(['K-3'])
    expect(realm.mailer.sent.filter(mail => mail.subject === 'licenseKeys')).toHaveLength(2)
    const ledger = JSON.stringify(await realm.store.list('SeatLedger'))
    expect(ledger).not.toContain('K-1')
    expect(JSON.stringify(realm.audit.lines)).not.toContain('K-1')
  })

  it('go to an address only once it is proven', async () => {
    keys = ['K-1']
    await using realm = await open()
    await pool(realm, secret)
    await person(realm, 'alice')
    await realm.run()
    expect(mailed(realm, 'alice@acme.example')).toEqual([])
    await realm.accept('acme', 'alice@acme.example')
    await realm.run()
    expect(mailed(realm, 'alice@acme.example')).toEqual([])
    expect(await status(realm)).toMatchObject({ ready: 'WaitingForPerson' })
    await prove(realm, 'alice@acme.example')
    await realm.run()
    expect(mailed(realm, 'alice@acme.example')).toEqual(['K-1'])
    expect(await status(realm)).toMatchObject({ ready: 'Succeeded' })
  })

  it('of somebody whose seat was freed are never given to somebody else, and are theirs when they come back', async () => {
    keys = ['K-1', 'K-2']
    await using realm = await open()
    await pool(realm, { ...secret, seats: 1, releaseAfter: '0s' })
    await person(realm, 'alice', { join: 'None' })
    await realm.run()
    await realm.remove('User', 'alice')
    await realm.run()
    await person(realm, 'bob', { join: 'None' })
    await realm.run()
    expect(mailed(realm, 'bob@acme.example')).toEqual(['K-2'])
    await realm.remove('User', 'bob')
    await realm.run()
    await person(realm, 'alice', { join: 'None' })
    await realm.run()
    expect(await seats(realm)).toEqual(['alice Used'])
    expect(mailed(realm, 'alice@acme.example')).toEqual(['K-1'])
  })

  it('that run out are said to, while the seat is there, and go on when there are more', async () => {
    keys = ['K-1']
    await using realm = await open()
    await pool(realm, secret)
    for (const name of ['alice', 'bob']) await person(realm, name, { join: 'None' })
    await realm.run()
    expect(await seats(realm)).toHaveLength(2)
    expect(await status(realm)).toMatchObject({ ready: 'KeysExhausted', conditions: ['Ready', 'Stalled'] })
    keys = ['K-1', 'K-2']
    await realm.pass(60_000)
    expect([...mailed(realm, 'alice@acme.example'), ...mailed(realm, 'bob@acme.example')].sort()).toEqual([
      'K-1',
      'K-2',
    ])
    expect(await status(realm)).toMatchObject({ ready: 'Succeeded' })
  })

  it('without a secret are said to be missing, and seats are given all the same', async () => {
    await using realm = await open()
    await pool(realm, secret)
    await person(realm, 'alice', { join: 'None' })
    await realm.run()
    expect(await seats(realm)).toEqual(['alice Used'])
    expect(await status(realm)).toMatchObject({ ready: 'SecretNotFound' })
  })

  it('claimed before a crash are mailed after it, to the same person', async () => {
    keys = ['K-1', 'K-2']
    await using realm = await open()
    await pool(realm, secret)
    await person(realm, 'alice', { join: 'None' })
    realm.mailer.answers = () => ({ outcome: 'NotSent', response: '421 later' })
    await realm.run()
    expect(mailed(realm, 'alice@acme.example')).toEqual([])
    realm.mailer.answers = []
    await realm.restart({ reconcilers: everything })
    await realm.pass(HOUR)
    expect(mailed(realm, 'alice@acme.example')).toEqual(['K-1'])
  })
})
