import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { setFrozen } from '../../src/app/freezing.ts'
import type { World } from '../../src/reconcilers/context.ts'
import { invitationReconciler } from '../../src/reconcilers/invitation.ts'
import { organizationReconciler } from '../../src/reconcilers/organization.ts'
import { userReconciler } from '../../src/reconcilers/user.ts'
import type { Reconciler } from '../../src/runtime/reconciler.ts'
import { DAY, HOUR, openRealm, type Realm } from '../fakes/realm.ts'

let realm: Realm
const reconcilers = (world: World): Reconciler[] =>
  [userReconciler(world), invitationReconciler(world), organizationReconciler(world)] as unknown as Reconciler[]
beforeEach(async () => {
  realm = await openRealm({ reconcilers })
  await realm.declare('Organization', 'holding', { children: ['acme'] })
  await realm.declare('Organization', 'acme', { parent: 'holding', displayName: 'Acme GmbH' })
  await realm.declare('Organization', 'other', {})
  await realm.declare('Role', 'viewer', { organization: 'acme', allow: ['users:read'] })
  await realm.run()
})
afterEach(() => realm[Symbol.asyncDispose]())

const freezing = () => ({ store: realm.store, audit: realm.audit, actor: 'local/eve' })
const freeze = (name?: string) => setFrozen(freezing(), name, true)
const unfreeze = (name?: string) => setFrozen(freezing(), name, false)
const invite = (name: string, organization = 'acme') =>
  realm.declare('Invitation', name, { email: `${name}@partner.example`, organization }, { manager: 'user/bob' })
const readyOf = async (kind: 'Invitation' | 'Organization' | 'User', name: string) =>
  (await realm.store.get(kind, name))?.status?.conditions?.find(({ type }) => type === 'Ready')
const eventsOf = async (name: string) =>
  (await realm.store.events.list()).filter(({ ref }) => ref.name === name).map(({ reason }) => reason)
const manyDaily = { dailyLimitPerInviter: 100_000, dailyLimit: 1_000_000 }

describe('a frozen organization', () => {
  it('sends nothing, and says so where people look', async () => {
    await freeze('acme')
    await invite('carol')
    await realm.run()
    expect(realm.mailer.tried).toEqual([])
    expect(await readyOf('Invitation', 'carol')).toMatchObject({
      status: 'True',
      reason: 'Frozen',
      message: 'organization acme is frozen: no mail leaves until `roster unfreeze acme`',
    })
    const conditions = (await realm.store.get('Organization', 'acme'))?.status?.conditions ?? []
    expect(conditions.find(({ type }) => type === 'Frozen')).toMatchObject({ status: 'True', reason: 'Frozen' })
    expect(await readyOf('Organization', 'acme')).toMatchObject({
      status: 'True',
      reason: 'Frozen',
      message: expect.stringContaining('(frozen by local/eve)'),
    })
    expect(await eventsOf('acme')).toContain('Frozen')
    expect(realm.audit.lines).toContainEqual(
      expect.objectContaining({ action: 'organization.freeze', actor: 'local/eve', target: 'Organization/acme' }),
    )
  })

  it('says so once, however often it is looked at', async () => {
    await freeze('acme')
    await invite('carol')
    await realm.run()
    const before = await realm.version()
    const told = (await realm.store.events.list()).find(({ reason }) => reason === 'Frozen')?.count
    await realm.runAll()
    expect(await realm.version()).toBe(before)
    expect((await realm.store.events.list()).find(({ reason }) => reason === 'Frozen')?.count).toBe(told)
  })

  it('sends each mail once when it goes on', async () => {
    await freeze('acme')
    for (const name of ['carol', 'dan', 'eve']) await invite(name)
    await realm.run()
    await unfreeze('acme')
    await realm.run()
    await realm.runAll()
    expect(realm.mailer.sent.map(mail => mail.to.address).sort()).toEqual(
      ['carol', 'dan', 'eve'].map(name => `${name}@partner.example`),
    )
    expect(await readyOf('Invitation', 'carol')).toMatchObject({ reason: 'WaitingForPerson' })
    const conditions = (await realm.store.get('Organization', 'acme'))?.status?.conditions ?? []
    expect(conditions.some(({ type }) => type === 'Frozen')).toBe(false)
    expect(await eventsOf('acme')).toContain('Unfrozen')
  })

  it('freezes those below it, and leaves others alone', async () => {
    await freeze('holding')
    await invite('carol')
    await invite('olga', 'other')
    await realm.run()
    expect(realm.mailer.sent.map(mail => mail.to.address)).toEqual(['olga@partner.example'])
    expect(await readyOf('Organization', 'acme')).toMatchObject({
      reason: 'Frozen',
      message: expect.stringContaining('organization holding is frozen'),
    })
    expect(await unfreeze('acme')).toEqual([expect.objectContaining({ organization: 'acme', above: 'holding' })])
    await realm.run()
    expect(realm.mailer.to('carol@partner.example')).toEqual([])
    await unfreeze('holding')
    await realm.run()
    expect(realm.mailer.to('carol@partner.example')).toHaveLength(1)
  })

  it('cannot be thawed by one below that says false', async () => {
    await realm.declare('Organization', 'acme', { parent: 'holding', frozen: false })
    await freeze('holding')
    await invite('carol')
    await realm.run()
    expect(realm.mailer.tried).toEqual([])
  })

  it('without a name is every organization at the top', async () => {
    const done = await freeze()
    expect(done.map(({ organization }) => organization)).toEqual(['holding', 'other'])
    await invite('carol')
    await invite('olga', 'other')
    await realm.run()
    expect(realm.mailer.tried).toEqual([])
    expect((await unfreeze()).map(({ frozen, changed }) => [frozen, changed])).toEqual([
      [false, true],
      [false, true],
    ])
    await realm.run()
    expect(realm.mailer.sent).toHaveLength(2)
  })

  it('stays frozen after a crash', async () => {
    await freeze('acme')
    await invite('carol')
    await realm.restart({ reconcilers })
    await realm.runAll()
    expect(realm.mailer.tried).toEqual([])
  })

  it('lets people join, and takes access from them, as ever', async () => {
    await realm.declare('User', 'alice', {
      email: 'alice@acme.example',
      memberships: [{ organization: 'acme', roles: ['viewer'] }],
    })
    await realm.run()
    await freeze('acme')
    await realm.accept('acme', 'alice@acme.example')
    await realm.run()
    expect((await realm.membership('acme', 'alice@acme.example'))?.settled?.roles).toEqual(['viewer'])
    // The invitation went before; the welcome waits.
    expect(realm.mailer.to('alice@acme.example')).toHaveLength(1)
    await realm.declare('User', 'alice', {
      email: 'alice@acme.example',
      memberships: [{ organization: 'acme', state: 'Ended' }],
    })
    await realm.run()
    expect((await realm.membership('acme', 'alice@acme.example'))?.ended).toBeDefined()
  })

  it('tells no old news when it goes on', async () => {
    await realm.declare('User', 'alice', {
      email: 'alice@acme.example',
      memberships: [{ organization: 'acme', roles: ['viewer'] }],
    })
    await realm.run()
    await freeze('acme')
    await realm.accept('acme', 'alice@acme.example')
    await realm.run()
    await realm.pass(4 * DAY)
    await unfreeze('acme')
    await realm.run()
    expect(realm.mailer.to('alice@acme.example')).toHaveLength(1)
  })

  it('makes a new link instead of one whose time has passed, and does not send it twice', async () => {
    await invite('carol')
    await realm.run()
    await freeze('acme')
    await realm.pass(3 * DAY)
    expect(realm.mailer.to('carol@partner.example')).toHaveLength(1)
    expect((await realm.store.get('Invitation', 'carol'))?.status?.state).toBe('Expired')
    await unfreeze('acme')
    await realm.run()
    await realm.pass(HOUR)
    expect(realm.mailer.to('carol@partner.example')).toHaveLength(2)
    const attempts = (await realm.membership('acme', 'carol@partner.example'))?.attempts ?? []
    expect(Date.parse(attempts.at(-1)?.expirationTime ?? '')).toBeGreaterThan(realm.clock.now())
  })
})

