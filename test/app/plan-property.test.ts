import { describe, expect, it } from 'vitest'
import type { Plan } from '../../src/app/plan.ts'
import { reconcilersOf } from '../../src/app/world.ts'
import type { PlacedManifest } from '../../src/source/revision.ts'
import { DAY, HOUR, type Realm } from '../fakes/realm.ts'
import fc, { storyRuns } from '../properties.ts'
import {
  applyOn,
  type Complete,
  openPlanned,
  placed,
  plannedWords,
  planOn,
  revisionWith,
  toldWords,
} from './planning.ts'

const ROLES = ['a', 'b', 'c']
const roles = fc.subarray(ROLES)

const person = fc.record({
  name: fc.integer({ min: 1, max: 5 }),
  address: fc.integer({ min: 1, max: 5 }),
  join: fc.constantFrom('Invitation', 'Invitation', 'Account', 'None'),
  roles,
  from: fc.constantFrom(undefined, undefined, undefined, '2026-02-01', '2026-05-01'),
  until: fc.constantFrom(undefined, undefined, undefined, '2026-03-01', '2026-05-31'),
  state: fc.constantFrom(undefined, undefined, undefined, undefined, 'Ended'),
  suspended: fc.constantFrom(false, false, false, true),
  belongs: fc.constantFrom(true, true, true, false),
  licenses: fc.constantFrom(undefined, undefined, undefined, 1, 2),
  previousName: fc.constantFrom(undefined, undefined, undefined, 1, 2, 3),
  displayName: fc.constantFrom(undefined, undefined, 'Somebody', 'Somebody Else'),
  team: fc.constantFrom(undefined, 'x', 'y'),
})

const described = fc.record({
  people: fc
    .uniqueArray(person, { maxLength: 5, selector: ({ name }) => name })
    .map(people => people.filter((one, at) => people.findIndex(other => other.address === one.address) === at)),
  permissions: fc.array(fc.constantFrom('documents:read', 'documents:*', 'invitations:create'), {
    minLength: 3,
    maxLength: 3,
  }),
  denied: fc.constantFrom(undefined, undefined, 'documents:read'),
  existing: fc.constantFrom(ROLES, ROLES, ROLES, ['a', 'b']),
  groups: fc.uniqueArray(
    fc.record({
      name: fc.integer({ min: 1, max: 3 }),
      members: fc.uniqueArray(fc.integer({ min: 1, max: 5 }), { maxLength: 3 }),
      nested: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
      team: fc.constantFrom(undefined, undefined, 'x', 'y'),
      roles,
    }),
    { maxLength: 3, selector: ({ name }) => name },
  ),
  pool: fc.option(fc.record({ seats: fc.integer({ min: 1, max: 4 }), selector: roles }), { nil: undefined }),
  limit: fc.constantFrom(50, 50, 2),
  freeRemovals: fc.constantFrom(undefined, undefined, 0, 1),
  // By name: two may ask the same address, and one may take the place of another.
  invited: fc.uniqueArray(
    fc.record({ name: fc.integer({ min: 1, max: 4 }), address: fc.integer({ min: 1, max: 7 }), roles }),
    { maxLength: 3, selector: ({ name }) => name },
  ),
})
/** A state, and an edit of it: whatever is not kept is another one. */
const edited = fc
  .tuple(
    described,
    described,
    fc.subarray([
      'people',
      'permissions',
      'denied',
      'existing',
      'groups',
      'pool',
      'limit',
      'freeRemovals',
      'invited',
    ] as const),
  )
  .map(([first, second, kept]): [Described, Described] => [
    first,
    { ...second, ...Object.fromEntries(kept.map(part => [part, first[part]])) },
  ])
type Described = typeof described extends fc.Arbitrary<infer T> ? T : never

