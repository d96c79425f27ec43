import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { generatedInvitationName } from '../../src/decide/record-names.ts'
import { factsOf } from '../fakes/composer.ts'
import { DAY, HOUR, openRealm, type Realm } from '../fakes/realm.ts'

let realm: Realm
const name = generatedInvitationName('alice', 'acme')
beforeEach(async () => {
  realm = await openRealm()
  await realm.declare('Organization', 'acme', {
    contacts: [{ name: 'Bob', email: 'bob@acme.example', purpose: 'Technical' }],
  })
})
afterEach(() => realm[Symbol.asyncDispose]())

const alice = () =>
  realm.declare('User', 'alice', { email: 'alice@acme.example', memberships: [{ organization: 'acme' }] })
const status = async () => (await realm.store.get('Invitation', name))?.status
const ready = async () => (await status())?.conditions?.find(one => one.type === 'Ready')
const ids = () =>
  realm.mailer.tried
    .filter(mail => mail.subject === 'invitation')
    .map(mail => `${mail.messageId} ${JSON.parse(mail.text).url} ${mail.date}`)

describe('an invitation mail', () => {
  it('that is refused for good stops, and the admins are told once', async () => {
    realm.mailer.answers = [{ outcome: 'Refused', response: '550 no such user' }]
    await alice()
    await realm.run()
    await realm.pass(3 * DAY)
    expect(ids()).toHaveLength(1)
    expect(await status()).toMatchObject({ state: 'Failed', delivery: '550 no such user' })
    expect(await ready()).toMatchObject({ status: 'False', reason: 'DeliveryRefused' })
    expect(realm.mailer.to('bob@acme.example').map(mail => mail.subject)).toEqual(['adminNotice InvitationFailed'])
  })

  it('that is refused for now goes again, the same byte for byte, until it is taken', async () => {
    realm.mailer.answers = Array.from({ length: 4 }, () => ({ outcome: 'NotSent', response: '451 later' }) as const)
    await alice()
    await realm.run()
    expect(await ready()).toMatchObject({ status: 'False', reason: 'Retrying' })
    await realm.pass(3 * HOUR)
    expect(new Set(ids()).size).toBe(1)
    expect(ids()).toHaveLength(5)
    expect(realm.mailer.sent).toHaveLength(1)
    expect(await status()).toMatchObject({ state: 'Pending', attempt: 1, expirationTime: '2026-03-03T09:00:00.000Z' })
  })

  it('that waits for longer than its link lives becomes a new attempt, which costs nobody a try', async () => {
    realm.mailer.answers = () => ({ outcome: 'NotSent', response: 'no route', serverDown: true })
    await alice()
    await realm.pass(30 * HOUR)
    realm.mailer.answers = []
    await realm.pass(2 * HOUR)
    expect(realm.mailer.sent).toHaveLength(1)
    expect(await status()).toMatchObject({ state: 'Pending', attempt: 2 })
    await realm.pass(10 * DAY)
    expect(realm.mailer.to('alice@acme.example')).toHaveLength(3)
    expect(await status()).toMatchObject({ state: 'GaveUp', attempt: 4 })
  })

  it('that never left for so long that the record is full makes room for no more than were ever to be sent', async () => {
    await realm.declare('Organization', 'acme', { invitations: { validFor: '1h', maxAttempts: 2 } })
    await alice()
    await realm.run()
    realm.mailer.answers = () => ({ outcome: 'NotSent', response: '452 mailbox full' })
    await realm.pass(50 * HOUR)
    realm.mailer.answers = []
    await realm.pass(3 * DAY)
    expect(realm.mailer.to('alice@acme.example')).toHaveLength(2)
    expect(await status()).toMatchObject({ state: 'GaveUp' })
    expect((await ready())?.message).toContain('invited 2 times')
  })

  it('that is not answered goes once more with the same id and link, and then no more', async () => {
    realm.mailer.answers = [{ outcome: 'Unknown' }, { outcome: 'Unknown' }]
    await alice()
    await realm.pass(5 * DAY)
    expect(ids()).toHaveLength(2)
    expect(new Set(ids()).size).toBe(1)
    expect(await status()).toMatchObject({ state: 'Failed' })
    expect(await ready()).toMatchObject({ reason: 'DeliveryUnknown' })
    expect(realm.mailer.to('bob@acme.example')).toHaveLength(1)
  })

  it('whose sender died is waited out, then goes once more', async () => {
    realm.mailer.onSend = () => {
      realm.mailer.onSend = undefined
      throw new Error('killed')
    }
    await alice()
    await realm.run().catch(() => undefined)
    await realm.restart()
    await realm.pass(119_000)
    expect(realm.mailer.sent).toHaveLength(0)
    await realm.pass(2_000)
    expect(realm.mailer.sent).toHaveLength(1)
    const membership = await realm.membership('acme', 'alice@acme.example')
    expect(membership?.attempts).toMatchObject([{ number: 1, tries: 2, outcome: 'Sent' }])
  })

  it('is not sent where the audit trail cannot be written, and is as soon as it can', async () => {
    realm.audit.failure = new Error('disk full')
    await realm.store.create(
      {
        kind: 'Invitation',
        metadata: { name: 'carol' },
        spec: { email: 'carol@partner.example', organization: 'acme' },
      },
      { manager: 'user/bob' },
    )
    await realm.run().catch(() => undefined)
    expect(realm.mailer.tried).toHaveLength(0)
    realm.audit.failure = undefined
    await realm.pass(HOUR)
    expect(realm.mailer.sent).toHaveLength(1)
    expect((await realm.membership('acme', 'carol@partner.example'))?.attempts).toMatchObject([
      { tries: 1, outcome: 'Sent' },
    ])
  })

  it('keeps what the portal wrote while it was on its way', async () => {
    realm.mailer.onSend = async () => {
      realm.mailer.onSend = undefined
      await realm.accept('acme', 'alice@acme.example')
    }
    await alice()
    await realm.run()
    const membership = await realm.membership('acme', 'alice@acme.example')
    expect(membership?.joined).toBeDefined()
    expect(membership?.attempts[0]?.outcome).toBe('Sent')
    expect((await status())?.state).toBe('Accepted')
  })

  it('has its intent in the audit trail before it leaves, and its outcome after', async () => {
    const seen: string[] = []
    realm.mailer.onSend = () =>
      void seen.push(...realm.audit.lines.filter(line => line.action === 'mail.send').map(line => line.phase))
    await alice()
    await realm.run()
    expect(seen).toEqual(['intent'])
    const lines = realm.audit.lines.filter(line => line.action === 'mail.send')
    expect(lines.map(line => line.phase)).toEqual(['intent', 'result'])
    expect(new Set(lines.map(line => line.key)).size).toBe(1)
    expect(lines[0]).toMatchObject({ actor: 'source/people', organization: 'acme' })
  })
})

