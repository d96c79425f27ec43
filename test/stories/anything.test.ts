import { describe, expect, it } from 'vitest'
import type { UserSpec } from '../../src/api/user.ts'
import { isJoined } from '../../src/decide/membership.ts'
import { generatedInvitationName } from '../../src/decide/record-names.ts'
import { DAY, HOUR, openRealm, type Realm } from '../fakes/realm.ts'
import fc, { storyRuns } from '../properties.ts'

type Entry = NonNullable<UserSpec['memberships']>[number]
type Step = (realm: Realm) => Promise<unknown>

const addresses = ['a@acme.example', 'b@acme.example']
const time = (realm: Realm) => new Date(realm.clock.now()).toISOString()
/** What may fail because the world is not in a state for it; people try that too. */
const tried = async (act: () => Promise<unknown>) => act().catch(() => undefined)

const entry: fc.Arbitrary<Entry> = fc.record(
  {
    organization: fc.constant('acme'),
    roles: fc.subarray(['editor', 'viewer', 'ghost']),
    join: fc.constantFrom('Invitation', 'Account', 'None'),
    state: fc.constant('Ended'),
    until: fc.constantFrom('2026-03-04', '2026-03-20'),
    from: fc.constantFrom('2026-03-03', '2026-03-05'),
  },
  { requiredKeys: ['organization'] },
)
const named = (name: string, run: (realm: Realm) => Promise<unknown>): Step =>
  Object.assign(run, { toString: () => name })
const person = fc.constantFrom('alice', 'bob')
const address = fc.constantFrom(...addresses)
const invitation = fc.constantFrom(
  'i1',
  'i2',
  generatedInvitationName('alice', 'acme'),
  generatedInvitationName('bob', 'acme'),
)

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(person, address, fc.option(entry), fc.boolean())
      .map(([name, email, one, suspended]) =>
        named(`declare ${name} <${email}> ${JSON.stringify(one)} ${suspended ? 'suspended' : ''}`, realm =>
          tried(() => realm.declare('User', name, { email, memberships: one ? [one] : [], suspended })),
        ),
      ),
  },
  person.map(name => named(`remove ${name}`, realm => tried(() => realm.remove('User', name)))),
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('i1', 'i2'), address, fc.subarray(['editor', 'viewer']))
      .map(([name, email, roles]) =>
        named(`invite ${email} as ${name} ${roles}`, realm =>
          tried(async () => {
            const found = await realm.store.get('Invitation', name)
            if (!found)
              await realm.declare('Invitation', name, { email, organization: 'acme', roles }, { manager: 'user/eve' })
          }),
        ),
      ),
  },
  invitation.map(name => named(`delete ${name}`, realm => tried(() => realm.remove('Invitation', name)))),
  fc
    .tuple(invitation, fc.constantFrom('x', 'y', 'z'))
    .map(([name, token]) =>
      named(`resend ${name} ${token}`, realm =>
        tried(() =>
          realm.store.annotate(
            { kind: 'Invitation', name },
            { 'roster.dev/resendRequestedAt': token },
            { manager: 'user/eve' },
          ),
        ),
      ),
    ),
  {
    weight: 3,
    arbitrary: address.map(email =>
      named(`accept ${email}`, realm =>
        tried(() =>
          realm.portal('acme', email, spec => {
            const last = spec.attempts.at(-1)
            const valid =
              last && last.withdrawnTime === undefined && last.expirationTime > time(realm) && last.outcome === 'Sent'
            if (!valid || spec.joined) throw new Error('the link does not work')
            return { ...spec, joined: { time: time(realm), how: 'Link', attempt: last.number } }
          }),
        ),
      ),
    ),
  },
  address.map(email =>
    named(`decline ${email}`, realm =>
      tried(() =>
        realm.portal('acme', email, spec => {
          const last = spec.attempts.at(-1)
          if (!last || spec.joined) throw new Error('nothing to decline')
          return { ...spec, declined: { time: time(realm), attempt: last.number, reported: false } }
        }),
      ),
    ),
  ),
  address.map(email =>
    named(`leave ${email}`, realm =>
      tried(() =>
        realm.portal('acme', email, spec => {
          if (!isJoined(spec)) throw new Error('not there')
          return { ...spec, left: { time: time(realm) } }
        }),
      ),
    ),
  ),
  fc
    .constantFrom(HOUR, DAY, 3 * DAY)
    .map(milliseconds => named(`pass ${milliseconds / HOUR} hours`, realm => realm.pass(milliseconds))),
  fc.constantFrom('Refused', 'NotSent', 'Unknown' as const).map(outcome =>
    named(`next mail ${outcome}`, async realm => {
      realm.mailer.answers = [{ outcome: outcome as 'Refused' }]
    }),
  ),
  fc.constant(named('restart', realm => realm.restart())),
)

