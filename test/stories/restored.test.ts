import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { restoreHash } from '../../src/decide/restoring.ts'
import type { World } from '../../src/reconcilers/context.ts'
import { invitationReconciler } from '../../src/reconcilers/invitation.ts'
import { organizationReconciler } from '../../src/reconcilers/organization.ts'
import { userReconciler } from '../../src/reconcilers/user.ts'
import type { Reconciler } from '../../src/runtime/reconciler.ts'
import { DAY, openRealm, type Realm } from '../fakes/realm.ts'

let realm: Realm
const reconcilers = (world: World): Reconciler[] =>
  [userReconciler(world), invitationReconciler(world), organizationReconciler(world)] as unknown as Reconciler[]
const restored = { time: '2026-03-02T09:00:00.000Z', backup: '2026-03-01T09:00:00.000Z', hash: restoreHash('realm-1') }

beforeEach(async () => {
  realm = await openRealm({ reconcilers })
  await realm.declare('Organization', 'acme', { displayName: 'Acme GmbH' })
  await realm.declare('Role', 'viewer', { organization: 'acme', allow: ['documents:read'] })
  await member('alice', ['viewer'])
  await realm.run()
  await realm.accept('acme', 'alice@acme.example')
  await realm.run()
  realm.mailer.sent.length = 0
  await realm.store.mark(marks => ({ ...marks, restored: { time: restored.time, backup: restored.backup } }))
  await realm.restart({ reconcilers, restored })
  await realm.runAll()
})
afterEach(() => realm[Symbol.asyncDispose]())

const member = (name: string, roles: string[], more: { until?: string } = {}) =>
  realm.declare('User', name, {
    email: `${name}@acme.example`,
    memberships: [{ organization: 'acme', roles, ...more }],
  })
const approve = (name: string, spec: Partial<{ releases: string; organization: string; days: number }> = {}) =>
  realm.declare(
    'Approval',
    name,
    {
      releases: spec.releases ?? restored.hash,
      reason: 'looked at it',
      expirationTime: new Date(realm.clock.now() + (spec.days ?? 1) * DAY).toISOString(),
      ...(spec.organization !== undefined && { organization: spec.organization }),
    },
    { manager: 'local/eve' },
  )
const stateOf = async (name: string) => (await realm.store.get('Approval', name))?.status?.state
const settled = async (address: string) => (await realm.membership('acme', address))?.settled?.roles

describe('a restored realm', () => {
  it('mails nobody and takes nothing, and says so, until that is approved', async () => {
    await member('ben', ['viewer'])
    await member('alice', [])
    await realm.run()
    await realm.pass(DAY)
    expect(realm.mailer.sent).toEqual([])
    expect(await settled('alice@acme.example')).toEqual(['viewer'])
    const { status } = (await realm.store.get('Organization', 'acme')) ?? {}
    expect(status?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({
      reason: 'WaitingForApproval',
      message: expect.stringContaining('restored from a backup of 2026-03-01T09:00:00.000Z'),
    })
    expect(status?.conditions?.find(({ type }) => type === 'Frozen')?.status).toBe('True')

    await approve('go')
    await realm.run()
    expect(await stateOf('go')).toBe('Used')
    expect((await realm.store.marks()).restored).toBeUndefined()
    expect(realm.mailer.sent.map(mail => mail.to.address)).toContain('ben@acme.example')
    expect(await settled('alice@acme.example')).toEqual([])
    expect(realm.audit.lines).toContainEqual(
      expect.objectContaining({ action: 'restore.approve', actor: 'local/eve', because: 'looked at it' }),
    )
  })

  it('takes nothing by time either', async () => {
    await member('alice', ['viewer'], { until: '2026-03-03' })
    await realm.run()
    await realm.pass(5 * DAY)
    expect((await realm.membership('acme', 'alice@acme.example'))?.ended).toBeUndefined()
    await approve('go')
    await realm.run()
    expect((await realm.membership('acme', 'alice@acme.example'))?.ended).toBeDefined()
  })

  it('stays so through a restart, and stays let go through one', async () => {
    await member('ben', ['viewer'])
    await realm.restart({ reconcilers, restored })
    await realm.runAll()
    expect(realm.mailer.to('ben@acme.example')).toEqual([])
    await approve('go')
    await realm.run()
    expect(realm.mailer.to('ben@acme.example')).toHaveLength(1)
    expect((await realm.store.marks()).restored).toBeUndefined()
  })

  it.each([
    ['of another restore', { releases: restoreHash('realm-2') }, 'Waiting'],
    ['for more than a week', { days: 8 }, 'Refused'],
    ['of one organization', { organization: 'acme' }, 'Refused'],
  ])('is not let go by an Approval %s', async (_, spec, state) => {
    await member('ben', ['viewer'])
    await approve('no', spec)
    await realm.run()
    expect(await stateOf('no')).toBe(state)
    expect(realm.mailer.to('ben@acme.example')).toEqual([])
    expect((await realm.store.marks()).restored).toBeDefined()
  })

  it('is not let go before every source was read completely since', async () => {
    const source = await realm.declare('Source', 'people', { folder: { path: '/people' } })
    const readAt = (lastCompleteTime: string) =>
      realm.store.patchStatus({ kind: 'Source', name: 'people' }, { lastCompleteTime } as never, {
        ifUid: source.metadata.uid,
      })
    await readAt('2026-03-02T08:59:59.000Z')
    await member('ben', ['viewer'])
    await approve('go')
    await realm.run()
    const waiting = await realm.store.get('Approval', 'go')
    expect(waiting?.status?.state).toBe('Refused')
    expect(waiting?.status?.conditions?.find(({ type }) => type === 'Ready')?.message).toContain(
      'Source/people was not read completely since the restore',
    )
    expect(realm.mailer.to('ben@acme.example')).toEqual([])
    await readAt('2026-03-02T09:00:01.000Z')
    await realm.runAll()
    expect(await stateOf('go'), 'who approved before could not look at what the source declares').toBe('Refused')
    expect(realm.mailer.to('ben@acme.example')).toEqual([])
    await approve('again')
    await realm.run()
    expect(await stateOf('again')).toBe('Used')
    expect(realm.mailer.to('ben@acme.example')).toHaveLength(1)
  })

  it('is not let go before every directory whose policy acts was read completely since', async () => {
    const directory = await realm.declare('Directory', 'hr', {
      organization: 'acme',
      type: 'File',
      file: { path: 'people.csv', columns: { id: 'number' } },
      // Whatever policy there is beside it.
      policy: 'Other' as 'Observe',
    })
    await member('ben', ['viewer'])
    await approve('go')
    await realm.run()
    expect(await stateOf('go')).toBe('Refused')
    await realm.store.patchStatus(
      { kind: 'Directory', name: 'hr' },
      { lastCompleteTime: '2026-03-02T09:00:01.000Z' } as never,
      { ifUid: directory.metadata.uid },
    )
    await approve('again')
    await realm.run()
    expect(await stateOf('again')).toBe('Used')
    expect(realm.mailer.to('ben@acme.example')).toHaveLength(1)
  })
})
