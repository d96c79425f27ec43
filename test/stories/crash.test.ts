import { describe, expect, it } from 'vitest'
import { generatedInvitationName } from '../../src/decide/record-names.ts'
import { ConflictError } from '../../src/store/errors.ts'
import { DAY, openRealm, type Realm } from '../fakes/realm.ts'
import { CrashError, every, type Faults, faultyStore } from '../faults/faulty-store.ts'

const time = (realm: Realm) => new Date(realm.clock.now()).toISOString()

/** A month in the life of five people: every transition once, each step followed by a day and five minutes. */
const story: ((realm: Realm) => Promise<unknown>)[] = [
  async realm => {
    await realm.declare('Organization', 'acme', {
      contacts: [{ name: 'Bob', email: 'bob@acme.example', purpose: 'Technical' }],
    })
    await realm.declare('Role', 'editor', { organization: 'acme', allow: ['documents:*'] })
    await realm.declare('Role', 'viewer', { organization: 'acme', allow: ['documents:read'] })
    await realm.declare('User', 'alice', {
      email: 'alice@acme.example',
      memberships: [{ organization: 'acme', roles: ['editor', 'viewer'] }],
    })
    await realm.declare('User', 'eve', {
      email: 'eve@acme.example',
      memberships: [{ organization: 'acme', roles: ['viewer'], join: 'Account' }],
    })
    await realm.declare('User', 'never', { email: 'never@acme.example', memberships: [{ organization: 'acme' }] })
    await realm.declare(
      'Invitation',
      'carol',
      { email: 'carol@partner.example', organization: 'acme', roles: ['viewer'] },
      { manager: 'user/bob' },
    )
    await realm.declare(
      'Invitation',
      'dave',
      { email: 'dave@partner.example', organization: 'acme' },
      { manager: 'user/bob' },
    )
  },
  realm => realm.accept('acme', 'alice@acme.example'),
  realm =>
    realm.store.annotate(
      { kind: 'Invitation', name: 'carol' },
      { 'roster.dev/resendRequestedAt': 'once' },
      { manager: 'user/bob' },
    ),
  realm => realm.accept('acme', 'carol@partner.example'),
  realm =>
    realm.portal('acme', 'dave@partner.example', spec => ({
      ...spec,
      declined: { time: time(realm), attempt: 1, reported: false },
    })),
  realm => realm.remove('Invitation', 'carol'),
  realm =>
    realm.declare('User', 'alice', {
      email: 'alice@acme.example',
      memberships: [{ organization: 'acme', roles: ['viewer'] }],
    }),
  realm =>
    realm.declare('User', 'eve', {
      email: 'eve@acme.example',
      memberships: [{ organization: 'acme', state: 'Ended' }],
    }),
  realm => realm.portal('acme', 'alice@acme.example', spec => ({ ...spec, left: { time: time(realm) } })),
  realm => realm.remove('User', 'never'),
]

/** What the world came to, without the times, which a crash may move. */
const endOf = async (realm: Realm) => {
  const out: Record<string, unknown> = {}
  for (const { metadata, status } of (await realm.store.list('User')).items)
    out[`User ${metadata.name}`] = [status?.state, status?.memberships, metadata.finalizers]
  for (const { metadata, status } of (await realm.store.list('Invitation')).items)
    out[`Invitation ${metadata.name}`] = [status?.state, metadata.finalizers]
  for (const { spec } of (await realm.store.list('Membership')).items) {
    const { address, joined, ended, left, declined, settled, grants, declared, series, attempts, mails } = spec
    out[`Membership ${address}`] = {
      has: [joined?.how, ended?.because, left && 'left', declined && 'declined', declared],
      access: [settled?.roles, settled?.permissions, grants.map(grant => [grant.invitation, grant.roles])],
      series: series.map(one => [one.number, one.openedBy.replace(/\/.*/, '')]),
      attempts: attempts.map(one => [
        one.number,
        one.purpose,
        one.automatic,
        one.actor,
        one.outcome,
        one.withdrawnTime && 'withdrawn',
      ]),
      mails: mails.map(one => [one.key, one.outcome]),
    }
  }
  return out
}

