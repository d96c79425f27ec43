import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DAY, HOUR, openRealm, type Realm } from '../fakes/realm.ts'

let realm: Realm
beforeEach(async () => {
  realm = await openRealm()
  await realm.declare('Organization', 'acme', { displayName: 'Acme GmbH' })
  await realm.declare('Role', 'editor', { organization: 'acme' })
})
afterEach(() => realm[Symbol.asyncDispose]())

const invite = (name: string, options: { manager?: string; organization?: string } = {}) =>
  realm.declare(
    'Invitation',
    name,
    { email: `${name}@partner.example`, organization: options.organization ?? 'acme', roles: ['editor'] },
    { manager: options.manager ?? 'user/bob' },
  )
const status = async (name: string) => (await realm.store.get('Invitation', name))?.status
const readyOf = async (name: string) => (await status(name))?.conditions?.find(one => one.type === 'Ready')
const numbered = (n: number) => `p${String(n).padStart(3, '0')}`

describe('fifty-one invitations by one inviter', () => {
  beforeEach(async () => {
    for (let n = 1; n <= 51; n++) {
      await invite(numbered(n))
      if (n === 50) await realm.run()
    }
    await realm.run()
  })

  it('send fifty; the last waits, and says until when', async () => {
    expect(realm.mailer.sent).toHaveLength(50)
    expect(realm.mailer.to('p051@partner.example')).toHaveLength(0)
    expect((await status('p051'))?.state).toBe('Queued')
    expect(await readyOf('p051')).toMatchObject({
      status: 'True',
      reason: 'WaitingForTime',
      message: expect.stringContaining('2026-03-03T09:00:00'),
    })
  })

  it('send the last when the window opens, not a second before', async () => {
    await realm.pass(DAY - 1000)
    expect(realm.mailer.to('p051@partner.example')).toHaveLength(0)
    await realm.pass(1000)
    expect(realm.mailer.to('p051@partner.example')).toHaveLength(1)
    expect((await status('p051'))?.state).toBe('Pending')
  })

  it('leave another inviter alone', async () => {
    await invite('other', { manager: 'user/carol' })
    await realm.run()
    expect(realm.mailer.to('other@partner.example')).toHaveLength(1)
  })

  it('are not made more by deleting one that was sent', async () => {
    await realm.remove('Invitation', 'p001')
    await realm.run()
    expect(await realm.store.get('Invitation', 'p001')).toBeUndefined()
    await invite('p001')
    await invite('p052')
    await realm.run()
    expect(realm.mailer.sent).toHaveLength(50)
    expect((await status('p001'))?.state).toBe('Queued')
  })

  it('keep their order over a restart', async () => {
    for (let n = 52; n <= 60; n++) await invite(numbered(n))
    await realm.run()
    await realm.restart()
    await realm.run()
    await realm.pass(DAY)
    const order = realm.mailer.sent.slice(50).map(mail => mail.to.address.slice(0, 4))
    expect(order.filter(name => name >= 'p051').toSorted()).toEqual([
      'p051',
      'p052',
      'p053',
      'p054',
      'p055',
      'p056',
      'p057',
      'p058',
      'p059',
      'p060',
    ])
  })

  it('count a resend by hand, but not one that happens by itself', async () => {
    await realm.pass(DAY)
    // The fifty that were not answered went again by themselves, and the waiting one went too.
    expect(realm.mailer.sent).toHaveLength(101)
    for (let n = 1; n <= 50; n++)
      await realm.store.annotate(
        { kind: 'Invitation', name: numbered(n) },
        { 'roster.dev/resendRequestedAt': 'now' },
        { manager: 'user/bob' },
      )
    await realm.run()
    expect(realm.mailer.sent).toHaveLength(150)
  })
})

