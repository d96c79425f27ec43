import { describe, expect, it } from 'vitest'
import { summarize } from '../../src/app/plan-summary.ts'
import { planRows } from '../../src/cli/planrows.ts'
import { DAY, HOUR } from '../fakes/realm.ts'
import { applyOn, openPlanned, placed, planOn, revisionWith } from './planning.ts'

const acme = placed('Organization', 'acme', { domains: ['acme.example'], timeZone: 'Europe/Berlin' })
const role = (name: string, ...allow: string[]) =>
  placed('Role', name, { organization: 'acme', allow: allow.length > 0 ? allow : ['documents:read'] })
const user = (name: string, membership: object = {}, spec: object = {}) =>
  placed('User', name, {
    email: `${name}@acme.example`,
    memberships: [{ organization: 'acme', roles: ['viewer'], ...membership }],
    ...spec,
  })

describe('a plan', () => {
  it('names people and addresses, never the records that remember them', async () => {
    await using realm = await openPlanned()
    const invitation = placed('Invitation', 'carol', { organization: 'acme', email: 'carol@partner.example' })
    const plan = await planOn(realm, revisionWith(acme, role('viewer'), user('alice'), invitation))
    expect(plan.changes.filter(({ target }) => target === 'mail')).toEqual([
      {
        action: 'send',
        target: 'mail',
        kind: 'Invitation',
        name: 'carol',
        organization: 'acme',
        because: 'invitations/carol.yaml:1',
        fields: { template: 'invitation', to: 'carol@partner.example' },
      },
      {
        action: 'send',
        target: 'mail',
        kind: 'User',
        name: 'alice',
        organization: 'acme',
        because: 'users/alice.yaml:1',
        fields: { template: 'invitation', to: 'alice@acme.example', roles: ['viewer'] },
      },
    ])
    expect(JSON.stringify(plan)).not.toMatch(/"m-[a-z2-7]{26}/)
  })

  it('says how many invitations go now, and when the others do', async () => {
    await using realm = await openPlanned()
    const people = Array.from({ length: 120 }, (_, at) => user(`p${String(at).padStart(3, '0')}`))
    const plan = await planOn(realm, revisionWith(acme, role('viewer'), ...people))
    const mails = (action: string) => plan.changes.filter(one => one.target === 'mail' && one.action === action)
    expect(mails('send')).toHaveLength(50)
    expect(mails('queue')).toHaveLength(70)
    const times = plan.later
      .filter(({ target }) => target === 'mail')
      .map(({ time }) => Date.parse(time) - realm.clock.now())
    expect(times.filter(time => time === DAY)).toHaveLength(50)
    expect(times.filter(time => time === 2 * DAY)).toHaveLength(20)
    expect(plan.later.at(-1)).toMatchObject({ fields: { to: 'p119@acme.example', roles: ['viewer'] } })
  })

  it('gives nobody a place in the line who had none when it was made', async () => {
    await using realm = await openPlanned()
    const limited = (dailyLimitPerInviter: number) =>
      placed('Organization', 'acme', { domains: ['acme.example'], invitations: { dailyLimitPerInviter } })
    const of = (name: string, address: string, suspended: boolean, join: 'Invitation' | 'Account' = 'Invitation') =>
      placed('User', name, {
        email: `${address}@acme.example`,
        suspended,
        memberships: [{ organization: 'acme', join, roles: [] }],
      })
    await applyOn(realm, revisionWith(limited(50), of('p1', 'a4', true)))
    await realm.pass(HOUR)
    // The address goes to somebody else, who may be invited; two others are wanted only now.
    const next = revisionWith(
      limited(2),
      of('p2', 'a4', false),
      of('p1', 'a1', false, 'Account'),
      placed('Invitation', 'i1', { organization: 'acme', email: 'a5@acme.example' }),
    )
    const plan = await planOn(realm, next)
    const planned = plan.changes.filter(({ action, target }) => action === 'send' && target === 'mail')
    await applyOn(realm, next)
    expect(planned.map(({ fields }) => fields['to'])).toEqual(realm.mailer.tried.map(({ to }) => to.address))
  })

  it('lists what time will bring, and no time at which something is only looked at', async () => {
    await using realm = await openPlanned()
    const plan = await planOn(
      realm,
      revisionWith(
        acme,
        role('viewer'),
        user('ann'),
        user('ben', { until: '2026-06-30' }),
        user('cleo', { from: '2026-04-01' }),
      ),
    )
    expect(plan.later.map(({ time, action, target, name }) => `${time} ${action} ${target} ${name}`)).toEqual([
      '2026-03-31T22:00:00.000Z join membership cleo',
      '2026-06-30T22:00:00.000Z end membership ben',
    ])
  })

  it('names open invitations that carry a role which changes, but not those that go with it', async () => {
    await using realm = await openPlanned()
    const before = [acme, role('viewer'), user('dan'), user('eve'), user('kim')]
    await applyOn(realm, revisionWith(...before))
    await realm.accept('acme', 'kim@acme.example')
    await realm.run()
    const plan = await planOn(realm, revisionWith(acme, role('viewer', 'documents:*'), user('dan'), user('kim')))
    expect(plan.warnings).toEqual([
      {
        kind: 'Role',
        name: 'viewer',
        organization: 'acme',
        because: 'roles/viewer.yaml:1',
        message: 'role viewer changes: 1 open invitation carries it',
        addresses: ['dan@acme.example'],
      },
    ])
    const gone = await planOn(realm, revisionWith(acme, user('dan', { roles: [] }), user('eve'), user('kim')))
    expect(gone.warnings.map(({ message }) => message)).toEqual(['role viewer is deleted: 2 open invitations carry it'])
  })

  it('shows what people lose who are pruned', async () => {
    await using realm = await openPlanned()
    const pool = placed('LicensePool', 'suite', { organization: 'acme', product: 'Suite', seats: 5, selector: {} })
    await applyOn(realm, revisionWith(acme, role('viewer'), pool, user('ann'), user('ben')))
    await realm.accept('acme', 'ann@acme.example')
    await realm.pass(HOUR)
    const plan = await planOn(realm, revisionWith(acme, role('viewer'), pool))
    expect(plan.changes).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          action: 'delete',
          target: 'resource',
          kind: 'User',
          name: 'ann',
          organization: 'acme',
        }),
        expect.objectContaining({
          action: 'end',
          target: 'membership',
          name: 'ann',
          fields: { roles: ['viewer'], permissions: ['documents:read'] },
        }),
        expect.objectContaining({ action: 'free', target: 'seat', name: 'ben', fields: { pool: 'suite', seats: 1 } }),
      ]),
    )
    expect(summarize(plan)).toMatchObject({ delete: 3, losing: 1, seatsFreed: 1 })
    // A used seat stays for a while.
    expect(plan.later).toEqual([
      expect.objectContaining({ action: 'free', target: 'seat', name: 'ann', fields: { pool: 'suite', seats: 1 } }),
    ])
  })

  it('tells where permissions of people above reach no more, and where they reach from now on', async () => {
    await using realm = await openPlanned()
    const people = (...children: string[]) => [
      placed('Organization', 'acme', { children, guard: { minAdmins: 0 } }),
      ...['shop', 'yard'].map(name => placed('Organization', name, children.includes(name) ? { parent: 'acme' } : {})),
      placed('Role', 'helper', { organization: 'acme', allow: ['documents:read'], scope: 'Descendants' }),
      user('ann', { join: 'None', roles: ['helper'] }, {}),
    ]
    await applyOn(realm, revisionWith(...people('shop')))
    const plan = await planOn(realm, revisionWith(...people('yard')))
    const access = plan.changes.filter(({ target }) => target === 'access')
    expect(access.map(({ action, name, fields }) => ({ action, name, ...fields }))).toEqual([
      { action: 'grant', name: 'ann', roles: [], groups: [], permissions: [], reach: ['yard'] },
      { action: 'take', name: 'ann', roles: [], groups: [], permissions: [], reach: ['shop'] },
    ])
    const rows = [...planRows(plan).values()].flat().filter(({ name }) => name === 'ann')
    expect(rows.map(({ verb, what }) => `${verb}: ${what}`)).toEqual(['change: loses reach: shop; gains reach: yard'])
  })

  it('keeps what has gone while prune is off, and never prunes for an empty source', async () => {
    await using realm = await openPlanned()
    await applyOn(realm, revisionWith(acme, role('viewer'), user('ann')))
    const kept = await planOn(realm, revisionWith(acme, role('viewer')), { prune: false })
    expect(kept.changes).toEqual([])
    expect(kept.held).toEqual([
      expect.objectContaining({ reason: 'PruneHeld', refs: [expect.objectContaining({ kind: 'User', name: 'ann' })] }),
    ])
    const empty = await planOn(realm, revisionWith())
    expect(empty.changes).toEqual([])
    expect(empty.held).toEqual([expect.objectContaining({ reason: 'EmptySource' })])
  })

  it('shows what is due anyway only when everything runs', async () => {
    await using realm = await openPlanned()
    const all = [acme, role('viewer'), user('ann', { until: '2026-03-31' })]
    await applyOn(realm, revisionWith(...all))
    await realm.accept('acme', 'ann@acme.example')
    await realm.run()
    // The controller is away while the membership ends.
    await realm.clock.advance(60 * DAY)
    const reached = await planOn(realm, revisionWith(...all))
    expect([reached.changes, reached.alsoDue]).toEqual([[], []])
    const whole = await planOn(realm, revisionWith(...all), { all: true })
    expect(whole.changes).toEqual([])
    expect(whole.alsoDue).toEqual([expect.objectContaining({ action: 'end', target: 'membership', name: 'ann' })])
    expect(whole.hash).toBe(reached.hash)
  })

  it('of one organization does not depend on people whom it does not reach', async () => {
    await using realm = await openPlanned()
    const others = Array.from({ length: 30 }, (_, at) => user(`p${at}`))
    await applyOn(realm, revisionWith(acme, role('viewer'), ...others))
    const plan = await planOn(realm, revisionWith(acme, role('viewer'), ...others, user('ann')))
    expect(new Set(plan.changes.map(({ name }) => name.split('-')[0]))).toEqual(new Set(['ann']))
  })

  it('of what is held says so again, and leaves the way back open however often it is applied', async () => {
    await using realm = await openPlanned()
    const guarded = placed('Organization', 'acme', { domains: ['acme.example'], guard: { freeRemovals: 0 } })
    const ann = user('ann', { join: 'Account' })
    const invitation = placed('Invitation', 'ann', { organization: 'acme', email: 'ann@acme.example' })
    await applyOn(realm, revisionWith(guarded, role('viewer'), ann, invitation))
    await realm.pass(HOUR)
    const without = revisionWith(guarded, role('viewer'))
    await applyOn(realm, without)
    const plan = await planOn(realm, without)
    expect(plan.changes).toEqual([])
    expect(plan.held.map(({ refs }) => refs)).toEqual([[{ kind: 'User', name: 'ann' }]])
    await applyOn(realm, without)
    await applyOn(realm, revisionWith(guarded, role('viewer'), ann))
    await realm.pass(HOUR)
    expect((await realm.store.get('User', 'ann'))?.metadata.deletionTimestamp).toBeUndefined()
    expect((await realm.membership('acme', 'ann@acme.example'))?.settled?.roles).toEqual(['viewer'])
    expect((await planOn(realm, without)).held.map(({ refs }) => refs)).toEqual([[{ kind: 'User', name: 'ann' }]])
  })

  it.each([1, 9])('names the %d people who no longer reach down to an organization that is cut off', async count => {
    await using realm = await openPlanned()
    const parent = placed('Organization', 'acme', { domains: ['acme.example'], children: ['shop'] })
    const helper = placed('Role', 'viewer', { organization: 'acme', allow: ['documents:read'], scope: 'Descendants' })
    const people = Array.from({ length: count }, (_, at) => user(`p${at}`, { join: 'None' }))
    const names = people.map(({ manifest }) => manifest.metadata.name)
    const rest = [parent, helper, ...people]
    await applyOn(realm, revisionWith(...rest, placed('Organization', 'shop', { parent: 'acme' })))
    await realm.pass(2 * DAY)
    const plan = await planOn(realm, revisionWith(...rest, placed('Organization', 'shop', {})))
    const taken = plan.changes.filter(({ action, target }) => action === 'take' && target === 'access')
    const held = plan.held.flatMap(({ refs }) => refs.map(({ name }) => name))
    expect([taken.map(({ name, fields }) => [name, fields['reach']]), held.sort()]).toEqual(
      count === 1 ? [[['p0', ['shop']]], []] : [[], names],
    )
  })

  it('names a pool that is too small, once, for those who begin to wait', async () => {
    await using realm = await openPlanned()
    const pool = placed('LicensePool', 'suite', { organization: 'acme', product: 'Suite', seats: 1, selector: {} })
    await applyOn(realm, revisionWith(acme, role('viewer'), pool, user('ann'), user('ben')))
    const plan = await planOn(realm, revisionWith(acme, role('viewer'), pool, user('ann'), user('ben'), user('cleo')))
    expect(plan.warnings).toEqual([
      {
        kind: 'LicensePool',
        name: 'suite',
        organization: 'acme',
        because: 'licensepools/suite.yaml:1',
        message: 'pool suite has 1 seat: 1 person waits for one',
        addresses: ['cleo@acme.example'],
      },
    ])
  })
})