/** Tells the story on a store with faults; a process that dies at a write is followed by another that goes on. */
const tell = async (faults: Faults = {}) => {
  let writes = 0
  let dead = false
  const realm = await openRealm({
    wrap: store => {
      const faulty = faultyStore(store, faults)
      return new Proxy(faulty, {
        get: (target, key) => {
          writes = target.writes
          dead ||= target.crashed
          const value: unknown = Reflect.get(target, key)
          return typeof value === 'function' ? value.bind(target) : value
        },
      })
    },
  })
  const live = async (milliseconds: number) => {
    const end = realm.clock.now() + milliseconds
    for (let wait = milliseconds; ; wait = Math.max(end - realm.clock.now(), 5 * 60_000)) {
      try {
        await realm.pass(wait)
        return
      } catch (error) {
        // A lost race is tried again after a pause; the harness tells of it.
        if (error instanceof ConflictError) continue
        if (!(error instanceof CrashError)) throw error
        await realm.restart()
      }
    }
  }
  for (const step of story) {
    await step(realm)
    await live(DAY + 5 * 60_000)
  }
  await live(10 * DAY)
  const mails = new Map<string, number>()
  for (const mail of realm.mailer.sent) {
    const key = `${mail.messageId} ${mail.to.address}`
    mails.set(key, (mails.get(key) ?? 0) + 1)
  }
  const result = { end: await endOf(realm), mails, writes, dead }
  await realm[Symbol.asyncDispose]()
  return result
}

describe('a process that dies at any write', async () => {
  const undisturbed = await tell()
  const generated = generatedInvitationName('never', 'acme')

  it('has a story to compare with', () => {
    expect(undisturbed.writes).toBeGreaterThan(60)
    expect([...undisturbed.mails.values()].every(count => count === 1)).toBe(true)
    expect(undisturbed.end).not.toHaveProperty([`Invitation ${generated}`])
  })

  it.each(['before', 'after'] as const)(
    '%s it took effect, comes to the same end, with one mail each',
    async effect => {
      const wrong: string[] = []
      let copies = 0
      for (let atWrite = 1; atWrite <= undisturbed.writes; atWrite++) {
        const { end, mails, dead } = await tell({ crash: { atWrite, effect } })
        if (!dead) wrong.push(`write ${atWrite}: nothing died`)
        try {
          expect(end).toEqual(undisturbed.end)
        } catch (error) {
          wrong.push(`write ${atWrite}: ${error instanceof Error ? error.message : error}`)
        }
        if ([...mails.keys()].sort().join() !== [...undisturbed.mails.keys()].sort().join())
          wrong.push(`write ${atWrite}: other mails`)
        const doubled = [...mails.values()].filter(count => count > 1)
        if (doubled.some(count => count > 2) || doubled.length > 1) wrong.push(`write ${atWrite}: ${doubled} copies`)
        copies += doubled.length
      }
      expect(wrong).toEqual([])
      // The window is there, or this test would not look at it.
      expect(copies).toBeGreaterThan(effect === 'before' ? 0 : -1)
      // One more copy only where the process died between the server's answer and the outcome.
      expect(copies).toBeLessThanOrEqual(undisturbed.mails.size)
    },
    600_000,
  )
})

describe('a store that is not itself', async () => {
  const undisturbed = await tell()
  const faults: [what: string, faults: Faults][] = [
    // More conflicts than these cost so much time that links expire at other moments, and another story is told.
    ...[7, 11, 13, 17].map((count): [string, Faults] => [
      `conflicts at every write number ${count}`,
      { conflict: every(count) },
    ]),
    ...[2, 3, 5, 7].map((count): [string, Faults] => [
      `gives every read number ${count} as it was before`,
      { staleEvery: count },
    ]),
    ...[2, 3, 5].flatMap((every): [string, Faults][] =>
      (['double', 'delay'] as const).map(become => [
        `tells every event number ${every} as ${become}`,
        { event: number => (number % every === 0 ? become : 'deliver') },
      ]),
    ),
    ['forgets changes', { gone: { every: 2, after: 3 } }],
  ]
  it.each(faults)(
    '%s, comes to the same end, with the same mails once each',
    async (_what, fault) => {
      const { end, mails } = await tell(fault)
      expect(end).toEqual(undisturbed.end)
      expect([...mails].sort()).toEqual([...undisturbed.mails].sort())
    },
    60_000,
  )
})