describe('who is said to invite', () => {
  it('is somebody who may do so now, and nobody who is suspended', async () => {
    await realm.declare('Role', 'host', { organization: 'acme', allow: ['invitations:create'] })
    const bob = (suspended: boolean) =>
      realm.declare('User', 'bob', {
        email: 'bob@acme.example',
        memberships: [{ organization: 'acme', roles: ['host'], join: 'None' }],
        suspended,
      })
    const inviterOf = async (name: string) => {
      const email = `${name}@partner.example`
      await realm.declare(
        'Invitation',
        name,
        { email, organization: 'acme', invitedBy: 'bob' },
        { manager: 'local/eve' },
      )
      await realm.run()
      return factsOf<{ inviter?: { address: string } }>(realm.mailer.to(email)[0]).inviter?.address
    }
    await bob(false)
    await realm.run()
    expect(await inviterOf('first')).toBe('bob@acme.example')
    await bob(true)
    await realm.run()
    expect(await inviterOf('second')).toBeUndefined()
  })
})

describe('giving up', () => {
  it('is told to the admins once', async () => {
    await alice()
    await realm.pass(10 * DAY)
    expect(realm.mailer.to('bob@acme.example').map(mail => mail.subject)).toEqual(['adminNotice InvitationGaveUp'])
    await realm.restart()
    await realm.pass(10 * DAY)
    expect(realm.mailer.to('bob@acme.example')).toHaveLength(1)
  })

  it('of many at once is told of twenty a day', async () => {
    await realm.declare('Organization', 'acme', {
      contacts: [{ name: 'Bob', email: 'bob@acme.example', purpose: 'Technical' }],
      invitations: { dailyLimitPerInviter: 100 },
    })
    realm.mailer.answers = mail =>
      mail.subject === 'invitation' ? { outcome: 'Refused', response: '550' } : { outcome: 'Sent', response: '250' }
    for (let n = 0; n < 30; n++)
      await realm.declare(
        'Invitation',
        `i${n}`,
        { email: `p${n}@partner.example`, organization: 'acme' },
        { manager: 'user/bob' },
      )
    await realm.pass(DAY)
    expect(realm.mailer.to('bob@acme.example').length).toBeGreaterThanOrEqual(20)
    expect(realm.mailer.to('bob@acme.example').length).toBeLessThanOrEqual(21)
  })

  it('on a set-up link is told to the admins too', async () => {
    await realm.declare('User', 'eve', {
      email: 'eve@acme.example',
      memberships: [{ organization: 'acme', join: 'Account' }],
    })
    await realm.pass(10 * DAY)
    expect(realm.mailer.to('eve@acme.example')).toHaveLength(3)
    expect(realm.mailer.to('bob@acme.example').map(mail => mail.subject)).toEqual(['adminNotice InvitationGaveUp'])
  })

  it('is told to who may do something about it: admins by their access, before contacts', async () => {
    await realm.declare('Role', 'admin', { organization: 'acme', allow: ['users:*'] })
    await realm.declare('User', 'root', {
      email: 'root@acme.example',
      memberships: [{ organization: 'acme', roles: ['admin'], join: 'None' }],
    })
    await alice()
    await realm.pass(10 * DAY)
    expect(realm.mailer.to('root@acme.example')).toHaveLength(1)
    expect(realm.mailer.to('bob@acme.example')).toHaveLength(0)
  })
})
