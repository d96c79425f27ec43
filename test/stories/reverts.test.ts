import { describe, expect, it } from 'vitest'
import { isConflict } from '../../src/api/errors.ts'
import type { DeclaredKind } from '../../src/api/names.ts'
import { reconcilersOf } from '../../src/app/world.ts'
import { isJoined } from '../../src/decide/membership.ts'
import { DAY, openRealm, type Realm } from '../fakes/realm.ts'
import fc, { storyRuns } from '../properties.ts'

/** What is declared: `User/ann` → its spec. */
type Declared = ReadonlyMap<string, object>
/** Makes another declaration of the one that stands, and of all that stood before. */
type Edit = (past: readonly Declared[]) => Declared

const roles = fc.subarray(['editor', 'viewer', 'auditor'])
const people = ['ann', 'ben', 'cid', 'dan']
const put = (kind: DeclaredKind, names: string[], spec: fc.Arbitrary<object>): fc.Arbitrary<Edit> =>
  fc.tuple(fc.constantFrom(...names), fc.option(spec, { freq: 4 })).map(([name, made]) =>
    Object.assign<Edit, object>(
      past => {
        const next = new Map(past.at(-1))
        if (made) next.set(`${kind}/${name}`, kind === 'User' ? { email: `${name}@acme.example`, ...made } : made)
        else next.delete(`${kind}/${name}`)
        return next
      },
      { toString: () => `${kind}/${name} ${JSON.stringify(made)}` },
    ),
  )
const organization = 'acme'
const edit: fc.Arbitrary<Edit> = fc.oneof(
  put(
    'User',
    people,
    fc.record(
      {
        memberships: roles.chain(given =>
          fc.constantFrom([], [{ organization, roles: given, join: 'None' }], [{ organization, state: 'Ended' }]),
        ),
        suspended: fc.constant(true),
        locale: fc.constantFrom('de', 'fr'),
      },
      { requiredKeys: ['memberships'] },
    ),
  ),
  put(
    'Group',
    ['inner', 'outer'],
    fc.record(
      {
        organization: fc.constant(organization),
        members: fc.subarray(people),
        roles,
        groups: fc.constantFrom([], ['inner']),
        membersWhere: fc.constant('user.locale == "de"'),
      },
      { requiredKeys: ['organization', 'members'] },
    ),
  ),
  put(
    'Role',
    ['editor', 'viewer'],
    fc.subarray(['documents:*', 'files:read']).map(allow => ({ organization, allow })),
  ),
  put(
    'LicensePool',
    ['suite'],
    fc.constantFrom({}, { roles: ['editor'] }).map(selector => ({
      organization,
      product: 'CloudHub',
      seats: 10,
      releaseAfter: '0s',
      selector,
    })),
  ),
  fc.nat(5).map(back =>
    Object.assign<Edit, object>(past => past.at(-1 - back) ?? (past[0] as Declared), {
      toString: () => `as it was ${back} edits ago`,
    }),
  ),
)

const FIRST: Declared = new Map<string, object>([
  ['Organization/acme', { domains: ['acme.example'], guard: { maxRemovals: '100%', freeRemovals: 1000 } }],
  ['Role/auditor', { organization, allow: ['audit:read'] }],
])

/** Declares the difference. */
const bring = async (realm: Realm, from: Declared, to: Declared): Promise<void> => {
  for (const [key, spec] of to) {
    const [kind, name] = key.split('/') as [DeclaredKind, string]
    if (JSON.stringify(from.get(key)) === JSON.stringify(spec)) continue
    // What is still going away is declared again when it is gone.
    await realm.declare(kind, name, spec as never).catch(async error => {
      if (!isConflict(error)) throw error
      await realm.run()
      await realm.declare(kind, name, spec as never)
    })
  }
  for (const key of from.keys()) {
    const [kind, name] = key.split('/') as [DeclaredKind, string]
    if (!to.has(key)) await realm.remove(kind, name)
  }
}

/** What people have, and what is said of everything; not how it came to be. */
const standing = async ({ store }: Realm) => ({
  access: (await store.list('Membership')).items.flatMap(({ spec }) => {
    if (!isJoined(spec) || !spec.settled) return []
    const { time, ...access } = spec.settled
    return [[spec.address, access]]
  }),
  users: (await store.list('User')).items.map(({ metadata, status }) => [
    metadata.name,
    status?.state,
    status?.memberships,
    status?.licenses,
  ]),
  groups: (await store.list('Group')).items.map(({ metadata, status }) => [metadata.name, status?.members]),
  pools: (await store.list('LicensePool')).items.map(({ status }) => [status?.used, status?.free, status?.waiting]),
})

describe('a realm that was edited and edited back, in whatever order', () => {
  it('stands as one in which only the last declaration was ever made', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(edit, fc.constantFrom(0, 1_000, DAY)), { minLength: 1, maxLength: 12 }),
        async edits => {
          const options = { reconcilers: (world: Parameters<typeof reconcilersOf>[0]) => reconcilersOf(world) }
          await using realm = await openRealm(options)
          const past = [FIRST]
          await bring(realm, new Map(), FIRST)
          for (const [change, pause] of edits) {
            const next = change(past)
            await bring(realm, past.at(-1) as Declared, next)
            past.push(next)
            // Some edits follow at once, before anything was made of the one before.
            if (pause > 0) await realm.pass(pause)
          }
          await realm.pass(3 * DAY)
          await using fresh = await openRealm(options)
          await bring(fresh, new Map(), past.at(-1) as Declared)
          await fresh.pass(3 * DAY)
          expect(await standing(realm)).toEqual(await standing(fresh))
        },
      ),
      { numRuns: storyRuns(60) },
    )
  }, 300_000)
})
