import { describe, expect, it } from 'vitest'
import { reconcilersOf } from '../../src/app/world.ts'
import type { PlacedManifest } from '../../src/source/revision.ts'
import { openRealm, type Realm } from '../fakes/realm.ts'
import { applyOn, openPlanned, placed, planOn, revisionWith } from './planning.ts'

const acme = placed('Organization', 'acme', { domains: ['acme.example'] })
const viewer = placed('Role', 'viewer', { organization: 'acme', allow: ['documents:read'] })
const guest = placed('Invitation', 'guest', { organization: 'acme', email: 'kim@acme.example', roles: ['viewer'] })
const kim = (membership: object, spec: object = {}) =>
  placed('User', 'kim', {
    email: 'kim@acme.example',
    memberships: [{ organization: 'acme', ...membership }],
    ...spec,
  })
const kimberly = (membership: object) =>
  placed('User', 'kimberly', {
    email: 'kimberly@acme.example',
    previousNames: ['kim'],
    memberships: [{ organization: 'acme', ...membership }],
  })

/** Applies the one, then the other in a process that has just begun, in which every key runs; nothing may be left to do then. */
const renamed = async (realm: Realm, before: PlacedManifest[], after: PlacedManifest[]): Promise<void> => {
  await applyOn(realm, revisionWith(acme, viewer, ...before))
  await realm.restart({ reconcilers: reconcilersOf })
  await applyOn(realm, revisionWith(acme, viewer, ...after))
  const { changes, alsoDue } = await planOn(realm, revisionWith(acme, viewer, ...after), { all: true })
  expect([...changes, ...alsoDue]).toEqual([])
}

const usersOf = async (realm: Realm) => (await realm.store.list('User')).items.map(({ metadata }) => metadata.name)
const membershipOf = (realm: Realm, name: string) => realm.membership('acme', `${name}@acme.example`)

describe('somebody who is renamed and has another address at once', () => {
  it('and is invited instead of known, belongs no more and is invited where they are now', async () => {
    await using realm = await openPlanned()
    await renamed(realm, [kim({ join: 'None' })], [kimberly({ join: 'Invitation' })])
    expect((await membershipOf(realm, 'kim'))?.joined).toBeUndefined()
    expect((await membershipOf(realm, 'kimberly'))?.attempts).toMatchObject([{ outcome: 'Sent' }])
    expect(await usersOf(realm)).toEqual(['kimberly'])
  })

  it('and never signed in with the account of the former address, ends there', async () => {
    await using realm = await openPlanned()
    await renamed(realm, [kim({ join: 'Account' })], [kimberly({ join: 'Invitation' })])
    expect((await membershipOf(realm, 'kim'))?.ended).toBeDefined()
    expect((await membershipOf(realm, 'kimberly'))?.attempts).toMatchObject([{ outcome: 'Sent' }])
    expect(await usersOf(realm)).toEqual(['kimberly'])
  })

  it('and whose time is over, holds no seat by an invitation of the former address, as without the rename', async () => {
    const pool = placed('LicensePool', 'suite', {
      organization: 'acme',
      product: 'Suite',
      seats: 1,
      selector: { roles: ['viewer'] },
    })
    const suspended = kim({}, { suspended: true })
    await using realm = await openPlanned()
    await renamed(realm, [guest, suspended], [guest, pool, kimberly({ until: '2026-03-01' })])
    expect((await membershipOf(realm, 'kim'))?.user?.name).toBe('kimberly')
    expect((await realm.store.list('SeatLedger')).items.flatMap(({ spec }) => spec.slots)).toEqual([])

    await using other = await openRealm({ reconcilers: reconcilersOf })
    const moved = placed('User', 'kim', {
      email: 'kimberly@acme.example',
      memberships: [{ organization: 'acme', until: '2026-03-01' }],
    })
    await renamed(other, [guest, suspended], [guest, pool, moved])
    expect((await other.store.list('SeatLedger')).items.flatMap(({ spec }) => spec.slots)).toEqual([])
  })

  it('makes no User of the former address while what they had there is still held', async () => {
    const strict = placed('Organization', 'acme', { domains: ['acme.example'], guard: { freeRemovals: 0 } })
    await using realm = await openPlanned()
    await applyOn(realm, revisionWith(strict, viewer, kim({ join: 'None', roles: ['viewer'] })))
    await realm.restart({ reconcilers: reconcilersOf })
    await applyOn(realm, revisionWith(strict, viewer, kimberly({ join: 'Invitation' })))
    expect((await membershipOf(realm, 'kim'))?.settled?.roles).toEqual(['viewer'])
    expect(await usersOf(realm)).toEqual(['kimberly'])
  })
})
