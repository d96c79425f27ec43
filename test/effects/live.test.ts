import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Attempt, Membership, MembershipSpec } from '../../src/api/membership.ts'
import { openClaim } from '../../src/decide/claim.ts'
import { newMembership, takesAccess } from '../../src/decide/membership.ts'
import { issuePermit } from '../../src/decide/permit.ts'
import type { Effects, MailAct } from '../../src/effects/effects.ts'
import { liveEffects } from '../../src/effects/live.ts'
import type { OutgoingMail } from '../../src/ports/mailer.ts'
import { openEmbeddedStore } from '../../src/store/embedded/store.ts'
import type { ResourceStore } from '../../src/store/store.ts'
import { type FakeAudit, fakeAudit } from '../fakes/audit.ts'
import { type FakeClock, fakeClock } from '../fakes/clock.ts'
import { type FakeMailer, fakeMailer } from '../fakes/mailer.ts'

let store: ResourceStore
let clock: FakeClock
let mailer: FakeMailer
let audit: FakeAudit
let lost: AbortController
let effects: Effects
let record: Membership
let stop: string | undefined
const blank = newMembership({ organization: 'acme', address: 'a@acme.example', nonce: Buffer.alloc(32), now: 0 })
const why = { actor: 'source/people', because: 'users/a.yaml:1', organization: 'acme' }

beforeEach(async () => {
  clock = fakeClock()
  store = await openEmbeddedStore({ folder: ':memory:', clock })
  mailer = fakeMailer()
  audit = fakeAudit()
  lost = new AbortController()
  stop = undefined
  effects = liveEffects({
    store,
    audit,
    mailer,
    clock,
    lost: lost.signal,
    takes: takesAccess,
    stopped: async () => stop,
  })
  record = await effects.createMembership('m-1', blank, why)
})
afterEach(() => store[Symbol.asyncDispose]())

const mail: OutgoingMail = {
  messageId: '<1@portal.example>',
  from: { address: 'roster@mail.example' },
  to: { address: 'a@acme.example' },
  subject: 'hello',
  text: '',
  html: '',
  language: 'en',
  date: '2026-01-05T09:00:00.000Z',
}
const attempt = (more: Partial<Attempt> = {}): Attempt => ({
  number: 1,
  series: 1,
  purpose: 'Invitation',
  actor: 'source/people',
  automatic: false,
  roles: [],
  expirationTime: '2026-01-06T09:00:00.000Z',
  ...openClaim({ now: clock.now(), epoch: 1 }),
  ...more,
})
const act = (more: Partial<MailAct> = {}): MailAct => ({
  record,
  claimed: { ...record.spec, attempts: [attempt()] },
  slot: { in: 'attempts', number: 1 },
  compose: async () => mail,
  explained: why,
  ...more,
})
const now = async () => (await store.get('Membership', 'm-1'))?.spec as MembershipSpec
const rewrite = async (change: (spec: MembershipSpec) => MembershipSpec) => {
  const found = await store.get('Membership', 'm-1')
  if (!found) throw new Error('no record')
  await store.replace(
    { kind: 'Membership', name: 'm-1', spec: change(found.spec) },
    { ifVersion: found.metadata.resourceVersion },
  )
}