describe('the limit of one address', () => {
  it('is three mails a day, whoever asks and from wherever', async () => {
    await realm.declare('Organization', 'globex', {})
    await realm.declare('Role', 'guest', { organization: 'globex' })
    for (const [index, manager] of ['user/a', 'user/b', 'user/c', 'user/d'].entries()) {
      await realm.declare(
        'Invitation',
        `carol-${index}`,
        { email: 'carol@partner.example', organization: index % 2 === 0 ? 'acme' : 'globex' },
        { manager },
      )
      await realm.run()
      const name = `carol-${index}`
      await realm.store.annotate(
        { kind: 'Invitation', name },
        { 'roster.dev/resendRequestedAt': `${index}` },
        { manager },
      )
      await realm.run()
      await realm.clock.advance(60_000)
    }
    expect(realm.mailer.to('carol@partner.example')).toHaveLength(3)
    await realm.pass(DAY)
    expect(realm.mailer.to('carol@partner.example').length).toBeLessThanOrEqual(6)
    expect(realm.mailer.to('carol@partner.example').length).toBeGreaterThan(3)
  })

  it('does not hold up the others in line', async () => {
    await invite('carol')
    for (let n = 0; n < 5; n++) {
      await realm.store.annotate(
        { kind: 'Invitation', name: 'carol' },
        { 'roster.dev/resendRequestedAt': `${n}` },
        { manager: 'user/bob' },
      )
      await realm.run()
    }
    expect(realm.mailer.to('carol@partner.example')).toHaveLength(3)
    await invite('dave')
    await realm.run()
    expect(realm.mailer.to('dave@partner.example')).toHaveLength(1)
  })
})

describe('the limit of an organization', () => {
  it('holds for all inviters together, and a raised one lets the line go on at once', async () => {
    await realm.declare('Organization', 'acme', { invitations: { dailyLimit: 4 } })
    for (let n = 1; n <= 8; n++) await invite(numbered(n), { manager: n % 2 ? 'user/a' : 'user/b' })
    await realm.run()
    expect(realm.mailer.sent).toHaveLength(4)
    await realm.declare('Organization', 'acme', { invitations: { dailyLimit: 7 } })
    await realm.run()
    expect(realm.mailer.sent).toHaveLength(7)
    await realm.pass(23 * HOUR)
    expect(realm.mailer.sent).toHaveLength(7)
    await realm.pass(HOUR)
    expect(realm.mailer.sent.map(mail => mail.to.address)).toContain('p008@partner.example')
  })

  it('of nothing sends nothing, and says that somebody must act', async () => {
    await realm.declare('Organization', 'acme', { invitations: { dailyLimit: 0 } })
    await invite('carol')
    await realm.run()
    expect(realm.mailer.sent).toHaveLength(0)
    expect(await readyOf('carol')).toMatchObject({ status: 'False', reason: 'RateLimited' })
  })
})

describe('a waiting line', () => {
  beforeEach(async () => {
    await realm.declare('Organization', 'acme', { invitations: { dailyLimitPerInviter: 1, maxAttempts: 1 } })
    for (let n = 1; n <= 5; n++) {
      await realm.clock.advance(1000)
      await invite(numbered(6 - n))
      await realm.run()
    }
  })
  const order = () => realm.mailer.sent.map(mail => mail.to.address.slice(0, 4))

  it('moves up when somebody ahead is taken out of it', async () => {
    await realm.remove('Invitation', 'p004')
    await realm.pass(DAY)
    expect(order()).toEqual(['p005', 'p003'])
    await realm.pass(DAY)
    expect(order()).toEqual(['p005', 'p003', 'p002'])
  })

  it('keeps its order when the process was away while its time came', async () => {
    realm.loop.abort()
    await realm.clock.advance(3 * DAY)
    await realm.restart()
    await realm.run()
    expect(order()).toEqual(['p005', 'p004'])
    await realm.pass(3 * DAY)
    expect(order()).toEqual(['p005', 'p004', 'p003', 'p002', 'p001'])
  })

  it('loses no place to a claim that was lost to another write', async () => {
    let calls = 0
    await realm.restart({
      effects: effects => ({
        ...effects,
        mail: act => (calls++ === 0 ? Promise.resolve({ is: 'lost' as const }) : effects.mail(act)),
      }),
    })
    await realm.pass(DAY + HOUR)
    expect(calls).toBe(2)
    expect(order()).toEqual(['p005', 'p004'])
  })
})
