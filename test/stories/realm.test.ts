import { describe, expect, it } from 'vitest'
import type { LicensePoolSpec } from '../../src/api/licensepool.ts'
import { DECLARED_KINDS, type DeclaredKind } from '../../src/api/names.ts'
import type { UserMembership, UserSpec } from '../../src/api/user.ts'
import { reconcilersOf } from '../../src/app/world.ts'
import { normalizeAddress } from '../../src/decide/address.ts'
import { activeGrants, isJoined } from '../../src/decide/membership.ts'
import { messageId } from '../../src/decide/record-names.ts'
import type { ResourceStore } from '../../src/store/store.ts'
import { DAY, HOUR, openRealm, type Realm, type RealmOptions } from '../fakes/realm.ts'
import { writtenSince } from '../faults/outcome.ts'
import { oversold, type SeatWrite, watchingSeats } from '../faults/seats.ts'
import fc, { storyRuns } from '../properties.ts'

type Step = (realm: Realm) => Promise<unknown>
const named = (name: string, run: Step): Step => Object.assign(run, { toString: () => name })
/** What may fail because the world is not in a state for it; people try that too. */
const tried = (name: string, act: Step): Step => named(name, realm => act(realm).catch(() => undefined))

const ORGANIZATIONS = ['top', 'left', 'right'] as const
const ADDRESSES = ['a@acme.example', 'b@acme.example', 'c@acme.example'] as const
const organization = fc.constantFrom(...ORGANIZATIONS)
const address = fc.constantFrom(...ADDRESSES)
const person = fc.constantFrom('ann', 'ben', 'cid')
const roles = fc.subarray(['top-role', 'left-role', 'right-role'], { maxLength: 2 })
const time = (realm: Realm) => new Date(realm.clock.now()).toISOString()

const entry: fc.Arbitrary<UserMembership> = fc.record(
  {
    organization,
    roles,
    join: fc.constantFrom('Invitation', 'Account', 'None'),
    state: fc.constant('Ended'),
    until: fc.constantFrom('2026-03-04', '2026-03-20'),
    from: fc.constantFrom('2026-03-03', '2026-03-05'),
  },
  { requiredKeys: ['organization', 'roles'] },
)

const declareUser = fc
  .record(
    {
      name: person,
      email: address,
      memberships: fc.uniqueArray(entry, { maxLength: 2, selector: one => one.organization }),
      labels: fc.constantFrom({}, { team: 'x' }, { team: 'y' }),
      aliases: fc.subarray([...ADDRESSES], { maxLength: 1 }),
      previousNames: fc.subarray(['ann', 'ben', 'cid'], { maxLength: 1 }),
      suspended: fc.constant(true),
      licenses: fc.constantFrom([{ pool: 'p1', quantity: 3 }], [{ pool: 'p2' }]),
    },
    { requiredKeys: ['name', 'email', 'memberships', 'labels'] },
  )
  .map(({ name, labels, ...spec }) =>
    tried(`declare ${name} ${JSON.stringify({ labels, ...spec })}`, realm =>
      realm.declare('User', name, spec as unknown as UserSpec, { labels }),
    ),
  )

const declareOrganization = fc
  .record(
    {
      name: organization,
      parent: organization,
      children: fc.subarray([...ORGANIZATIONS]),
      invitations: fc.constantFrom({ maxAttempts: 1 }, { maxAttempts: 3, validFor: '2h' }, { dailyLimit: 2 }),
    },
    { requiredKeys: ['name'] },
  )
  .map(({ name, ...spec }) =>
    tried(`organization ${name} ${JSON.stringify(spec)}`, realm => realm.declare('Organization', name, spec)),
  )

const declareGroup = fc
  .record(
    {
      name: fc.constantFrom('g1', 'g2', 'g3'),
      members: fc.subarray(['ann', 'ben', 'cid']),
      groups: fc.subarray(['g1', 'g2', 'g3']),
      roles,
      membersWhere: fc.constantFrom('user.labels.team == "x"', 'user.nothing == 1', 'user.external'),
    },
    { requiredKeys: ['name'] },
  )
  .map(({ name, ...spec }) =>
    tried(`group ${name} ${JSON.stringify(spec)}`, realm =>
      realm.declare('Group', name, { organization: name === 'g3' ? 'left' : 'top', ...spec }),
    ),
  )

const declareRole = fc
  .tuple(organization, fc.subarray(['users:*', 'docs:*']), fc.constantFrom('Organization', 'Descendants'))
  .map(([where, allow, scope]) =>
    tried(`role ${where}-role ${allow} ${scope}`, realm =>
      realm.declare('Role', `${where}-role`, { organization: where, allow, scope }),
    ),
  )