const given = <T extends object>(fields: T): { [K in keyof T]: NonNullable<T[K]> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never

const documents = (one: Described): PlacedManifest[] => {
  const names = new Set(one.people.map(({ name }) => name))
  return [
    placed('Organization', 'acme', {
      domains: ['acme.example'],
      invitations: { dailyLimitPerInviter: one.limit },
      ...(one.freeRemovals !== undefined && { guard: { freeRemovals: one.freeRemovals } }),
    }),
    ...ROLES.filter(role => one.existing.includes(role)).map((role, at) =>
      placed('Role', role, {
        organization: 'acme',
        allow: [one.permissions[at] ?? 'documents:read'],
        ...(at === 0 && one.denied !== undefined && { deny: [one.denied] }),
      }),
    ),
    ...one.groups.map(({ name, members, nested, team, roles }) =>
      placed('Group', `g${name}`, {
        organization: 'acme',
        members: members.map(member => `p${member}`),
        // Upwards only, so that nothing goes round in a circle.
        ...(nested !== undefined && nested > name && { groups: [`g${nested}`] }),
        ...(team !== undefined && { membersWhere: `user.labels.team == "${team}"` }),
        roles,
      }),
    ),
    ...(one.pool
      ? [
          placed('LicensePool', 'suite', {
            organization: 'acme',
            product: 'Suite',
            seats: one.pool.seats,
            selector: { roles: one.pool.selector },
          }),
        ]
      : []),
    ...one.people.map(
      ({ name, address, join, roles, from, until, state, suspended, belongs, licenses, previousName, ...of }) =>
        placed(
          'User',
          `p${name}`,
          {
            email: `a${address}@acme.example`,
            suspended,
            ...(of.displayName !== undefined && { displayName: of.displayName }),
            ...(belongs && {
              memberships: [
                given({
                  organization: 'acme',
                  join: join as 'Invitation',
                  roles,
                  from,
                  until,
                  state: state as 'Ended',
                }),
              ],
            }),
            ...(licenses !== undefined && one.pool && { licenses: [{ pool: 'suite', quantity: licenses }] }),
            ...(previousName !== undefined && !names.has(previousName) && { previousNames: [`p${previousName}`] }),
          },
          of.team === undefined ? undefined : { team: of.team },
        ),
    ),
    ...one.invited.map(({ name, address, roles }) =>
      placed('Invitation', `i${name}`, { organization: 'acme', email: `a${address}@acme.example`, roles }),
    ),
  ]
}

/** A realm in which the first state has been applied and lived with for an hour. */
const lived = async (realm: Realm, first: Complete, accepting: readonly number[]): Promise<void> => {
  await applyOn(realm, first)
  for (const address of accepting) {
    const record = await realm.membership('acme', `a${address}@acme.example`)
    if (record?.attempts.at(-1)?.outcome === 'Sent' && !record.joined)
      await realm.accept('acme', `a${address}@acme.example`)
  }
  await realm.pass(HOUR)
}

/** Plans without a trace, applies, and compares. `away`: for so long nobody ran the loop, so that much may be due. */
const holds = async (realm: Realm, second: Complete, away: number): Promise<Plan> => {
  if (away > 0) {
    await realm.clock.advance(away)
    await realm.restart({ reconcilers: reconcilersOf })
  }
  const all = away > 0
  const version = await realm.version()
  const tried = realm.mailer.tried.length
  const plan = await planOn(realm, second, { all })
  expect(await realm.version(), 'planning writes nothing').toBe(version)
  expect(realm.mailer.tried.length, 'planning sends nothing').toBe(tried)
  const again = await planOn(realm, second, { all })
  expect(JSON.stringify(again), 'two plans are the same').toBe(JSON.stringify(plan))
  expect(plan.failed).toEqual([])
  if (away === 0) expect(plan.alsoDue, 'nothing is due where the loop has just come to rest').toEqual([])

  const { sync, told } = await applyOn(realm, second)
  const resources = (action: string) =>
    plan.changes
      .filter(one => one.target === 'resource' && one.action === action && typeof one.fields['email'] !== 'string')
      .map(({ kind, name }) => `${kind}/${name}`)
      .sort()
  const refs = (all: readonly { kind: string; name: string }[]) => all.map(({ kind, name }) => `${kind}/${name}`).sort()
  expect(resources('create')).toEqual(refs(sync.created))
  // Who is only marked as going and whose losses are held, stays.
  const stayed = new Set<string>()
  for (const { name } of sync.going) if (await realm.store.get('User', name)) stayed.add(`User/${name}`)
  expect(resources('delete')).toEqual(refs(sync.pruned).filter(ref => !stayed.has(ref)))
  expect(plannedWords(plan, sync)).toEqual(toldWords(told))

  const rest = await planOn(realm, second, { all })
  expect([...rest.changes, ...rest.alsoDue], 'nothing is left to plan').toEqual([])
  return plan
}

const accepting = fc.subarray([1, 2, 3, 4, 5, 6, 7])

describe('a plan', () => {
  it('names exactly what applying then does, whatever is edited', async () => {
    await fc.assert(
      fc.asyncProperty(edited, accepting, async ([first, second], accepting) => {
        await using realm = await openPlanned()
        await lived(realm, revisionWith(...documents(first)), accepting)
        await holds(realm, revisionWith(...documents(second)), 0)
      }),
      { numRuns: storyRuns(60) },
    )
  }, 240_000)

  it('names what is due anyway beside it, when nobody ran the loop for a while', async () => {
    await fc.assert(
      fc.asyncProperty(
        edited,
        accepting,
        fc.constantFrom(HOUR, 2 * DAY, 90 * DAY),
        async ([first, second], accepting, away) => {
          await using realm = await openPlanned()
          await lived(realm, revisionWith(...documents(first)), accepting)
          await holds(realm, revisionWith(...documents(second)), away)
        },
      ),
      { numRuns: storyRuns(40) },
    )
  }, 240_000)

  it('has the same hash in another store that holds the same, in whatever order it came there and the manifests are given', async () => {
    await fc.assert(
      fc.asyncProperty(edited, accepting, async ([first, second], accepting) => {
        await using one = await openPlanned()
        await using other = await openPlanned()
        await lived(one, revisionWith(...documents(first)), accepting)
        // Other uids, other versions, other lines in the files.
        await applyOn(other, revisionWith(placed('Organization', 'before', {})))
        await applyOn(other, revisionWith())
        await lived(other, elsewhere(documents(first)), accepting.toReversed())
        const plan = await planOn(one, revisionWith(...documents(second)))
        const again = await planOn(other, elsewhere(documents(second)))
        expect(again.hash, JSON.stringify([plan.changes, again.changes])).toBe(plan.hash)
        expect(again.base).not.toBe(plan.base)
      }),
      { numRuns: storyRuns(30) },
    )
  }, 240_000)
})

/** The same documents in another order, on other lines of other files. */
const elsewhere = (documents: readonly PlacedManifest[]): Complete =>
  revisionWith(...documents.toReversed().map(({ manifest }, at) => ({ manifest, place: `all.yaml:${10 * at + 1}` })))
