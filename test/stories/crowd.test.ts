import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DAY, openRealm, type Realm } from '../fakes/realm.ts'

let realm: Realm
beforeEach(async () => {
  realm = await openRealm()
})
afterEach(() => realm[Symbol.asyncDispose]())

/** Lets the workers run, sixteen keys at once, until nothing is ready any more. */
const rest = async () => {
  let quiet = 0
  for (let turn = 0; turn < 100_000 && quiet < 20; turn++) {
    await setImmediate()
    await realm.clock.advance(20)
    quiet = realm.loop.idleVersion() === (await realm.version()) ? quiet + 1 : 0
  }
  expect(quiet).toBe(20)
}

describe('a crowd that is reconciled at once', () => {
  it('is invited once each, however their writes meet', async () => {
    await realm.declare('Organization', 'acme', { invitations: { dailyLimitPerInviter: 30, dailyLimit: 1000 } })
    await realm.declare('Role', 'editor', { organization: 'acme', allow: ['documents:*'] })
    const address = (n: number) => `u${n}@acme.example`
    for (let n = 0; n < 60; n++)
      await realm.declare(
        'User',
        `u${n}`,
        { email: address(n), memberships: [{ organization: 'acme', roles: ['editor'] }] },
        { manager: n < 30 ? 'source/a' : 'source/b' },
      )
    realm.mailer.onSend = async mail => {
      // While a mail is on its way, some accept an earlier reading of it, and manifests change.
      const n = Number(/^u(\d+)@/.exec(mail.to.address)?.[1] ?? 0)
      await setImmediate()
      if (mail.subject === 'invitation' && n % 3 === 0) await realm.accept('acme', mail.to.address)
      if (n % 5 === 0)
        await realm.declare(
          'User',
          `u${n}`,
          { email: address(n), givenName: 'Changed', memberships: [{ organization: 'acme', roles: ['editor'] }] },
          { manager: n < 30 ? 'source/a' : 'source/b' },
        )
      await setImmediate()
    }
    realm.loop.start()
    await rest()
    const invited = realm.mailer.sent.filter(mail => mail.subject === 'invitation').map(mail => mail.to.address)
    expect(invited.length).toBe(60)
    expect(new Set(invited).size).toBe(60)
    const users = (await realm.store.list('User')).items
    expect(users.filter(user => user.status?.state === 'Active')).toHaveLength(20)
    expect(users.filter(user => user.status?.state === 'Invited')).toHaveLength(40)
    expect(realm.mailer.sent.filter(mail => mail.subject === 'welcome')).toHaveLength(20)
  })

  it('never goes beyond the limit, however many ask at once', async () => {
    await realm.declare('Organization', 'acme', { invitations: { dailyLimitPerInviter: 7 } })
    for (let n = 0; n < 40; n++)
      await realm.declare('User', `u${n}`, { email: `u${n}@acme.example`, memberships: [{ organization: 'acme' }] })
    realm.mailer.onSend = () => setImmediate()
    realm.loop.start()
    await rest()
    expect(realm.mailer.sent).toHaveLength(7)
  })
})

describe('one address that many organizations invite at once', () => {
  it('gets no more mails in a day than anybody, and the others after it', async () => {
    for (let n = 0; n < 8; n++) await realm.declare('Organization', `org-${n}`, {})
    for (let n = 0; n < 8; n++)
      await realm.declare(
        'Invitation',
        `in-${n}`,
        { email: 'carol@partner.example', organization: `org-${n}` },
        { manager: 'user/bob' },
      )
    realm.mailer.onSend = () => setImmediate()
    realm.loop.start()
    await rest()
    expect(realm.mailer.sent).toHaveLength(3)
    await realm.clock.advance(DAY)
    await rest()
    expect(realm.mailer.sent).toHaveLength(6)
  })
})

describe('a mail server that is out of reach', () => {
  it('is asked by one mail now and then, and no link begins to run', async () => {
    await realm.declare('Organization', 'acme', {})
    for (let n = 0; n < 40; n++)
      await realm.declare('User', `u${n}`, { email: `u${n}@acme.example`, memberships: [{ organization: 'acme' }] })
    realm.mailer.answers = () => ({ outcome: 'NotSent', response: 'no route to host', serverDown: true })
    await realm.pass(3_600_000)
    expect(realm.mailer.tried.length).toBeLessThan(40)
    const claimed = (await realm.store.list('Membership')).items.filter(({ spec }) => spec.attempts.length > 0)
    expect(claimed.length).toBeLessThan(20)
    realm.mailer.answers = []
    await realm.pass(600_000)
    expect(realm.mailer.sent).toHaveLength(40)
  })
})

describe('a restart', () => {
  it('counts what was sent before it', async () => {
    await realm.declare('Organization', 'acme', { invitations: { dailyLimitPerInviter: 3 } })
    for (let n = 0; n < 5; n++)
      await realm.declare('User', `u${n}`, { email: `u${n}@acme.example`, memberships: [{ organization: 'acme' }] })
    await realm.run()
    for (let times = 0; times < 3; times++) {
      await realm.restart()
      await realm.run()
    }
    expect(realm.mailer.sent).toHaveLength(3)
    await realm.pass(DAY)
    expect(new Set(realm.mailer.sent.map(mail => mail.to.address)).size).toBe(5)
  })
})
