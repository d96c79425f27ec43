import { describe, expect, it } from 'vitest'
import type { PlacedManifest } from '../../src/source/revision.ts'
import { HOUR } from '../fakes/realm.ts'
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
})

const described = fc.record({
  people: fc
    .uniqueArray(person, { maxLength: 5, selector: ({ name }) => name })
    .map(people => people.filter((one, at) => people.findIndex(other => other.address === one.address) === at)),
  permissions: fc.array(fc.constantFrom('documents:read', 'documents:*', 'invitations:create'), {
    minLength: 3,
    maxLength: 3,
  }),
  existing: fc.constantFrom(ROLES, ROLES, ROLES, ['a', 'b']),
  groups: fc.uniqueArray(
    fc.record({
      name: fc.integer({ min: 1, max: 3 }),
      members: fc.uniqueArray(fc.integer({ min: 1, max: 5 }), { maxLength: 3 }),
      nested: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
      roles,
    }),
    { maxLength: 3, selector: ({ name }) => name },
  ),
  pool: fc.option(fc.record({ seats: fc.integer({ min: 1, max: 4 }), selector: roles }), { nil: undefined }),
  limit: fc.constantFrom(50, 50, 2),
  invited: fc.uniqueArray(fc.record({ address: fc.integer({ min: 1, max: 7 }), roles }), {
    maxLength: 2,
    selector: ({ address }) => address,
  }),
})
type Described = typeof described extends fc.Arbitrary<infer T> ? T : never

const given = <T extends object>(fields: T): { [K in keyof T]: NonNullable<T[K]> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never

const documents = (one: Described): PlacedManifest[] => {
  const names = new Set(one.people.map(({ name }) => name))
  return [
    placed('Organization', 'acme', { domains: ['acme.example'], invitations: { dailyLimitPerInviter: one.limit } }),
    ...ROLES.filter(role => one.existing.includes(role)).map((role, at) =>
      placed('Role', role, { organization: 'acme', allow: [one.permissions[at] ?? 'documents:read'] }),
    ),
    ...one.groups.map(({ name, members, nested, roles }) =>
      placed('Group', `g${name}`, {
        organization: 'acme',
        members: members.map(member => `p${member}`),
        // Upwards only, so that nothing goes round in a circle.
        ...(nested !== undefined && nested > name && { groups: [`g${nested}`] }),
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
      ({ name, address, join, roles, from, until, state, suspended, belongs, licenses, previousName }) =>
        placed('User', `p${name}`, {
          email: `a${address}@acme.example`,
          suspended,
          ...(belongs && {
            memberships: [
              given({ organization: 'acme', join: join as 'Invitation', roles, from, until, state: state as 'Ended' }),
            ],
          }),
          ...(licenses !== undefined && one.pool && { licenses: [{ pool: 'suite', quantity: licenses }] }),
          ...(previousName !== undefined && !names.has(previousName) && { previousNames: [`p${previousName}`] }),
        }),
    ),
    ...one.invited.map(({ address, roles }) =>
      placed('Invitation', `i${address}`, { organization: 'acme', email: `a${address}@acme.example`, roles }),
    ),
  ]
}

/** Plans, applies, and compares. */
const holds = async (first: Complete, second: Complete, accepting: readonly number[]): Promise<void> => {
  await using realm = await openPlanned()
  await applyOn(realm, first)
  for (const address of accepting) {
    const record = await realm.membership('acme', `a${address}@acme.example`)
    if (record?.attempts.at(-1)?.outcome === 'Sent' && !record.joined)
      await realm.accept('acme', `a${address}@acme.example`)
  }
  await realm.pass(HOUR)

  const version = await realm.version()
  const tried = realm.mailer.tried.length
  const plan = await planOn(realm, second)
  expect(await realm.version(), 'planning writes nothing').toBe(version)
  expect(realm.mailer.tried.length, 'planning sends nothing').toBe(tried)
  const again = await planOn(realm, second)
  expect(JSON.stringify(again), 'two plans are the same').toBe(JSON.stringify(plan))
  expect(plan.failed).toEqual([])

  const { sync, told } = await applyOn(realm, second)
  const resources = (action: string) =>
    plan.changes
      .filter(one => one.target === 'resource' && one.action === action && typeof one.fields['email'] !== 'string')
      .map(({ kind, name }) => `${kind}/${name}`)
      .sort()
  const refs = (all: readonly { kind: string; name: string }[]) => all.map(({ kind, name }) => `${kind}/${name}`).sort()
  expect(resources('create')).toEqual(refs(sync.created))
  expect(resources('delete')).toEqual(refs(sync.pruned))
  expect(plannedWords(plan, sync)).toEqual(toldWords(told))

  const rest = await planOn(realm, second)
  expect(rest.changes, 'nothing is left to plan').toEqual([])
  expect(rest.held).toEqual([])
}

describe('a plan', () => {
  it('names exactly what applying then does, whatever is edited', async () => {
    await fc.assert(
      fc.asyncProperty(described, described, fc.subarray([1, 2, 3, 4, 5, 6, 7]), async (first, second, accepting) =>
        holds(revisionWith(...documents(first)), revisionWith(...documents(second)), accepting),
      ),
      { numRuns: storyRuns(60) },
    )
  }, 240_000)
})