describe('a live mail', () => {
  it('has its claim in the store before anything is composed or sent', async () => {
    const seen: unknown[] = []
    const compose = async () => {
      seen.push(...(await now()).attempts.map(one => [one.number, one.outcome]))
      return mail
    }
    await effects.mail(act({ compose }))
    expect(seen).toEqual([[1, undefined]])
    expect((await now()).attempts).toMatchObject([{ outcome: 'Sent', response: '250 taken' }])
  })

  it('is not sent where another write was first', async () => {
    await rewrite(spec => ({ ...spec, left: { time: '2026-01-05T09:00:00.000Z' } }))
    expect(await effects.mail(act())).toEqual({ is: 'lost' })
    expect(mailer.tried).toHaveLength(0)
    expect(audit.lines).toHaveLength(0)
  })

  it('is not sent, nor claimed, once the lease is lost', async () => {
    lost.abort()
    await expect(effects.mail(act())).rejects.toMatchObject({ retry: 'never' })
    expect((await now()).attempts).toHaveLength(0)
  })

  it('is not sent when the lease is lost while it is composed: the intent stays open', async () => {
    const compose = async () => {
      lost.abort()
      return mail
    }
    await expect(effects.mail(act({ compose }))).rejects.toMatchObject({ retry: 'never' })
    expect(mailer.tried).toHaveLength(0)
    expect((await now()).attempts[0]?.outcome).toBeUndefined()
  })

  it('that cannot be composed certainly did not go', async () => {
    await expect(effects.mail(act({ compose: async () => Promise.reject(new Error('bad template')) }))).rejects.toThrow(
      'bad template',
    )
    expect((await now()).attempts).toMatchObject([{ outcome: 'NotSent' }])
  })

  it('whose intent cannot be noted in the audit trail certainly did not go', async () => {
    audit.failure = new Error('disk full')
    await expect(effects.mail(act())).rejects.toThrow('disk full')
    expect(mailer.tried).toHaveLength(0)
    expect((await now()).attempts).toMatchObject([{ outcome: 'NotSent' }])
  })

  it('puts its outcome into its own slot alone, whatever was written meanwhile', async () => {
    mailer.onSend = () =>
      rewrite(spec => ({
        ...spec,
        attempts: spec.attempts.map(one => ({ ...one, withdrawnTime: '2026-01-05T09:00:01.000Z' })),
      }))
    const result = await effects.mail(act())
    expect(result).toMatchObject({ is: 'done' })
    expect((await now()).attempts).toMatchObject([{ outcome: 'Sent', withdrawnTime: '2026-01-05T09:00:01.000Z' }])
  })

  it('does not speak for a successor that took the try over', async () => {
    const theirs = attempt({ tries: 2, epoch: 2, deadline: '2026-01-05T10:00:00.000Z' })
    mailer.onSend = () => rewrite(spec => ({ ...spec, attempts: [theirs] }))
    await effects.mail(act())
    expect((await now()).attempts).toEqual([theirs])
  })

  it('shortens what the server says', async () => {
    mailer.answers = [{ outcome: 'Refused', response: '5'.repeat(500) }]
    await effects.mail(act())
    expect((await now()).attempts[0]?.response).toHaveLength(200)
  })

  it('without an open intent is a mistake, and is not sent', async () => {
    const closed = { ...record.spec, attempts: [attempt({ outcome: 'Sent' })] }
    await expect(effects.mail(act({ claimed: closed }))).rejects.toThrow(/no open intent/)
    expect(mailer.tried).toHaveLength(0)
  })

  it('is held while the whole server is out of reach, longer each time, and no longer once it answers', async () => {
    const down = { outcome: 'NotSent', response: 'no route', serverDown: true } as const
    const held: number[] = []
    for (const answer of [down, down, { outcome: 'NotSent', response: '451' } as const]) {
      mailer.answers = [answer]
      await rewrite(spec => ({ ...spec, attempts: [] }))
      record = (await store.get('Membership', 'm-1')) as Membership
      await effects.mail(act())
      held.push(Math.max(0, effects.mailHeldUntil() - clock.now()))
    }
    expect(held).toEqual([15_000, 30_000, 0])
  })
})

describe('a live write', () => {
  const settled = { roles: ['editor'], groups: [], permissions: ['documents:*'], time: '2026-01-05T09:00:00.000Z' }
  const joined = { time: '2026-01-05T09:00:00.000Z', how: 'Link' as const }
  const permit = issuePermit({ because: 'users/a.yaml says Ended', producer: 'source/people' })

  it('that takes something does not pass without a permit', async () => {
    const member = await effects.updateMembership(record, { ...blank, joined, settled }, why)
    const less: [string, MembershipSpec][] = [
      ['a role', { ...member.spec, settled: { ...settled, roles: [] } }],
      ['a permission', { ...member.spec, settled: { ...settled, permissions: ['documents:read'] } }],
      ['the whole access', { ...blank, joined }],
      ['the membership', { ...member.spec, ended: { time: settled.time, by: 'x', because: 'x' } }],
    ]
    for (const [, spec] of less)
      await expect(effects.updateMembership(member, spec, why)).rejects.toMatchObject({ reason: 'NotAllowed' })
    expect(await now()).toEqual(member.spec)
  })

  it('that takes something with a permit says so before and after, in the words of the permit', async () => {
    const member = await effects.updateMembership(record, { ...blank, joined, settled }, why)
    const change = {
      action: 'end',
      target: 'membership',
      kind: 'User',
      name: 'a',
      because: 'x',
      fields: { roles: ['editor'] },
    } as const
    await effects.takeAccess(member, { ...blank, joined }, permit, { ...why, changes: [change] })
    expect(audit.lines.map(line => [line.phase, line.action, line.actor, line.because])).toEqual([
      ['intent', 'membership.end', 'source/people', 'users/a.yaml says Ended'],
      ['result', 'membership.end', 'source/people', 'users/a.yaml says Ended'],
    ])
  })

  it('that takes something does not happen where the audit trail cannot be written', async () => {
    const member = await effects.updateMembership(record, { ...blank, joined, settled }, why)
    audit.failure = new Error('disk full')
    const change = { action: 'end', target: 'membership', kind: 'User', name: 'a', because: 'x', fields: {} } as const
    await expect(effects.takeAccess(member, blank, permit, { ...why, changes: [change] })).rejects.toThrow('disk full')
    expect((await now()).joined).toBeDefined()
  })

  it('makes a record once, and gives back the one that is there', async () => {
    const again = await effects.createMembership('m-1', { ...blank, nonce: 'B'.repeat(43) }, why)
    expect(again.spec.nonce).toBe(blank.nonce)
  })

  it('removes what is gone already without complaint', async () => {
    await effects.removeGenerated({ kind: 'Invitation', name: 'gone', uid: 'x' }, why)
  })
})