describe('freezing while mail is on its way', () => {
  it('stops a mail that is claimed already, and sends it once afterwards', async () => {
    realm.mailer.onSend = async () => {
      realm.mailer.onSend = undefined
      await freeze('acme')
    }
    await invite('carol')
    await realm.run()
    expect(realm.mailer.tried).toEqual([])
    expect((await realm.membership('acme', 'carol@partner.example'))?.attempts).toMatchObject([
      { outcome: 'NotSent', response: expect.stringContaining('acme is frozen') },
    ])
    await realm.pass(2 * HOUR)
    expect(realm.mailer.tried).toEqual([])
    await unfreeze('acme')
    await realm.run()
    await realm.pass(HOUR)
    expect(realm.mailer.to('carol@partner.example')).toHaveLength(1)
    expect((await realm.membership('acme', 'carol@partner.example'))?.attempts).toHaveLength(1)
  })

  it('lets no mail begin after it, though the loop has not seen it yet', async () => {
    await realm.declare('Organization', 'acme', { parent: 'holding', invitations: manyDaily })
    let after = 0
    let before = 0
    realm.mailer.onSend = async () => {
      if (realm.mailer.sent.length === 100) {
        await freeze('acme')
        before = realm.mailer.sent.length
      }
      if ((await realm.store.get('Organization', 'acme'))?.spec.frozen) after++
    }
    for (let n = 0; n < 400; n++) await invite(`p${n}`)
    await realm.run()
    expect(after).toBeGreaterThan(0)
    // One may be past the last question at the moment of the answer.
    expect(realm.mailer.sent.length).toBeLessThanOrEqual(before + 1)
    const sent = realm.mailer.sent.length
    await realm.pass(6 * HOUR)
    expect(realm.mailer.sent).toHaveLength(sent)
    realm.mailer.onSend = undefined
    await unfreeze('acme')
    await realm.run()
    await realm.pass(HOUR)
    expect(new Set(realm.mailer.sent.map(mail => mail.to.address)).size).toBe(400)
    expect(realm.mailer.sent).toHaveLength(400)
  })

  it('sends nothing where it cannot be read whether it is frozen', async () => {
    const { get } = realm.store
    realm.mailer.onSend = () => {
      realm.store.get = () => Promise.reject(new Error('the store is away'))
    }
    await invite('carol')
    await realm.run()
    realm.store.get = get
    realm.mailer.onSend = undefined
    expect(realm.mailer.tried).toEqual([])
    await realm.pass(60_000)
    expect(realm.mailer.to('carol@partner.example')).toHaveLength(1)
  })
})

describe('what a manifest says of it', () => {
  it('is not undone by hand: unfreezing names the file', async () => {
    await realm.declare('Organization', 'other', { frozen: true })
    const [one] = await unfreeze('other')
    expect(one).toMatchObject({ changed: false, frozen: true, refused: expect.stringContaining('source/people') })
  })
})