const declarePool = fc
  .record(
    {
      name: fc.constantFrom('p1', 'p2'),
      seats: fc.nat(4),
      perUser: fc.integer({ min: 1, max: 2 }),
      shared: fc.boolean(),
      reserveForInvited: fc.boolean(),
      releaseAfter: fc.constantFrom('0s', '1h', '72h'),
      selector: fc.constantFrom<object>(
        {},
        { roles: ['top-role'] },
        { groups: ['g1'] },
        { expression: 'user.no == 1' },
      ),
      priority: fc.constant([{ roles: ['top-role'] }]),
    },
    { requiredKeys: ['name', 'seats'] },
  )
  .map(({ name, ...spec }) =>
    tried(`pool ${name} ${JSON.stringify(spec)}`, realm =>
      realm.declare('LicensePool', name, {
        organization: name === 'p1' ? 'top' : 'left',
        product: 'CloudHub',
        selector: {},
        ...spec,
      } as unknown as LicensePoolSpec),
    ),
  )

const anything: fc.Arbitrary<readonly [DeclaredKind, string]> = fc.oneof(
  person.map(name => ['User', name] as const),
  fc.constantFrom('g1', 'g2', 'g3').map(name => ['Group', name] as const),
  fc.constantFrom('p1', 'p2').map(name => ['LicensePool', name] as const),
  organization.map(name => ['Organization', name] as const),
  organization.map(name => ['Role', `${name}-role`] as const),
  fc.constantFrom('i1', 'i2').map(name => ['Invitation', name] as const),
)

const invite = fc.tuple(fc.constantFrom('i1', 'i2'), address, organization, roles).map(([name, email, where, given]) =>
  tried(`invite ${email} to ${where} as ${name} ${given}`, async realm => {
    if (!(await realm.store.get('Invitation', name)))
      await realm.declare('Invitation', name, { email, organization: where, roles: given }, { manager: 'user/eve' })
  }),
)

const answer = fc
  .tuple(fc.constantFrom('accept', 'decline', 'leave'), organization, address)
  .map(([how, where, email]) =>
    tried(`${how} ${where} ${email}`, realm =>
      realm.portal(where, email, spec => {
        const last = spec.attempts.at(-1)
        if (how === 'leave') {
          if (!isJoined(spec)) throw new Error('not there')
          return { ...spec, left: { time: time(realm) } }
        }
        const isOpen = last && last.withdrawnTime === undefined && last.expirationTime > time(realm) && !spec.joined
        if (!isOpen || last.outcome !== 'Sent') throw new Error('the link does not work')
        return how === 'accept'
          ? { ...spec, joined: { time: time(realm), how: 'Link', attempt: last.number } }
          : { ...spec, declined: { time: time(realm), attempt: last.number, reported: false } }
      }),
    ),
  )

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: declareUser },
  { weight: 2, arbitrary: declareOrganization },
  { weight: 2, arbitrary: declareGroup },
  { weight: 2, arbitrary: declareRole },
  { weight: 3, arbitrary: declarePool },
  { weight: 2, arbitrary: invite },
  { weight: 5, arbitrary: answer },
  {
    weight: 2,
    arbitrary: anything.map(([kind, name]) => tried(`remove ${kind} ${name}`, realm => realm.remove(kind, name))),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(anything, fc.constantFrom('yes', null))
      .map(([[kind, name], value]) =>
        tried(`${value ? 'pause' : 'resume'} ${kind} ${name}`, realm =>
          realm.store.annotate({ kind, name }, { 'roster.dev/pause': value }, { manager: 'user/eve' }),
        ),
      ),
  },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom(HOUR, DAY, 4 * DAY)
      .map(milliseconds => named(`pass ${milliseconds / HOUR} hours`, realm => realm.pass(milliseconds))),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('Refused' as const, 'NotSent' as const, 'Unknown' as const).map(outcome =>
      named(`next mail ${outcome}`, async realm => {
        realm.mailer.answers = [{ outcome }]
      }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('i1', 'i2'), fc.constantFrom('x', 'y'))
      .map(([name, token]) =>
        tried(`resend ${name} ${token}`, realm =>
          realm.store.annotate(
            { kind: 'Invitation', name },
            { 'roster.dev/resendRequestedAt': token },
            { manager: 'user/eve' },
          ),
        ),
      ),
  },
  { weight: 1, arbitrary: fc.constant(named('restart', realm => realm.restart({ ...options, ...watched }))) },
)

/** Writes of pages of seats. */
let seen: SeatWrite[] = []
const watching = (store: ResourceStore) => watchingSeats(store, write => seen.push(write))
const options: RealmOptions = { reconcilers: world => reconcilersOf(world) }
const watched: RealmOptions = { wrap: watching }

const records = async (realm: Realm) =>
  (await Promise.all((['Membership', 'Account', 'SeatLedger'] as const).map(kind => realm.store.list(kind)))).map(
    list => list.items.map(({ metadata, spec }) => [metadata.name, spec]),
  )