describe('whatever happens', () => {
  it('nobody is mailed beyond the limits or twice, nobody outside has access, and a second look changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: Number(process.env.ROSTER_FUZZ_STEPS ?? 16) }), async steps => {
        await using realm = await openRealm()
        await realm.declare('Organization', 'acme', { invitations: { dailyLimitPerInviter: 4 } })
        await realm.declare('Role', 'editor', { organization: 'acme', allow: ['documents:*'] })
        await realm.declare('Role', 'viewer', { organization: 'acme', allow: ['documents:read'] })
        for (const act of steps) {
          await act(realm)
          await realm.run()
          const version = await realm.version()
          const mails = realm.mailer.tried.length
          await realm.runAll()
          expect(await realm.version()).toBe(version)
          expect(realm.mailer.tried).toHaveLength(mails)
        }
        // A new holder tries at once what the mail server did not take; then there is nothing left to do.
        realm.mailer.answers = []
        await realm.restart()
        await realm.run()
        // Every status may go: another process rebuilds it, and changes nothing.
        await realm.restart()
        for (const kind of ['User', 'Invitation'] as const)
          for (const { metadata } of (await realm.store.list(kind)).items)
            await realm.store.patchStatus({ kind, name: metadata.name }, undefined, { ifUid: metadata.uid })
        const records = async () => (await realm.store.list('Membership')).items.map(({ spec }) => spec)
        const [known, lines] = [await records(), realm.audit.lines.length]
        await realm.run()
        expect(await records()).toEqual(known)
        expect(realm.audit.lines).toHaveLength(lines)
        // Every attempt is one mail, or two with one id where one was not answered.
        const counts = new Map<string, number>()
        for (const mail of realm.mailer.sent)
          counts.set(mail.messageId + mail.to.address, (counts.get(mail.messageId + mail.to.address) ?? 0) + 1)
        expect(Math.max(0, ...counts.values())).toBeLessThanOrEqual(
          steps.some(act => String(act) === 'next mail Unknown') ? 2 : 1,
        )
        for (const { spec } of (await realm.store.list('Membership')).items) {
          const times = spec.attempts.map(attempt => Date.parse(attempt.claimedTime))
          for (const at of times)
            expect(times.filter(other => other > at - DAY && other <= at).length).toBeLessThanOrEqual(3)
          if (!isJoined(spec)) expect([spec.settled?.roles ?? [], spec.settled?.permissions ?? []]).toEqual([[], []])
          expect(
            spec.attempts.filter(
              attempt => attempt.withdrawnTime === undefined && Date.parse(attempt.expirationTime) > realm.clock.now(),
            ).length,
          ).toBeLessThanOrEqual(1)
          expect(spec.settled?.roles ?? []).not.toContain('ghost')
        }
        const users = (await realm.store.list('User')).items
        for (const email of addresses) {
          const bearers = users.filter(user => user.spec.email === email && user.status?.state !== undefined)
          expect(bearers.length).toBeLessThanOrEqual(1)
        }
      }),
      {
        numRuns: storyRuns(150),
      },
    )
  }, 600_000)
})
