import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { takesAccess } from '../../src/decide/membership.ts'
import type { Change } from '../../src/effects/change.ts'
import { plannedEffects } from '../../src/effects/planned.ts'
import { overlayStore } from '../../src/store/overlay/store.ts'
import { openRealm, type Realm } from '../fakes/realm.ts'

let realm: Realm
beforeEach(async () => {
  realm = await openRealm()
  await realm.declare('Organization', 'acme', { invitations: { dailyLimitPerInviter: 2 } })
  await realm.declare('Role', 'editor', { organization: 'acme', allow: ['documents:*'] })
})
afterEach(() => realm[Symbol.asyncDispose]())

describe('planned effects', () => {
  it('name what would happen, with what follows from it, and touch nothing', async () => {
    for (const name of ['a', 'b', 'c'])
      await realm.declare('User', name, {
        email: `${name}@acme.example`,
        memberships: [{ organization: 'acme', roles: ['editor'] }],
      })
    const changes: Change[] = []
    const overlay = await overlayStore(realm.store, { clock: realm.clock })
    const before = await realm.version()
    await using planned = await openRealm({
      store: overlay,
      clock: realm.clock,
      effects: (_live, store) =>
        plannedEffects({
          overlay: store,
          clock: realm.clock,
          note: change => changes.push(change),
          takes: takesAccess,
        }),
    })
    const rest = await planned.run()
    expect(await realm.version()).toBe(before)
    expect((await realm.store.list('Membership')).items).toHaveLength(0)
    expect(planned.mailer.tried).toHaveLength(0)
    const said = changes.map(
      ({ action, target, name, fields }) => `${action} ${target} ${fields.to ?? fields.email ?? name}`,
    )
    expect(said.toSorted()).toEqual([
      'create resource a@acme.example',
      'create resource b@acme.example',
      'create resource c@acme.example',
      'queue mail c@acme.example',
      'send mail a@acme.example',
      'send mail b@acme.example',
    ])
    expect(rest.later.map(later => later.kind)).toContain('Invitation')
  })

  it('name a loss and do not carry it out', async () => {
    await realm.declare('User', 'a', {
      email: 'a@acme.example',
      memberships: [{ organization: 'acme', roles: ['editor'] }],
    })
    await realm.run()
    await realm.accept('acme', 'a@acme.example')
    await realm.run()
    await realm.declare('User', 'a', {
      email: 'a@acme.example',
      memberships: [{ organization: 'acme', state: 'Ended' }],
    })
    const changes: Change[] = []
    const overlay = await overlayStore(realm.store, { clock: realm.clock })
    await using planned = await openRealm({
      store: overlay,
      clock: realm.clock,
      effects: (_live, store) =>
        plannedEffects({
          overlay: store,
          clock: realm.clock,
          note: change => changes.push(change),
          takes: takesAccess,
        }),
    })
    await planned.run()
    expect(changes).toContainEqual(
      expect.objectContaining({
        action: 'end',
        target: 'membership',
        name: 'a',
        fields: { roles: ['editor'], permissions: ['documents:*'] },
      }),
    )
    expect((await realm.membership('acme', 'a@acme.example'))?.ended).toBeUndefined()
  })
})