/** Mails with a link that went to another address than the one that their link proves. */
const strayLinks = async (realm: Realm): Promise<string[]> => {
  const addresses = new Map(
    (await realm.store.list('Membership')).items.flatMap(({ metadata, spec }) =>
      spec.attempts.map(one => [
        messageId(metadata.name, `attempts/${one.number}`, 'portal.example'),
        normalizeAddress(spec.address),
      ]),
    ),
  )
  return realm.mailer.sent
    .filter(mail => mail.subject === 'invitation' || mail.subject === 'accountCreated')
    .filter(mail => (addresses.get(mail.messageId) ?? mail.to.address) !== mail.to.address)
    .map(mail => `${mail.subject} of ${addresses.get(mail.messageId)} to ${mail.to.address}`)
}

/** Access in force that nothing declared or granted gives any more. */
const baseless = async (realm: Realm): Promise<string[]> => {
  const list = async <K extends 'Membership' | 'User' | 'Group' | 'Organization'>(kind: K) =>
    (await realm.store.list(kind)).items
  const [memberships, users, groups, organizations] = [
    await list('Membership'),
    await list('User'),
    await list('Group'),
    await list('Organization'),
  ]
  const ready = (name: string) =>
    organizations
      .find(one => one.metadata.name === name)
      ?.status?.conditions?.some(one => one.type === 'Ready' && one.status === 'True')
  return memberships.flatMap(({ metadata, spec }) => {
    const user = users.find(one => one.metadata.uid === spec.user?.uid)
    if (!spec.settled || !user || user.metadata.annotations?.['roster.dev/pause'] || !ready(spec.organization))
      return []
    // Whose address is disputed is left as it is until somebody decides.
    if (user.status?.conditions?.some(one => one.type === 'DuplicateDeclared')) return []
    const given = new Set([
      ...(user.spec.memberships ?? []).flatMap(one =>
        one.organization === spec.organization && one.state !== 'Ended' ? (one.roles ?? []) : [],
      ),
      ...activeGrants(spec).flatMap(grant => grant.roles),
      ...groups.filter(one => one.spec.organization === spec.organization).flatMap(one => one.spec.roles ?? []),
    ])
    return spec.settled.roles
      .filter(role => !isJoined(spec) || !given.has(role))
      .map(role => `${metadata.name} of ${spec.address} in ${spec.organization} holds ${role}`)
  })
}

describe('a whole realm, whatever happens in it', () => {
  it('never gives a seat twice, mails nobody beyond the limits, leaves no access without a reason, and comes to rest', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: Number(process.env.ROSTER_FUZZ_STEPS ?? 16) }), async steps => {
        seen = []
        await using realm = await openRealm({ ...options, ...watched })
        await realm.declare('Organization', 'top', { children: ['left', 'right'], domains: ['acme.example'] })
        for (const name of ['left', 'right']) await realm.declare('Organization', name, { parent: 'top' })
        for (const name of ORGANIZATIONS)
          await realm.declare('Role', `${name}-role`, { organization: name, allow: ['docs:read'] })
        await realm.declare('LicensePool', 'p1', {
          organization: 'top',
          product: 'CloudHub',
          seats: 2,
          selector: {},
          shared: true,
        })
        for (const act of steps) {
          await act(realm)
          // Counts are made anew every ten seconds.
          await realm.pass(90_000)
          const [version, mails] = [await realm.version(), realm.mailer.tried.length]
          await realm.runAll()
          expect(await writtenSince(realm.store, version)).toEqual([])
          expect(realm.mailer.tried).toHaveLength(mails)
          expect(await baseless(realm)).toEqual([])
        }
        // A new holder tries at once what the mail server did not take; then there is nothing left to do.
        realm.mailer.answers = []
        await realm.restart({ ...options, ...watched })
        await realm.run()
        // Every status may go: another process rebuilds it, and changes nothing.
        await realm.restart({ ...options, ...watched })
        for (const kind of DECLARED_KINDS)
          for (const { metadata } of (await realm.store.list(kind)).items)
            await realm.store.patchStatus({ kind, name: metadata.name }, undefined, { ifUid: metadata.uid })
        const [known, lines] = [await records(realm), realm.audit.lines.length]
        await realm.run()
        expect(await records(realm)).toEqual(known)
        expect(realm.audit.lines).toHaveLength(lines)

        expect(await strayLinks(realm)).toEqual([])
        expect(oversold(seen)).toEqual([])
        const times = new Map<string, number[]>()
        for (const { spec } of (await realm.store.list('Membership')).items)
          for (const attempt of spec.attempts)
            times.set(spec.address, [...(times.get(spec.address) ?? []), Date.parse(attempt.claimedTime)])
        for (const all of times.values())
          for (const at of all) {
            expect(all.filter(other => other > at - DAY && other <= at).length).toBeLessThanOrEqual(3)
            expect(all.filter(other => other > at - 30 * DAY && other <= at).length).toBeLessThanOrEqual(10)
          }
      }),
      {
        numRuns: storyRuns(60),
      },
    )
  }, 600_000)
})
